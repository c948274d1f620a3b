"""Five thousand members that do nothing, in a hundred rooms of one server; and what others notice of them."""

import asyncio
import time
from typing import Final

import psutil

from tests.benchmarks.contest import Contest, Goal, Measure, Options, Samples
from tests.benchmarks.processes import our_server, playing

MEMBERS: Final = 5_000
IN_A_ROOM: Final = 50
IDLE_SECONDS: Final = 21.0
"""Three pings to each."""
TIMES: Final = 20
"""Messages that newcomers send meanwhile."""


async def _ours() -> Samples:
    async with our_server(options=("--max-connections", str(2 * MEMBERS))) as (url, server):
        process = psutil.Process(server.pid)
        before, spent = process.memory_info().rss, server.cpu()
        async with playing("members", "members", url=url, count=MEMBERS, in_a_room=IN_A_ROOM) as crowd:
            await crowd.hear()
            joins = (server.cpu() - spent) / MEMBERS
            memory = (process.memory_info().rss - before) / MEMBERS
            spent = server.cpu()
            await asyncio.sleep(IDLE_SECONDS)
            busy = (server.cpu() - spent) / IDLE_SECONDS
            room = f"beside-{time.monotonic_ns()}"
            async with playing("room_peer", "listen", url=url, room=room, times=TIMES) as listener:
                await listener.hear()
                async with playing("room_peer", "arrive", url=url, room=room, times=TIMES):
                    seconds = (await listener.hear())["seconds"]
            crowd.tell()
            left = (await crowd.hear())["left"]
    return {
        "left": [left],
        "join": [joins * 1e3],
        "memory": [memory / 1e3],
        "busy": [busy * 100],
        "first": [each * 1e3 for each in seconds[1:]],
    }


def contest(options: Options) -> Contest:
    """See the module."""
    return Contest(
        name="idle_members",
        title=f"{MEMBERS:,} idle members",
        how=(
            f"{MEMBERS:,} members, {IN_A_ROOM} in a room, each a WebSocket that answers pings; CPU and memory of the "
            f"server's process, its share of one core over {IDLE_SECONDS:g} s in which nothing else happens, and then "
            "the first message of newcomers in another room, each with a Client of its own."
        ),
        ours=_ours,
        rivals={},
        measures=(
            Measure(
                "left",
                "members still there at the end",
                "",
                better="higher",
                statistic="worst",
                goal=Goal("all of them", lambda ours, _: ours == MEMBERS),
            ),
            Measure("join", "a join, told to up to 49 others", "ms of CPU"),
            Measure("memory", "a member", "KB"),
            Measure("busy", "the server while they are idle", "% of a core"),
            Measure("first", "first message of a newcomer beside them, median", "ms"),
            Measure("first", "the same, p95", "ms", statistic="p95"),
        ),
        rounds=2,
    )
