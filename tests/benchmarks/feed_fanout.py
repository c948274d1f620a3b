"""One post to very many who watch."""

import contextlib
from typing import Any

from tests.benchmarks.contest import Contest, Goal, Measure, Options, Samples
from tests.benchmarks.crowds import PROCESSES, SIZE, fan_out
from tests.benchmarks.events import UNLIMITED
from tests.benchmarks.processes import Program, node_server, our_server

WATCHERS = 1_000
ROOM = "fanout"


async def _round(hello: list[Any], server: contextlib.AbstractAsyncContextManager[tuple[str, Program]]) -> Samples:
    post = ["post", {"room": ROOM, "topic": "orders", "data": "x" * SIZE}]
    return await fan_out(server, "feed_crowd", WATCHERS, poster_counts=True, hello=hello, post=post, size=SIZE)


async def _ours() -> Samples:
    return await _round(["watch", {"room": ROOM, "topics": ["orders"]}], our_server(options=UNLIMITED))


async def _node() -> Samples:
    return await _round(["enter", ROOM], node_server())


def contest(options: Options) -> Contest:
    """See the module."""
    return Contest(
        name="feed_fanout",
        title=f"A post of {SIZE} bytes to {WATCHERS:,} who watch",
        how=(
            f"{WATCHERS:,} clients over WebSocket that only count, in {PROCESSES} processes, of which one posts, at "
            "most 16 posts on their way. On our server they watch a topic of a room; on Socket.IO's own server for "
            "Node.js they are in a room, and a handler emits to it what is posted."
        ),
        ours=_ours,
        rivals={"Socket.IO for Node.js": _node},
        measures=(
            Measure(
                "deliveries",
                "posts that arrived",
                "deliveries/s",
                better="higher",
                goal=Goal("at least Node's server", lambda ours, rival: ours >= rival),
            ),
            Measure("server", "CPU of the server", "us/delivery"),
            Measure("crowd", "CPU of all clients", "us/delivery"),
        ),
    )
