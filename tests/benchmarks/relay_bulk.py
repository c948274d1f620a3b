"""Large messages through the server."""

from functools import partial

from tests.benchmarks.contest import Contest, Goal, Measure, Options
from tests.benchmarks.events import event_flow
from tests.benchmarks.flow import CPU, bare_flow, our_flow

TOTAL = 48 * 1024 * 1024
KIB = 1024


def contest(options: Options) -> Contest:
    """See the module."""
    return Contest(
        name="relay_bulk",
        title="Bulk through the server",
        how=(
            "Messages of 256 KiB on the bulk lane, direct paths off, sealed; against python-socketio with binary "
            "events of several sizes through a stock server, of which the fastest counts, and Socket.IO's own client "
            "and server for Node.js."
        ),
        ours=partial(our_flow, TOTAL // (256 * KIB), 256 * KIB, lane="bulk", path="relay"),
        rivals={
            **{
                f"python-socketio, {size} KiB events": partial(bare_flow, TOTAL // (size * KIB), size * KIB)
                for size in (16, 60, 256)
            },
            "Socket.IO for Node.js, 256 KiB events": partial(
                event_flow, "node", "node", TOTAL // (256 * KIB), 256 * KIB, every=8
            ),
        },
        measures=(
            Measure(
                "megabytes",
                "one peer to another",
                "MB/s",
                better="higher",
                goal=Goal("at least bare", lambda ours, rival: ours >= rival),
            ),
            CPU,
        ),
    )
