"""Plain events between two stock clients: Socket.IO's own client for Node.js."""

from functools import partial

import msgspec

from tests.benchmarks.contest import Contest, Goal, Options
from tests.benchmarks.events import MEASURES, event_round

SIZE = 100
GOAL = Goal("at least Node's server", lambda ours, rival: ours >= rival)


def contest(options: Options) -> Contest:
    """See the module."""
    return Contest(
        name="events_node",
        title="Plain events, Socket.IO's own client for Node.js on both ends",
        how=(
            "Single events of 100 bytes by Socket.IO's own client for Node.js, at most 1,000 on their way: on our "
            "server `relay` events, its limit on events raised; on stock servers an event that a handler emits to the "
            "other client. Then one at a time, there and back."
        ),
        ours=partial(event_round, "node", "ours", 60_000, SIZE),
        rivals={
            "python-socketio": partial(event_round, "node", "python", 15_000, SIZE),
            "Socket.IO for Node.js": partial(event_round, "node", "node", 60_000, SIZE),
        },
        measures=(msgspec.structs.replace(MEASURES[0], goal=GOAL), *MEASURES[1:]),
    )
