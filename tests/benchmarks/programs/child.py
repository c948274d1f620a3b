"""The frame of a program: a role named on the command line, and JSON lines to and from the benchmark."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import uvloop


class Benchmark:
    """The other end of standard input and output."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    def tell(self, **facts: Any) -> None:
        """Send a line."""
        print(json.dumps(facts), flush=True)

    async def hear(self) -> Any:
        """The next line; None once the benchmark has closed its end: it needs this program no longer."""
        line = await self._reader.readline()
        return json.loads(line) if line else None


PAUSE = 0.1
"""Seconds between two connections of one program, so that the end of one does not delay the start of the next."""


class Stopwatch:
    """Seconds, and seconds of this process's CPU, from the first mark to the last."""

    def __init__(self) -> None:
        self._start: tuple[float, float] | None = None

    def mark(self) -> dict[str, float]:
        """Start, or tell what has passed since."""
        now = time.monotonic(), time.process_time()
        if self._start is None:
            self._start = now
        return {"seconds": now[0] - self._start[0], "cpu": now[1] - self._start[1]}


Role = Callable[..., Awaitable[None]]


def run(roles: Mapping[str, Role]) -> None:
    """Play the role in argv[1] with the arguments in argv[2], on uvloop, as the server does: rivals and ours alike."""
    role, arguments = roles[sys.argv[1]], json.loads(sys.argv[2])

    async def play() -> None:
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        await role(Benchmark(reader), **arguments)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(play())
