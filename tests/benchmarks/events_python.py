"""Plain events between two stock clients: python-socketio's client."""

from functools import partial

from tests.benchmarks.contest import Contest, Options
from tests.benchmarks.events import MEASURES, event_round

SIZE = 100


def contest(options: Options) -> Contest:
    """See the module."""
    return Contest(
        name="events_python",
        title="Plain events, python-socketio's client on both ends",
        how=(
            "Single events of 100 bytes by python-socketio's client, at most 1,000 on their way: on our server "
            "`relay` events, its limit on events raised; on stock servers an event that a handler emits to the other "
            "client. Then one at a time, there and back."
        ),
        ours=partial(event_round, "python", "ours", 15_000, SIZE),
        rivals={
            "python-socketio": partial(event_round, "python", "python", 15_000, SIZE),
            "Socket.IO for Node.js": partial(event_round, "python", "node", 15_000, SIZE),
        },
        measures=MEASURES,
    )
