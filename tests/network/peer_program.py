"""One peer of a network test, by the public API alone: it talks, and writes down what it sent and what arrived.

    peer_program.py URL ROOM NAME FOLDER [--every SECONDS] [--bulk BYTES] [--after-direct]

It writes one JSON object a line to FOLDER/NAME.sent, NAME.arrived and NAME.paths (times are those of the machine's
monotonic clock), and to NAME.state what it is at: "talking", then, after "stop" on standard input, "flushed", when the
peer has handled everything. At the end of the input it leaves and writes NAME.stats.
"""

import argparse
import asyncio
import hashlib
import json
import random
import sys
import time
from pathlib import Path
from typing import Any, TextIO

import msgspec

from peers import Client
from peers.channel import Message
from peers.peer import Peer

SECRET = "plaintext-of-a-message"
"""In every message: what is captured on the wire must not contain it."""
PUBLIC = "public-name-of-"
"""In every profile, which the server sees: what is captured must contain it, or the capture proves nothing."""


class Records:
    """Files of JSON lines, written through at once."""

    def __init__(self, folder: Path, name: str) -> None:
        self._files: dict[str, TextIO] = {
            kind: (folder / f"{name}.{kind}").open("w", buffering=1) for kind in ("sent", "arrived", "paths", "state")
        }

    def write(self, kind: str, **record: Any) -> None:
        self._files[kind].write(json.dumps({"at": time.monotonic(), **record}) + "\n")

    def close(self) -> None:
        for file in self._files.values():
            file.close()


class Talk:
    """What goes on between this program and its peer."""

    def __init__(self, records: Records, every: float, bulk: int) -> None:
        self.records, self.every, self.bulk = records, every, bulk
        self.stopped = asyncio.Event()

    def small_arrived(self, message: Message[Any]) -> None:
        data = message.data
        self.records.write("arrived", lane="reliable", n=data["n"], digest=data["digest"], path=message.path)

    def bulk_arrived(self, message: Message[Any]) -> None:
        n = int.from_bytes(message.data[:8], "big")
        self.records.write("arrived", lane="bulk", n=n, digest=digest(message.data), path=message.path)

    async def send_small(self, peer: Peer) -> None:
        n = 0
        while not self.stopped.is_set():
            n += 1
            text = f"{SECRET} {n}"
            self.records.write("sent", lane="reliable", n=n, digest=digest(text.encode()))
            await peer.send({"n": n, "text": text, "digest": digest(text.encode())})
            try:
                await asyncio.wait_for(self.stopped.wait(), self.every)
            except TimeoutError:
                continue

    async def send_bulk(self, peer: Peer) -> None:
        channel = peer.channel("bulk", lane="bulk")
        for n in range(1, 1 + self.bulk // 16_384):
            if self.stopped.is_set():
                break
            data = n.to_bytes(8, "big") + random.Random(n).randbytes(16_376)
            self.records.write("sent", lane="bulk", n=n, digest=digest(data))
            await channel.send(data)


def digest(data: bytes) -> str:
    """What two files need to agree on of a message's content."""
    return hashlib.sha256(data).hexdigest()[:16]


async def lines() -> asyncio.StreamReader:
    """Standard input."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("url", "room", "name"):
        parser.add_argument(name)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=float, default=0.02)
    parser.add_argument("--bulk", type=int, default=0)
    parser.add_argument("--after-direct", action="store_true", help="say nothing before there is a direct path")
    options = parser.parse_args()
    records = Records(options.folder, options.name)
    talk = Talk(records, options.every, options.bulk)
    commands = await lines()
    async with Client(options.url) as client:
        room = await client.join(options.room, profile={"name": PUBLIC + options.name})
        room.on("message", talk.small_arrived)
        room.channel("bulk", lane="bulk").on("message", talk.bulk_arrived)
        direct = asyncio.Event()

        @room.on("path_changed")
        def path_changed(peer: Peer, path: str) -> None:
            records.write("paths", path=path)
            if path == "direct":
                direct.set()

        peer = await room.wait_for_peer(timeout=20)
        if options.after_direct:
            await asyncio.wait_for(direct.wait(), 20)
        records.write("state", state="talking")
        async with asyncio.TaskGroup() as group:
            group.create_task(talk.send_small(peer))
            group.create_task(talk.send_bulk(peer))
            await commands.readline()
            talk.stopped.set()
        await peer.flush()
        records.write("state", state="flushed")
        await commands.readline()
        stats = msgspec.json.encode(peer.stats())
        await room.leave()
    (options.folder / f"{options.name}.stats").write_bytes(stats)
    records.close()


if __name__ == "__main__":
    asyncio.run(main())
