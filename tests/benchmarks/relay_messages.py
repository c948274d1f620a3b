"""Small messages through the server."""

from functools import partial

from tests.benchmarks.contest import Contest, Goal, Measure, Options
from tests.benchmarks.events import event_flow
from tests.benchmarks.flow import bare_flow, our_flow

SIZE = 100


def contest(options: Options) -> Contest:
    """See the module."""
    return Contest(
        name="relay_messages",
        title="100-byte messages through the server",
        how=(
            "One peer sends to another on the reliable lane, direct paths off, sealed; against stock "
            "clients, one event for each message, through a stock server that emits it to the other client: "
            "python-socketio's, and Socket.IO's own for Node.js, with at most 1,000 on their way."
        ),
        ours=partial(our_flow, 30_000, SIZE, lane="reliable", path="relay"),
        rivals={
            "python-socketio": partial(bare_flow, 5_000, SIZE),
            "Socket.IO for Node.js": partial(event_flow, "node", "node", 60_000, SIZE),
        },
        measures=(
            Measure(
                "messages",
                "one peer to another",
                "messages/s",
                better="higher",
                goal=Goal("at least 10,000, and more than the best", lambda ours, rival: ours >= max(10_000, rival)),
            ),
        ),
    )
