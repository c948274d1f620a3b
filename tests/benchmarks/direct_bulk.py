"""Large messages over a direct path."""

from functools import partial

from tests.benchmarks.contest import Contest, Goal, Measure, Options
from tests.benchmarks.flow import CPU, channel_flow, our_flow

TOTAL = 24 * 1024 * 1024
KIB = 1024


def contest(options: Options) -> Contest:
    """See the module."""
    return Contest(
        name="direct_bulk",
        title="Bulk over a direct path",
        how=(
            "Messages of 256 KiB on the bulk lane; against a bare aiortc data channel, ordered, with messages of "
            "16 KiB. Two processes on one host."
        ),
        ours=partial(our_flow, TOTAL // (256 * KIB), 256 * KIB, lane="bulk", path="direct"),
        rivals={"aiortc data channel": partial(channel_flow, TOTAL // (16 * KIB), 16 * KIB)},
        measures=(
            Measure(
                "megabytes",
                "one peer to another",
                "MB/s",
                better="higher",
                goal=Goal("at least 95 %", lambda ours, rival: ours >= 0.95 * rival),
            ),
            CPU,
        ),
    )
