"""The round trip of a small message over a direct path."""

import time

from tests.benchmarks.contest import Contest, Measure, Options, Samples
from tests.benchmarks.processes import our_server, playing

TIMES = 500
SIZE = 64


async def _ours() -> Samples:
    room = f"rtt-{time.monotonic_ns()}"
    async with our_server() as (url, _), playing("room_peer", "echo", url=url, room=room) as other:
        await other.hear()
        async with playing("room_peer", "ping", url=url, room=room, times=TIMES, size=SIZE) as pinger:
            return _samples((await pinger.hear())["seconds"])


async def _bare() -> Samples:
    async with (
        playing("channel_peer", "echo") as other,
        playing("channel_peer", "ping", times=TIMES, size=SIZE) as pinger,
    ):
        other.tell(**await pinger.hear())
        pinger.tell(**await other.hear())
        return _samples((await pinger.hear())["seconds"])


def _samples(seconds: list[float]) -> Samples:
    return {"rtt": [each * 1e6 for each in seconds[TIMES // 10 :]]}


def contest(options: Options) -> Contest:
    """See the module."""
    return Contest(
        name="direct_rtt",
        title="Round trip over a direct path",
        how=(
            "A 64-byte message on the reliable lane to the other's handler and one back; against a bare aiortc data "
            "channel, ordered, that is echoed."
        ),
        ours=_ours,
        rivals={"aiortc data channel": _bare},
        measures=(Measure("rtt", "p50", "us"), Measure("rtt", "p99", "us", statistic="p99")),
    )
