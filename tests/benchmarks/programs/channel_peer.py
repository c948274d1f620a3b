"""Bare aiortc data channels; the benchmark carries offer and answer between two of these programs."""

import asyncio
import time
from typing import Any

from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription

from tests.benchmarks.programs.child import Benchmark, Stopwatch, run

FULL = 1024 * 1024
"""Bytes that the sender lets wait in its channel."""


def prepare() -> tuple[RTCPeerConnection, RTCDataChannel]:
    """A connection with one ordered channel, neither of them open."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    return connection, connection.createDataChannel("load", negotiated=True, id=0)


async def connect(
    benchmark: Benchmark, connection: RTCPeerConnection, channel: RTCDataChannel, *, offers: bool
) -> None:
    """Open the channel to the other program. Whoever wants its messages must be listening already."""
    opened = asyncio.Event()
    channel.on("open", opened.set)
    if not offers:
        await connection.setRemoteDescription(RTCSessionDescription(**await benchmark.hear()))
        await connection.setLocalDescription(await connection.createAnswer())
    else:
        await connection.setLocalDescription(await connection.createOffer())
    benchmark.tell(type=connection.localDescription.type, sdp=connection.localDescription.sdp)
    if offers:
        await connection.setRemoteDescription(RTCSessionDescription(**await benchmark.hear()))
    if channel.readyState != "open":
        await opened.wait()


async def receive(benchmark: Benchmark, count: int, size: int) -> None:
    """Count messages; tells how long it was from the first to the last."""
    connection, channel = prepare()
    left, watch = count, Stopwatch()
    done = asyncio.Event()

    @channel.on("message")
    def message(data: Any) -> None:
        nonlocal left
        if left == count:
            watch.mark()
        left -= 1
        if not left:
            benchmark.tell(**watch.mark())
            done.set()

    await connect(benchmark, connection, channel, offers=False)
    await done.wait()
    await connection.close()


async def send(benchmark: Benchmark, count: int, size: int) -> None:
    """Send messages, as fast as the channel takes them."""
    connection, channel = prepare()
    await connect(benchmark, connection, channel, offers=True)
    channel.bufferedAmountLowThreshold = FULL // 2
    low = asyncio.Event()
    channel.on("bufferedamountlow", low.set)
    data, watch = bytes(size), Stopwatch()
    watch.mark()
    for _ in range(count):
        if channel.bufferedAmount > FULL:
            low.clear()
            await low.wait()
        channel.send(data)
    await benchmark.hear()
    benchmark.tell(**watch.mark())
    await connection.close()


async def echo(benchmark: Benchmark, times: int, size: int) -> None:
    """Send back what comes."""
    connection, channel = prepare()
    channel.on("message", channel.send)
    await connect(benchmark, connection, channel, offers=False)
    await benchmark.hear()
    await connection.close()


async def ping(benchmark: Benchmark, times: int, size: int) -> None:
    """Send a message and wait for the answer, so many times; tells how long each took, in seconds."""
    connection, channel = prepare()
    answered = asyncio.Event()
    channel.on("message", lambda _: answered.set())
    await connect(benchmark, connection, channel, offers=True)
    data = bytes(size)
    seconds = []
    for _ in range(times):
        answered.clear()
        start = time.monotonic()
        channel.send(data)
        await answered.wait()
        seconds.append(time.monotonic() - start)
    benchmark.tell(seconds=seconds)
    await connection.close()


if __name__ == "__main__":
    run({"receive": receive, "send": send, "echo": echo, "ping": ping})
