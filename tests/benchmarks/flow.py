"""Rounds in which one program sends messages to another as fast as it goes."""

import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from tests.benchmarks import rivals
from tests.benchmarks.contest import Measure, Samples
from tests.benchmarks.processes import Program, bare_server, our_server, playing

CPU = Measure("cpu", "CPU of all processes", "ms/MB")
"""Of use where the machine does other things meanwhile, which slows messages but costs no CPU of ours."""


class Channel(NamedTuple):
    """A rival on the direct path: its program, and the interpreter that it needs."""

    program: str
    python: Callable[[], str]


CHANNELS = {
    "aiortc": Channel("channel_peer", lambda: sys.executable),
    "aiolibdatachannel": Channel("libdatachannel_peer", rivals.libdatachannel_python),
    "iroh": Channel("iroh_peer", rivals.iroh_python),
}


async def our_flow(count: int, size: int, *, lane: str, path: str) -> Samples:
    """Two peers, by the relay with direct paths off, or by a direct path."""
    room, p2p = f"flow-{time.monotonic_ns()}", "never" if path == "relay" else "eager"
    async with (
        our_server() as (url, server),
        playing("room_peer", "receive", url=url, room=room, count=count, lane=lane, p2p=p2p) as receiver,
    ):
        await receiver.hear()
        before = server.cpu()
        sending = playing(
            "room_peer", "send", url=url, room=room, count=count, size=size, lane=lane, p2p=p2p, path=path
        )
        async with sending as sender:
            return await _samples(count, size, receiver, sender, lambda: server.cpu() - before)


async def bare_flow(count: int, size: int) -> Samples:
    """Two python-socketio clients through a stock server, an event for each message."""
    async with bare_server() as (url, server), playing("socketio_peer", "receive", url=url, count=count) as receiver:
        to = (await receiver.hear())["to"]
        before = server.cpu()
        async with playing("socketio_peer", "send", url=url, to=to, count=count, size=size) as sender:
            return await _samples(count, size, receiver, sender, lambda: server.cpu() - before)


async def channel_flow(channel: Channel, count: int, size: int) -> Samples:
    """Two programs with a bare channel of this kind. Raises Unavailable."""
    program, python = channel.program, channel.python()
    async with (
        playing(program, "receive", python=python, count=count, size=size) as receiver,
        playing(program, "send", python=python, count=count, size=size) as sender,
    ):
        receiver.tell(**await sender.hear())
        sender.tell(**await receiver.hear())
        return await _samples(count, size, receiver, sender, lambda: 0.0)


async def channel_round_trips(channel: Channel, times: int, size: int) -> list[float]:
    """Seconds that each took. Raises Unavailable."""
    program, python = channel.program, channel.python()
    async with (
        playing(program, "echo", python=python, times=times, size=size) as other,
        playing(program, "ping", python=python, times=times, size=size) as pinger,
    ):
        other.tell(**await pinger.hear())
        pinger.tell(**await other.hear())
        seconds: list[float] = (await pinger.hear())["seconds"]
        return seconds


async def _samples(
    count: int, size: int, receiver: Program, sender: Program, server_cpu: Callable[[], float]
) -> Samples:
    received = await receiver.hear()
    used = received["cpu"] + server_cpu()
    sender.tell(enough=True)
    used += (await sender.hear())["cpu"]
    rate = (count - 1) / received["seconds"]
    return {"messages": [rate], "megabytes": [rate * size / 1e6], "cpu": [used * 1e3 / (count * size / 1e6)]}
