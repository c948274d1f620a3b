"""Large messages over a direct path."""

from functools import partial

from tests.benchmarks.contest import Contest, Goal, Measure, Options
from tests.benchmarks.flow import CHANNELS, CPU, channel_flow, our_flow

KIB = 1024
TOTAL = {"aiortc": 24, "aiolibdatachannel": 48, "iroh": 12}
"""MiB for each: a second or several."""


def contest(options: Options) -> Contest:
    """See the module."""
    return Contest(
        name="direct_bulk",
        title="Bulk over a direct path",
        how=(
            "Messages of 256 KiB on the bulk lane; against data channels, ordered, with messages of 16 KiB, and a "
            "stream of iroh's, written in 16 KiB. Two processes on one host."
        ),
        ours=partial(our_flow, 48 * 4, 256 * KIB, lane="bulk", path="direct"),
        rivals={name: partial(channel_flow, channel, TOTAL[name] * 64, 16 * KIB) for name, channel in CHANNELS.items()},
        measures=(
            Measure(
                "megabytes",
                "one peer to another",
                "MB/s",
                better="higher",
                goal=Goal("at least the best", lambda ours, rival: ours >= rival),
            ),
            CPU,
        ),
    )
