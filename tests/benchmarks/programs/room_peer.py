"""Peers of ours in one room."""

import asyncio
import time
from itertools import pairwise
from typing import Any, Literal

from peers import Client
from peers.channel import Message
from peers.peer import Peer
from tests.benchmarks.programs.child import PAUSE, Benchmark, Stopwatch, run

P2P = Literal["auto", "eager", "never"]
Lane = Literal["reliable", "bulk"]


async def on_path(peer: Peer, path: str) -> None:
    """Until messages to this peer would go by this path."""
    changed = asyncio.Event()
    peer.on("path_changed", lambda *_: changed.set())
    while peer.path != path:
        await changed.wait()
        changed.clear()


async def listen(benchmark: Benchmark, url: str, room: str, times: int) -> None:
    """Note how long ago each message says it was sent, in seconds."""
    async with Client(url) as client, client.join(room) as joined:
        seconds: list[float] = []
        done = asyncio.Event()

        @joined.on("message")
        def arrived(message: Message[float]) -> None:
            seconds.append(time.monotonic() - message.data)
            if len(seconds) == times:
                benchmark.tell(seconds=seconds)
                done.set()

        benchmark.tell(ready=True)
        await done.wait()


async def arrive(benchmark: Benchmark, url: str, room: str, times: int) -> None:
    """Join as somebody new and say when, so many times."""
    for _ in range(times):
        async with Client(url) as client, client.join(room) as joined:
            peer = await joined.wait_for_peer(timeout=10)
            await peer.send(time.monotonic())
            await peer.flush()
        await asyncio.sleep(PAUSE)
    await benchmark.hear()


async def receive(benchmark: Benchmark, url: str, room: str, count: int, lane: Lane, p2p: P2P) -> None:
    """Count messages; tells how long it was from the first to the last."""
    async with Client(url) as client, client.join(room, p2p=p2p) as joined:
        left, watch = count, Stopwatch()
        done = asyncio.Event()

        @joined.channel("load", lane=lane).on("message")
        def arrived(message: Message[bytes]) -> None:
            nonlocal left
            if left == count:
                watch.mark()
            left -= 1
            if not left:
                benchmark.tell(**watch.mark())
                done.set()

        benchmark.tell(ready=True)
        await done.wait()


async def send(
    benchmark: Benchmark, url: str, room: str, count: int, size: int, lane: Lane, p2p: P2P, path: str
) -> None:
    """Send messages once the path is what it is to be; then wait until they are handled."""
    data = bytes(size)
    async with Client(url) as client, client.join(room, p2p=p2p) as joined:
        peer = await joined.wait_for_peer(timeout=10)
        await on_path(peer, path)
        channel, watch = peer.channel("load", lane=lane), Stopwatch()
        watch.mark()
        for _ in range(count):
            await channel.send(data)
        await peer.flush()
        benchmark.tell(**watch.mark())


async def echo(benchmark: Benchmark, url: str, room: str) -> None:
    """Send back what comes."""
    async with Client(url) as client, client.join(room, p2p="eager") as joined:
        joined.on("message", lambda message: message.peer.send(message.data))
        benchmark.tell(ready=True)
        await benchmark.hear()


async def ping(benchmark: Benchmark, url: str, room: str, times: int, size: int) -> None:
    """Send a message and wait for the answer, so many times; tells how long each took, in seconds."""
    data = bytes(size)
    async with Client(url) as client, client.join(room, p2p="eager") as joined:
        peer = await joined.wait_for_peer(timeout=10)
        await on_path(peer, "direct")
        answers = aiter(peer)
        seconds = []
        for _ in range(times):
            start = time.monotonic()
            await peer.send(data)
            await anext(answers)
            seconds.append(time.monotonic() - start)
        benchmark.tell(seconds=seconds)


async def note(benchmark: Benchmark, url: str, room: str) -> None:
    """Tell, when asked, the longest gap in seconds between two deliveries since the last question."""
    async with Client(url) as client, client.join(room, p2p="eager") as joined:
        times: list[float] = []
        numbers: list[int] = []

        @joined.on("message")
        def arrived(message: Message[int]) -> None:
            times.append(time.monotonic())
            numbers.append(message.data)

        benchmark.tell(ready=True)
        while await benchmark.hear() is not None:
            gaps = [after - before for before, after in pairwise(times)]
            in_order = numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else False
            benchmark.tell(gap=max(gaps, default=0.0), messages=len(times), in_order=in_order)


async def stream(benchmark: Benchmark, url: str, room: str, every: float) -> None:
    """Send a number every so many seconds, from when the path is direct until told to end."""
    async with Client(url) as client, client.join(room, p2p="eager") as joined:
        peer = await joined.wait_for_peer(timeout=10)
        await on_path(peer, "direct")
        benchmark.tell(direct=True)
        ended: asyncio.Future[Any] = asyncio.ensure_future(benchmark.hear())
        number, due = 0, time.monotonic()
        while not ended.done():
            await peer.send(number)
            number, due = number + 1, due + every
            await asyncio.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    run(
        {
            "listen": listen,
            "arrive": arrive,
            "receive": receive,
            "send": send,
            "echo": echo,
            "ping": ping,
            "note": note,
            "stream": stream,
        }
    )
