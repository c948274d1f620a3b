"""One post to very many who read it as Server-Sent Events."""

import contextlib
from collections.abc import AsyncIterator

from tests.benchmarks.contest import Contest, Goal, Measure, Options, Samples
from tests.benchmarks.processes import Program, our_server, playing, playing_in_node

READERS = 500
PROCESSES = 2
POSTS = 400
SIZE = 200


@contextlib.asynccontextmanager
async def _node_server() -> AsyncIterator[tuple[str, Program]]:
    async with playing_in_node("sse_server", "serve") as server:
        yield (await server.hear())["url"], server


async def _round(path: str, server: contextlib.AbstractAsyncContextManager[tuple[str, Program]]) -> Samples:
    async with server as (url, process), contextlib.AsyncExitStack() as stack:
        crowds: list[Program] = []
        for number in range(PROCESSES):
            started = playing(
                "sse_crowd",
                "crowd",
                url=url,
                path=path,
                count=READERS // PROCESSES,
                posts=POSTS,
                posting=number == 0,
                post={"topic": "orders", "data": "x" * SIZE},
            )
            crowds.append(await stack.enter_async_context(started))
            await crowds[-1].hear()
        before = process.cpu()
        for crowd in reversed(crowds):  # the first one posts
            crowd.tell(go=True)
        told = [await crowd.hear() for crowd in crowds]
        served = process.cpu() - before
        for crowd in crowds:
            crowd.tell(enough=True)
    seconds = max(each["ended"] for each in told) - told[0]["begun"]
    deliveries = READERS * POSTS
    return {
        "deliveries": [deliveries / seconds],
        "server": [served * 1e6 / deliveries],
        "crowd": [sum(each["cpu"] for each in told) * 1e6 / deliveries],
    }


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
