"""Bare python-socketio clients."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import socketio

from tests.benchmarks.programs.child import PAUSE, Benchmark, Stopwatch, run


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[socketio.AsyncClient]:
    """A client that has just connected."""
    sio = socketio.AsyncClient(handle_sigint=False)
    await sio.connect(url, transports=["websocket"])
    try:
        yield sio
    finally:
        await sio.disconnect()


async def call(benchmark: Benchmark, url: str, times: int, size: int) -> None:
    """Connect and call, so many times; tells how long each call took, in seconds."""
    data = bytes(size)
    seconds = []
    for _ in range(times):
        async with connected(url) as sio:
            start = time.monotonic()
            await sio.call("call", data)
            seconds.append(time.monotonic() - start)
        await asyncio.sleep(PAUSE)
    benchmark.tell(seconds=seconds)


async def receive(benchmark: Benchmark, url: str, count: int) -> None:
    """Count messages; tells how long it was from the first to the last."""
    async with connected(url) as sio:
        left, watch = count, Stopwatch()
        done = asyncio.Event()

        @sio.on("message")  # type: ignore[untyped-decorator]
        def message(data: Any) -> None:
            nonlocal left
            if left == count:
                watch.mark()
            left -= 1
            if not left:
                benchmark.tell(**watch.mark())
                done.set()

        benchmark.tell(to=sio.get_sid())
        await done.wait()


async def send(benchmark: Benchmark, url: str, to: str, count: int, size: int) -> None:
    """Send messages, one event each, until the benchmark has seen enough."""
    data = bytes(size)
    async with connected(url) as sio:
        watch = Stopwatch()
        watch.mark()
        for _ in range(count):
            await sio.emit("pass_on", (to, data))
        await benchmark.hear()
        benchmark.tell(**watch.mark())


if __name__ == "__main__":
    run({"call": call, "receive": receive, "send": send})
