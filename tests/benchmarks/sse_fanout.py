"""One post to very many who read it as Server-Sent Events."""

import contextlib
from collections.abc import AsyncIterator

from tests.benchmarks.contest import Contest, Goal, Measure, Options, Samples
from tests.benchmarks.crowds import PROCESSES, SIZE, fan_out
from tests.benchmarks.processes import Program, our_server, playing_in_node

READERS = 500


@contextlib.asynccontextmanager
async def _node_server() -> AsyncIterator[tuple[str, Program]]:
    async with playing_in_node("sse_server", "serve") as server:
        yield (await server.hear())["url"], server


async def _round(path: str, server: contextlib.AbstractAsyncContextManager[tuple[str, Program]]) -> Samples:
    post = {"topic": "orders", "data": "x" * SIZE}
    return await fan_out(server, "sse_crowd", READERS, poster_counts=False, path=path, post=post)


async def _ours() -> Samples:
    return await _round("/api/v1/rooms/fanout/feed", our_server())


async def _node() -> Samples:
    return await _round("/", _node_server())


def contest(options: Options) -> Contest:
    """See the module."""
    return Contest(
        name="sse_fanout",
        title=f"A post of {SIZE} bytes to {READERS:,} who read Server-Sent Events",
        how=(
            f"{READERS:,} readers over HTTP that only count, in {PROCESSES} processes, of which one posts by requests, "
            "at most 16 posts on their way. The rival is Node.js' own HTTP server with a handler of 20 lines: it keeps "
            "no history, and checks nothing."
        ),
        ours=_ours,
        rivals={"Node.js": _node},
        measures=(
            Measure(
                "deliveries",
                "posts that arrived",
                "deliveries/s",
                better="higher",
                goal=Goal("20,000 a second", lambda ours, _: ours >= 20_000),
            ),
            Measure("server", "CPU of the server", "us/delivery"),
            Measure("crowd", "CPU of all readers", "us/delivery"),
        ),
    )
