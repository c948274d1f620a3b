"""A pair of paths in memory: the plainest thing that keeps the promise, to test the suite itself with."""

import asyncio
from collections import deque

from peers.codec.frames import Lane
from peers.paths.path import MAX_PATH_PACKET
from tests.paths.check_path import End, Pair

LOW_MARK = 16_384


class MemoryPath:
    """One end; it hands on a packet in each turn of the event loop."""

    def __init__(self, end: End) -> None:
        self._end = end
        self._queue: deque[tuple[Lane, bytes]] = deque()
        self._pump: asyncio.Handle | None = None
        self._ended = False
        self.other: MemoryPath
        self.waiting = 0

    def send(self, lane: Lane, packet: bytes) -> None:
        if not 0 < len(packet) <= MAX_PATH_PACKET:
            raise ValueError("no such packet")
        if self._ended:
            return
        self._queue.append((lane, packet))
        self.waiting += len(packet)
        if self._pump is None:
            self._pump = asyncio.get_running_loop().call_soon(self._hand_on)

    def _hand_on(self) -> None:
        self._pump = None
        lane, packet = self._queue.popleft()
        before = self.waiting
        self.waiting -= len(packet)
        self.other._received(lane, packet)
        if self._queue:
            self._pump = asyncio.get_running_loop().call_soon(self._hand_on)
        if before > LOW_MARK >= self.waiting or self.waiting == 0:
            self._end.on_drain()

    def _received(self, lane: Lane, packet: bytes) -> None:
        if not self._ended:
            self._end.on_packet(lane, packet)

    def end(self, reason: str) -> None:
        if self._ended:
            return
        self._ended = True
        if self._pump is not None:
            self._pump.cancel()
        self._end.on_ended(reason)
        self.other.end("closed by the peer")

    async def close(self) -> None:
        self.end("closed")


async def make_memory_pair() -> Pair:
    """Two ends in one process."""
    left, right = End(), End()
    one, two = MemoryPath(left), MemoryPath(right)
    one.other, two.other = two, one
    left.path, right.path = one, two
    return Pair(left, right)
