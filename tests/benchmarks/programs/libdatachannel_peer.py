"""libdatachannel's data channels (aiolibdatachannel), by an interpreter of their own: see `tests.benchmarks.rivals`."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiolibdatachannel import DataChannel, GatheringState, GatheringStateChangeEvent, PeerConnection, RTCConfiguration

from tests.benchmarks.programs.child import Benchmark, Stopwatch, run

WAITING, EVERY = 1_024, 256
"""What its reader is late for by more messages than this is dropped: so it tells the sender of each so many."""


@asynccontextmanager
async def connected(benchmark: Benchmark, *, offers: bool) -> AsyncIterator[DataChannel]:
    """An ordered channel to the other program."""
    async with PeerConnection(RTCConfiguration()) as connection:
        events = connection.events()
        if offers:
            channel = await connection.create_data_channel("load")
            await connection.create_offer()
        else:
            heard = await benchmark.hear()
            await connection.set_remote_description(heard["sdp"], "offer")
            await connection.create_answer()
        while connection.gathering_state != GatheringState.COMPLETE:
            event = await anext(events)
            if isinstance(event, GatheringStateChangeEvent) and event.state == GatheringState.COMPLETE:
                break
        description = connection.local_description
        benchmark.tell(sdp=description.sdp)
        if offers:
            await connection.set_remote_description((await benchmark.hear())["sdp"], "answer")
        else:
            channel = await connection.accept_data_channel()
        await channel.wait_open()
        # What comes before the other side listens is lost there: it says when it does.
        if offers:
            await channel.recv()
        else:
            await channel.send(b"!")
        yield channel


async def receive(benchmark: Benchmark, count: int, size: int) -> None:
    """Count messages; tells how long it was from the first to the last."""
    async with connected(benchmark, offers=False) as channel:
        watch = Stopwatch()
        await channel.recv()
        watch.mark()
        for number in range(1, count):
            await channel.recv()
            if number % EVERY == 0:
                await channel.send(b"!", wait_for_drain=False)
        benchmark.tell(**watch.mark())
        await benchmark.hear()


async def send(benchmark: Benchmark, count: int, size: int) -> None:
    """Send messages, as fast as the other side reads them."""
    async with connected(benchmark, offers=True) as channel:
        data, watch = bytes(size), Stopwatch()
        watch.mark()
        told = 0
        for number in range(count):
            if number - told >= WAITING - EVERY:
                await channel.recv()
                told += EVERY
            await channel.send(data, wait_for_drain=False)
        await benchmark.hear()
        benchmark.tell(**watch.mark())


async def echo(benchmark: Benchmark, times: int, size: int) -> None:
    """Send back what comes."""
    async with connected(benchmark, offers=False) as channel:
        for _ in range(times):
            await channel.send(await channel.recv())
        await benchmark.hear()


async def ping(benchmark: Benchmark, times: int, size: int) -> None:
    """Send a message and wait for the answer, so many times; tells how long each took, in seconds."""
    async with connected(benchmark, offers=True) as channel:
        data, seconds = bytes(size), []
        for _ in range(times):
            start = time.monotonic()
            await channel.send(data)
            await channel.recv()
            seconds.append(time.monotonic() - start)
        benchmark.tell(seconds=seconds)
        await benchmark.hear()


if __name__ == "__main__":
    run({"receive": receive, "send": send, "echo": echo, "ping": ping})
