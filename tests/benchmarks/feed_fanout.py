"""One post to very many who watch."""

import contextlib
from typing import Any

from tests.benchmarks.contest import Contest, Goal, Measure, Options, Samples
from tests.benchmarks.events import UNLIMITED
from tests.benchmarks.processes import Program, node_server, our_server, playing

WATCHERS = 1_000
PROCESSES = 2
POSTS = 400
SIZE = 200
ROOM = "fanout"


async def _round(hello: list[Any], server: contextlib.AbstractAsyncContextManager[tuple[str, Program]]) -> Samples:
    async with server as (url, process), contextlib.AsyncExitStack() as stack:
        crowds: list[Program] = []
        for number in range(PROCESSES):
            playing_one = playing(
                "feed_crowd",
                "crowd",
                url=url,
                hello=hello,
                count=WATCHERS // PROCESSES - (number == 0),
                posts=POSTS,
                posting=number == 0,
                post=["post", {"room": ROOM, "topic": "orders", "data": "x" * SIZE}],
                size=SIZE,
            )
            crowds.append(await stack.enter_async_context(playing_one))
            await crowds[-1].hear()
        before = process.cpu()
        for crowd in reversed(crowds):  # the first one posts
            crowd.tell(go=True)
        told = [await crowd.hear() for crowd in crowds]
        served = process.cpu() - before
        for crowd in crowds:
            crowd.tell(enough=True)
    seconds = max(each["ended"] for each in told) - told[0]["begun"]
    deliveries = WATCHERS * POSTS
    return {
        "deliveries": [deliveries / seconds],
        "server": [served * 1e6 / deliveries],
        "crowd": [sum(each["cpu"] for each in told) * 1e6 / deliveries],
    }


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
