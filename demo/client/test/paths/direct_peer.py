"""The Python library's direct path, led line by line: what the browser's meets in the tests.

Reads JSON lines from standard input: an offer to answer, candidates. Writes JSON lines: our answer, our candidates,
what happens. Whatever packet comes goes back by its lane, and after `close` the path is closed.
"""

import asyncio
import json
import sys
from typing import Any

from peers.codec.frames import Lane
from peers.paths.direct import DirectPath
from peers.paths.ice_servers import IceServers, Memory


def say(what: str, value: Any = None) -> None:
    """Tell the test."""
    print(json.dumps([what, value]), flush=True)


async def main(offers: bool) -> None:
    """Be one side of one attempt."""
    ended = asyncio.Event()

    def over(reason: str) -> None:
        say("ended", reason)
        ended.set()

    path = DirectPath(
        1,
        offers=offers,
        ice_servers=IceServers([], Memory()),
        on_open=lambda: say("open"),
        on_packet=lambda lane, packet: path.send(Lane(lane), packet),
        on_drain=lambda: None,
        on_ended=over,
        on_candidate=lambda candidate: say("candidate", candidate),
    )
    reader = asyncio.StreamReader(limit=2**20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    if offers:
        say("offer", await path.offer())
    while line := await reader.readline():
        what, value = json.loads(line)
        if what == "offer":
            say("answer", await path.answer(value))
        elif what == "answer":
            await path.take_answer(value)
        elif what == "candidate":
            path.take_candidate(value)
        else:
            await path.close()
    await path.close()
    await ended.wait()


asyncio.run(main("offer" in sys.argv[1:]))
