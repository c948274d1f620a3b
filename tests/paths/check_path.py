"""What a path promises (`peers.paths.path`), as one suite for every kind of path: `TestX = check_path(make_pair)`."""

import asyncio
import gc
import os
import random
from collections.abc import Awaitable, Callable
from typing import Any

from peers.codec.frames import Lane
from peers.paths.path import Path

ORDERED = (Lane.RELIABLE, Lane.BULK)
DEADLINE = 20.0
"""Seconds that anything may take here; on an idle machine all of it takes a few."""


class End:
    """One side of a pair: its path, and what its path told."""

    def __init__(self) -> None:
        self.path: Path
        self.packets: list[tuple[Lane, bytes]] = []
        self.drains = 0
        self.reasons: list[str] = []
        self.after_end: list[str] = []
        self._changed = asyncio.Event()

    def on_packet(self, lane: Lane, packet: bytes) -> None:
        self._note("packet")
        self.packets.append((lane, packet))

    def on_drain(self) -> None:
        self._note("drain")
        self.drains += 1

    def on_ended(self, reason: str) -> None:
        self._note("ended")
        self.reasons.append(reason)

    def _note(self, what: str) -> None:
        if self.reasons:
            self.after_end.append(what)
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something has happened here. Raises TimeoutError."""
        async with asyncio.timeout(DEADLINE):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def of(self, *lanes: Lane) -> list[bytes]:
        return [packet for lane, packet in self.packets if lane in lanes]


class Pair:
    """Two ends that are connected."""

    def __init__(self, left: End, right: End) -> None:
        self.left, self.right = left, right

    async def close(self) -> None:
        await asyncio.gather(self.left.path.close(), self.right.path.close())


MakePair = Callable[[], Awaitable[Pair]]


def numbered(count: int, size: int, seed: int = 1) -> list[bytes]:
    """Packets that differ, of random sizes up to `size`."""
    rng = random.Random(seed)
    return [number.to_bytes(4, "big") + rng.randbytes(rng.randrange(0, size - 4)) for number in range(count)]


class PathSuite:
    """Each promise of a path. `make_pair` makes the pair; `largest` is the largest packet of this kind of path."""

    largest = 65_536

    async def make_pair(self) -> Pair:
        raise NotImplementedError

    async def test_packets_come_whole_once_and_in_the_order_of_their_lane(self) -> None:
        pair = await self.make_pair()
        sent = {lane: numbered(60, 3_000, seed=lane) for lane in ORDERED}
        for one, two in zip(*sent.values(), strict=True):
            pair.left.path.send(Lane.RELIABLE, one)
            pair.left.path.send(Lane.BULK, two)
        await pair.right.until(lambda: len(pair.right.of(*ORDERED)) >= 120)
        for lane in ORDERED:
            assert pair.right.of(lane) == sent[lane]
        await pair.close()
        assert len(pair.right.packets) == 120

    async def test_both_directions_at_once(self) -> None:
        pair = await self.make_pair()
        there, back = numbered(40, 9_000, seed=1), numbered(40, 9_000, seed=2)
        for one, two in zip(there, back, strict=True):
            pair.left.path.send(Lane.BULK, one)
            pair.right.path.send(Lane.BULK, two)
        await pair.right.until(lambda: len(pair.right.packets) >= 40)
        await pair.left.until(lambda: len(pair.left.packets) >= 40)
        assert (pair.right.of(Lane.BULK), pair.left.of(Lane.BULK)) == (there, back)
        await pair.close()

    async def test_datagrams_come_whole_and_at_most_once(self) -> None:
        pair = await self.make_pair()
        sent = numbered(20, 1_000)
        for packet in sent:
            pair.left.path.send(Lane.DATAGRAM, packet)
        pair.left.path.send(Lane.RELIABLE, b"mark")
        await pair.right.until(lambda: pair.right.of(Lane.RELIABLE) == [b"mark"])
        arrived = pair.right.of(Lane.DATAGRAM)
        assert len(set(arrived)) == len(arrived)
        assert set(arrived) <= set(sent)
        await pair.close()

    async def test_the_largest_and_the_smallest_packet(self) -> None:
        pair = await self.make_pair()
        large = random.Random(1).randbytes(self.largest)
        for packet in (large, b"x", large):
            pair.left.path.send(Lane.RELIABLE, packet)
        await pair.right.until(lambda: len(pair.right.packets) >= 3)
        assert pair.right.of(Lane.RELIABLE) == [large, b"x", large]
        await pair.close()

    async def test_packets_that_are_none_are_refused(self) -> None:
        pair = await self.make_pair()
        for packet in (b"", bytes(self.largest + 1)):
            try:
                pair.left.path.send(Lane.RELIABLE, packet)
            except ValueError:
                continue
            raise AssertionError(f"a packet of {len(packet)} bytes was taken")
        assert pair.left.path.waiting == 0
        await pair.close()

    async def test_what_waits_is_told_and_so_is_that_there_is_room_again(self) -> None:
        pair = await self.make_pair()
        assert pair.left.path.waiting == 0
        packet = bytes(16_384)
        for _ in range(32):
            pair.left.path.send(Lane.BULK, packet)
        assert pair.left.path.waiting >= 16 * len(packet)
        assert pair.left.drains == 0
        # Fed by what `on_drain` tells and nothing else, it must never stall.
        for _ in range(20):
            drains = pair.left.drains
            await pair.left.until(lambda drains=drains: pair.left.drains > drains)  # type: ignore[misc]
            pair.left.path.send(Lane.BULK, packet)
        await pair.left.until(lambda: pair.left.path.waiting == 0)
        await pair.right.until(lambda: len(pair.right.packets) >= 52)
        await pair.close()

    async def test_its_own_end_is_told_once(self) -> None:
        pair = await self.make_pair()
        await pair.left.path.close()
        await pair.left.path.close()
        assert len(pair.left.reasons) == 1
        pair.left.path.send(Lane.RELIABLE, b"dropped")
        await pair.close()
        assert len(pair.left.reasons) == 1
        assert pair.left.after_end == []

    async def test_the_end_of_the_other_side_is_told_once(self) -> None:
        pair = await self.make_pair()
        await pair.left.path.close()
        await pair.right.until(lambda: bool(pair.right.reasons))
        pair.right.path.send(Lane.RELIABLE, b"dropped")
        await pair.close()
        assert len(pair.right.reasons) == 1
        assert pair.right.after_end == []

    async def test_only_a_tail_is_missing_when_it_ends_in_mid_stream(self) -> None:
        pair = await self.make_pair()
        sent = {lane: numbered(200, 4_000, seed=lane) for lane in ORDERED}
        for one, two in zip(*sent.values(), strict=True):
            pair.left.path.send(Lane.RELIABLE, one)
            pair.left.path.send(Lane.BULK, two)
        await pair.right.until(lambda: len(pair.right.packets) >= 20)
        await pair.close()
        for lane in ORDERED:
            arrived = pair.right.of(lane)
            assert arrived == sent[lane][: len(arrived)]
        assert pair.right.after_end == []

    async def test_closing_leaves_no_task_and_no_socket(self) -> None:
        warm = await self.make_pair()
        await warm.close()
        tasks, sockets = len(asyncio.all_tasks()), open_sockets()
        pairs = [await self.make_pair() for _ in range(5)]
        for pair in pairs:
            pair.left.path.send(Lane.BULK, bytes(30_000))
        await asyncio.gather(*(pair.close() for pair in pairs))
        del pairs, pair
        gc.collect()
        await settled(lambda: len(asyncio.all_tasks()) <= tasks and open_sockets() <= sockets)


def check_path(make_pair: MakePair, *, largest: int = 65_536) -> type[PathSuite]:
    """The suite for one kind of path: `TestMemory = check_path(make_pair)`."""

    async def make(self: PathSuite) -> Pair:
        return await make_pair()

    members: dict[str, Any] = {"make_pair": make, "largest": largest}
    return type("TestPath", (PathSuite,), members)


def open_sockets() -> int:
    """How many sockets this process has open (Linux; elsewhere 0)."""
    try:
        fds = os.listdir("/proc/self/fd")
    except OSError:
        return 0
    return sum(is_socket(fd) for fd in fds)


def is_socket(fd: str) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{fd}").startswith("socket:")
    except OSError:
        return False


async def settled(condition: Callable[[], bool]) -> None:
    """Wait until transports that are closing have been closed: that is one turn of the loop, or two."""
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0)
