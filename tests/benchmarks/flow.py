"""Rounds in which one program sends messages to another as fast as it goes."""

import time

from tests.benchmarks.contest import Samples
from tests.benchmarks.processes import bare_server, our_server, playing


async def our_flow(count: int, size: int, *, lane: str, path: str) -> Samples:
    """Two peers, by the relay with direct paths off, or by a direct path."""
    room, p2p = f"flow-{time.monotonic_ns()}", "never" if path == "relay" else "eager"
    async with (
        our_server() as (url, _),
        playing("room_peer", "receive", url=url, room=room, count=count, lane=lane, p2p=p2p) as receiver,
    ):
        await receiver.hear()
        sender = playing("room_peer", "send", url=url, room=room, count=count, size=size, lane=lane, p2p=p2p, path=path)
        async with sender:
            return _samples(count, size, (await receiver.hear())["seconds"])


async def bare_flow(count: int, size: int) -> Samples:
    """Two python-socketio clients through a stock server, an event for each message."""
    async with bare_server() as url, playing("socketio_peer", "receive", url=url, count=count) as receiver:
        to = (await receiver.hear())["to"]
        async with playing("socketio_peer", "send", url=url, to=to, count=count, size=size):
            return _samples(count, size, (await receiver.hear())["seconds"])


async def channel_flow(count: int, size: int) -> Samples:
    """Two programs with a bare aiortc data channel."""
    async with (
        playing("channel_peer", "receive", count=count) as receiver,
        playing("channel_peer", "send", count=count, size=size) as sender,
    ):
        receiver.tell(**await sender.hear())
        sender.tell(**await receiver.hear())
        return _samples(count, size, (await receiver.hear())["seconds"])


def _samples(count: int, size: int, seconds: float) -> Samples:
    rate = (count - 1) / seconds
    return {"messages": [rate], "megabytes": [rate * size / 1e6]}
