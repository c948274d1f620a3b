"""The first message of a peer that has just joined, against a bare Socket.IO call."""

import time

from tests.benchmarks.contest import Contest, Goal, Measure, Options, Samples
from tests.benchmarks.processes import bare_server, our_server, playing

TIMES = 20
SIZE = 9
"""Bytes in the call: as many as our message has, a float."""


async def _ours() -> Samples:
    room = f"first-{time.monotonic_ns()}"
    async with (
        our_server() as (url, _),
        playing("room_peer", "listen", url=url, room=room, times=TIMES) as listener,
    ):
        await listener.hear()
        async with playing("room_peer", "arrive", url=url, room=room, times=TIMES):
            return _samples((await listener.hear())["seconds"])


async def _bare() -> Samples:
    async with (
        bare_server() as (url, _),
        playing("socketio_peer", "call", url=url, times=TIMES, size=SIZE) as caller,
    ):
        return _samples((await caller.hear())["seconds"])


def _samples(seconds: list[float]) -> Samples:
    milliseconds = [each * 1e3 for each in seconds]
    return {"cold": milliseconds[:1], "warm": milliseconds[1:]}


def contest(options: Options) -> Contest:
    """See the module."""
    return Contest(
        name="first_message",
        title="First message to a peer that is there already",
        how=(
            "From send() right after join until the other process's handler runs, p2p as by default, a new Client each "
            "time; against python-socketio's call() to a stock server right after connecting. Both go twice through "
            "the network; ours is sealed, its handshake included."
        ),
        ours=_ours,
        rivals={"python-socketio call": _bare},
        measures=(
            Measure("warm", "median", "ms", goal=Goal("at most 1.5 x", lambda ours, rival: ours <= 1.5 * rival)),
            Measure("warm", "p95", "ms", statistic="p95"),
            Measure("cold", "first in its process", "ms"),
        ),
    )
