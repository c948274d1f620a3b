"""Stock python-socketio clients that send events to each other, by our server's `relay` or by a handler's `pass_on`.

At most four times `every` events are on their way: the receiver sends one back for each `every` of them, so that every
server is tried with the same load and none is flooded.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import socketio

from tests.benchmarks.programs.child import Benchmark, Stopwatch, run

Emit = Callable[[bytes], Awaitable[None]]


@asynccontextmanager
async def opened(
    benchmark: Benchmark, url: str, room: str, heard: Callable[[Any], None]
) -> AsyncIterator[Callable[[bytes], Awaitable[None]]]:
    """A client that knows whom to send to; gives how. `room`: one to join; none: whose handler passes events on."""
    sio = socketio.AsyncClient(handle_sigint=False, reconnection=False)
    sio.on("message", heard)
    sio.on("relay", lambda event: heard(event["packet"]))
    await sio.connect(url, transports=["websocket"], auth={"protocol": 1})
    try:
        if room:
            benchmark.tell(sid=sio.get_sid())
            fields = await benchmark.hear()
            reply = await sio.call("join", fields)
            if "error" in reply:
                raise RuntimeError(reply["error"])
            benchmark.tell(id=fields["peer"])
        else:
            benchmark.tell(id=sio.get_sid())
        to, number = (await benchmark.hear())["to"], 0

        async def relay(data: bytes) -> None:
            nonlocal number
            await sio.emit("relay", {"room": room, "n": number, "to": [to], "packets": [data]})
            number += 1

        async def pass_on(data: bytes) -> None:
            await sio.emit("pass_on", (to, data))

        yield relay if room else pass_on
    finally:
        await sio.disconnect()


async def receive(benchmark: Benchmark, url: str, room: str, count: int, every: int) -> None:
    """Count events; tells how long it was from the first to the last."""
    news: asyncio.Queue[None] = asyncio.Queue()
    async with opened(benchmark, url, room, lambda _: news.put_nowait(None)) as emit:
        watch = Stopwatch()
        for left in range(count - 1, -1, -1):
            await news.get()
            if left == count - 1:
                watch.mark()
            if left and left % every == 0:  # the last ones would meet a sender that is about to leave
                await emit(b"\0")
        benchmark.tell(**watch.mark())
        await benchmark.hear()


async def send(benchmark: Benchmark, url: str, room: str, count: int, size: int, every: int) -> None:
    """Send events, until the benchmark has seen enough."""
    credit = asyncio.Semaphore(4 * every)

    def more(_: Any) -> None:
        for _ in range(every):
            credit.release()

    async with opened(benchmark, url, room, more) as emit:
        data, watch = bytes(size), Stopwatch()
        watch.mark()
        for _ in range(count):
            await credit.acquire()
            await emit(data)
        await benchmark.hear()
        benchmark.tell(**watch.mark())


async def echo(benchmark: Benchmark, url: str, room: str) -> None:
    """Send back what comes."""
    came: asyncio.Queue[bytes] = asyncio.Queue()
    async with opened(benchmark, url, room, came.put_nowait) as emit:
        enough = asyncio.ensure_future(benchmark.hear())
        while not enough.done():
            next_one = asyncio.ensure_future(came.get())
            await asyncio.wait((enough, next_one), return_when=asyncio.FIRST_COMPLETED)
            if next_one.done():
                await emit(next_one.result())
            else:
                next_one.cancel()


async def ping(benchmark: Benchmark, url: str, room: str, times: int, size: int) -> None:
    """Send an event and wait for the answer, so many times; tells how long each took, in seconds."""
    answers: asyncio.Queue[None] = asyncio.Queue()
    async with opened(benchmark, url, room, lambda _: answers.put_nowait(None)) as emit:
        data, seconds = bytes(size), []
        for _ in range(times):
            start = time.monotonic()
            await emit(data)
            await answers.get()
            seconds.append(time.monotonic() - start)
        benchmark.tell(seconds=seconds)
        await benchmark.hear()


if __name__ == "__main__":
    run({"receive": receive, "send": send, "echo": echo, "ping": ping})
