"""One peer of a network test, by the public API alone: it talks with all others, and writes down what it sent and what
arrived.

    peer_program.py URL ROOM NAME FOLDER [--every SECONDS] [--bulk BYTES] [--after-direct]

It writes one JSON object a line to FOLDER/NAME.sent, .arrived, .paths, .members (who came and went), .undelivered (what
the library gave up), and to .state what it is at: "joining", "joined", "talking", then, after "stop" on standard input,
"flushed", when the others have handled everything. `clock SECONDS` makes its wall clock jump. At the end of the input
it leaves and writes NAME.stats. Times are those of the machine's monotonic clock.
"""

import argparse
import asyncio
import hashlib
import json
import logging
import random
import sys
import time
from pathlib import Path
from typing import Any, TextIO

import msgspec

from peers import Client
from peers.channel import Message
from peers.errors import EitherwayError, Undelivered
from peers.peer import Peer

SECRET = "plaintext-of-a-message"
"""In every message: what is captured on the wire must not contain it."""
PUBLIC = "public-name-of-"
"""In every profile, which the server sees: what is captured must contain it, or the capture proves nothing."""
KINDS = ("sent", "arrived", "paths", "members", "undelivered", "state")
BULK = 16_384
"""Bytes in a message of bulk."""


class Records:
    """Files of JSON lines, written through at once."""

    def __init__(self, folder: Path, name: str) -> None:
        self._files: dict[str, TextIO] = {kind: (folder / f"{name}.{kind}").open("w", buffering=1) for kind in KINDS}

    def write(self, kind: str, **record: Any) -> None:
        self._files[kind].write(json.dumps({"at": time.monotonic(), **record}) + "\n")

    def close(self) -> None:
        for file in self._files.values():
            file.close()


class Talk:
    """What goes on between this program and the others, each known by the name in its profile."""

    def __init__(self, records: Records, every: float, bulk: int, after_direct: bool) -> None:
        self.records, self.every, self.bulk, self.after_direct = records, every, bulk, after_direct
        self.stopped = asyncio.Event()
        self._numbers: dict[tuple[str, str], int] = {}
        """The last number for each name and lane: it goes on when a peer comes back as another."""
        self._talks: dict[Peer, list[asyncio.Task[None]]] = {}
        self._direct: dict[Peer, asyncio.Event] = {}

    # ---- what the library tells

    def appeared(self, peer: Peer) -> None:
        if peer in self._talks:
            return
        self.records.write("members", peer=name_of(peer), event="joined")
        self._direct[peer] = asyncio.Event()
        self._talks[peer] = [asyncio.create_task(work(peer)) for work in (self._send_small, self._send_bulk)]

    def vanished(self, peer: Peer, reason: str) -> None:
        self.records.write("members", peer=name_of(peer), event="left", reason=reason)
        for task in self._talks.pop(peer, []):
            task.cancel()

    def path_changed(self, peer: Peer, path: str) -> None:
        self.records.write("paths", peer=name_of(peer), path=path)
        if path == "direct" and peer in self._direct:
            self._direct[peer].set()

    def undelivered(self, error: Undelivered) -> None:
        for message in error.messages:
            n, lane = number_of(message)
            self.records.write("undelivered", to=name_of(error.peer), lane=lane, n=n)

    def arrived(self, message: Message[Any]) -> None:
        n, lane = number_of(message)
        told = message.data["digest"] if lane == "reliable" else digest(message.data)
        self.records.write("arrived", **{"from": name_of(message.peer)}, lane=lane, n=n, digest=told, path=message.path)

    # ---- sending

    async def _send_small(self, peer: Peer) -> None:
        if self.after_direct:
            await self._direct[peer].wait()
        while not self.stopped.is_set():
            n = self._next(peer, "reliable")
            text = f"{SECRET} {n}"
            self._sending(peer, "reliable", n, digest(text.encode()))
            try:
                await peer.send({"n": n, "text": text, "digest": digest(text.encode())})
                await asyncio.wait_for(self.stopped.wait(), self.every)
            except TimeoutError:
                continue
            except EitherwayError:  # gone meanwhile: the message was not taken
                return self._not_taken(peer, "reliable", n)
        return None

    async def _send_bulk(self, peer: Peer) -> None:
        if self.after_direct:
            await self._direct[peer].wait()
        channel = peer.channel("bulk", lane="bulk")
        left = self.bulk // BULK
        while left > 0 and not self.stopped.is_set():
            left -= 1
            n = self._next(peer, "bulk")
            data = n.to_bytes(8, "big") + random.Random(n).randbytes(BULK - 8)
            self._sending(peer, "bulk", n, digest(data))
            try:
                await channel.send(data)
            except EitherwayError:
                return self._not_taken(peer, "bulk", n)
        return None

    def _next(self, peer: Peer, lane: str) -> int:
        key = name_of(peer), lane
        self._numbers[key] = n = self._numbers.get(key, 0) + 1
        return n

    def _sending(self, peer: Peer, lane: str, n: int, content: str) -> None:
        self.records.write("sent", to=name_of(peer), lane=lane, n=n, digest=content)

    def _not_taken(self, peer: Peer, lane: str, n: int) -> None:
        self.records.write("undelivered", to=name_of(peer), lane=lane, n=n)

    async def stop(self, peers: list[Peer]) -> None:
        """Say nothing more, and wait until the others have handled what was said."""
        self.stopped.set()
        for peer in peers:
            await asyncio.wait(self._talks.get(peer) or [asyncio.create_task(asyncio.sleep(0))])
        await asyncio.gather(*(peer.flush() for peer in peers))


def name_of(peer: Any) -> str:
    return str(peer.name).removeprefix(PUBLIC)


def number_of(message: Message[Any]) -> tuple[int, str]:
    """A message's number, and its lane."""
    if message.channel == "bulk":
        return int.from_bytes(message.data[:8], "big"), "bulk"
    return message.data["n"], "reliable"


def digest(data: bytes) -> str:
    """What two files need to agree on of a message's content."""
    return hashlib.sha256(data).hexdigest()[:16]


def jump(seconds: float) -> None:
    """From now on this program's wall clock is off by so much (its monotonic one, as always, is not)."""
    wall, wall_ns = time.time, time.time_ns
    time.time = lambda: wall() + seconds
    time.time_ns = lambda: wall_ns() + int(seconds * 1e9)


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
    talk = Talk(records, options.every, options.bulk, options.after_direct)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    commands = await lines()
    records.write("state", state="joining")
    async with Client(options.url) as client:
        room = await client.join(options.room, profile={"name": PUBLIC + options.name})
        records.write("state", state="joined")
        room.on("message", talk.arrived)
        room.channel("bulk", lane="bulk").on("message", talk.arrived)
        room.on("peer_joined", talk.appeared)
        room.on("peer_left", talk.vanished)
        room.on("path_changed", talk.path_changed)
        room.on("undelivered", talk.undelivered)
        for peer in room.peers.values():
            talk.appeared(peer)
        await room.wait_for_peer(timeout=60)
        records.write("state", state="talking")
        while (command := (await commands.readline()).split()) and command[0] == b"clock":
            jump(float(command[1]))
        await talk.stop(list(room.peers.values()))
        records.write("state", state="flushed")
        await commands.readline()
        stats = msgspec.json.encode({name_of(peer): peer.stats() for peer in room.peers.values()})
        await room.leave()
    (options.folder / f"{options.name}.stats").write_bytes(stats)
    records.close()


if __name__ == "__main__":
    asyncio.run(main())
