"""iroh's streams, by its Python package: direct, without a relay."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import iroh

from tests.benchmarks.programs.child import Benchmark, Stopwatch, run

PROTOCOL = b"eitherway-benchmark"
AT_ONCE = 64 * 1024
"""Bytes that the receiver takes at once, whatever messages they are."""


@asynccontextmanager
async def connected(benchmark: Benchmark, *, dials: bool) -> AsyncIterator[tuple[iroh.SendStream, iroh.RecvStream]]:
    """Both directions of a stream to the other program."""
    loop: Any = asyncio.get_running_loop()
    iroh.iroh_ffi.uniffi_set_event_loop(loop)
    endpoint = await iroh.Endpoint.bind(
        iroh.EndpointOptions(preset=iroh.preset_minimal(), relay_mode=iroh.RelayMode.disabled(), alpns=[PROTOCOL])
    )
    try:
        if dials:
            benchmark.tell(ready=True)
            told = await benchmark.hear()
            address = iroh.EndpointAddr(iroh.EndpointId.from_string(told["id"]), None, told["addresses"])
            connection = await endpoint.connect(address, PROTOCOL)
            stream = await connection.open_bi()
            await stream.send().write_all(b"!")  # the other side hears of a stream when something comes on it
        else:
            await benchmark.hear()
            benchmark.tell(id=str(endpoint.id()), addresses=endpoint.addr().direct_addresses())
            incoming = await endpoint.accept_next()
            assert incoming is not None
            connection = await (await incoming.accept()).connect()
            stream = await connection.accept_bi()
            await stream.recv().read_exact(1)
        yield stream.send(), stream.recv()
    finally:
        await endpoint.close()


async def receive(benchmark: Benchmark, count: int, size: int) -> None:
    """Count bytes; tells how long it was from the first message to the last."""
    async with connected(benchmark, dials=False) as (_, stream):
        watch, left = Stopwatch(), (count - 1) * size
        await stream.read_exact(size)
        watch.mark()
        while left > 0:
            left -= len(await stream.read(min(left, AT_ONCE)))
        benchmark.tell(**watch.mark())
        await benchmark.hear()


async def send(benchmark: Benchmark, count: int, size: int) -> None:
    """Send messages, as fast as the stream takes them."""
    async with connected(benchmark, dials=True) as (stream, _):
        data, watch = bytes(size), Stopwatch()
        watch.mark()
        for _ in range(count):
            await stream.write_all(data)
        await benchmark.hear()
        benchmark.tell(**watch.mark())


async def echo(benchmark: Benchmark, times: int, size: int) -> None:
    """Send back what comes."""
    async with connected(benchmark, dials=False) as (out, back):
        for _ in range(times):
            await out.write_all(await back.read_exact(size))
        await benchmark.hear()


async def ping(benchmark: Benchmark, times: int, size: int) -> None:
    """Send a message and wait for the answer, so many times; tells how long each took, in seconds."""
    async with connected(benchmark, dials=True) as (out, back):
        data, seconds = bytes(size), []
        for _ in range(times):
            start = time.monotonic()
            await out.write_all(data)
            await back.read_exact(size)
            seconds.append(time.monotonic() - start)
        benchmark.tell(seconds=seconds)
        await benchmark.hear()


if __name__ == "__main__":
    run({"receive": receive, "send": send, "echo": echo, "ping": ping})
