"""Small messages over a direct path."""

from functools import partial

from tests.benchmarks.contest import Contest, Goal, Measure, Options
from tests.benchmarks.flow import CHANNELS, channel_flow, our_flow

SIZE = 100
COUNT = {"aiortc": 10_000, "aiolibdatachannel": 60_000, "iroh": 20_000}


def contest(options: Options) -> Contest:
    """See the module."""
    return Contest(
        name="direct_messages",
        title="100-byte messages over a direct path",
        how=(
            "One peer sends to another on the reliable lane; against data channels, ordered, and a stream of iroh's, "
            "a write for each message. Two processes on one host."
        ),
        ours=partial(our_flow, 60_000, SIZE, lane="reliable", path="direct"),
        rivals={name: partial(channel_flow, channel, COUNT[name], SIZE) for name, channel in CHANNELS.items()},
        measures=(
            Measure(
                "messages",
                "one peer to another",
                "messages/s",
                better="higher",
                goal=Goal("at least the best", lambda ours, rival: ours >= rival),
            ),
        ),
    )
