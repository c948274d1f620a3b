"""The round trip of a small message over a direct path."""

import time
from functools import partial

from tests.benchmarks.contest import Contest, Measure, Options, Samples
from tests.benchmarks.flow import CHANNELS, Channel, channel_round_trips
from tests.benchmarks.processes import our_server, playing

TIMES = 500
SIZE = 64


async def _ours() -> Samples:
    room = f"rtt-{time.monotonic_ns()}"
    async with our_server() as (url, _), playing("room_peer", "echo", url=url, room=room) as other:
        await other.hear()
        async with playing("room_peer", "ping", url=url, room=room, times=TIMES, size=SIZE) as pinger:
            return _samples((await pinger.hear())["seconds"])


async def _theirs(channel: Channel) -> Samples:
    return _samples(await channel_round_trips(channel, TIMES, SIZE))


def _samples(seconds: list[float]) -> Samples:
    return {"rtt": [each * 1e6 for each in seconds[TIMES // 10 :]]}


def contest(options: Options) -> Contest:
    """See the module."""
    return Contest(
        name="direct_rtt",
        title="Round trip over a direct path",
        how=(
            "A 64-byte message on the reliable lane to the other's handler and one back; against data channels, "
            "ordered, and a stream of iroh's, that are echoed."
        ),
        ours=_ours,
        rivals={name: partial(_theirs, channel) for name, channel in CHANNELS.items()},
        measures=(Measure("rtt", "p50", "us"), Measure("rtt", "p99", "us", statistic="p99")),
    )
