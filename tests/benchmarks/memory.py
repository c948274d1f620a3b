"""What an idle member costs the server, and what `import peers` costs a program."""

import asyncio
import subprocess
import sys
import time

import psutil

from tests.benchmarks.contest import Contest, Goal, Measure, Options, Samples
from tests.benchmarks.processes import our_server, playing

MEMBERS = 500
IN_A_ROOM = 10
SETTLE_SECONDS = 2.0
"""Long enough for a ping or two, short enough that nothing is cleaned up by a timer."""


async def _ours() -> Samples:
    async with our_server() as (url, server):
        process = psutil.Process(server.pid)
        # A first crowd warms up what is kept anyway: modules, allocator arenas.
        async with playing("members", "members", url=url, count=IN_A_ROOM, in_a_room=IN_A_ROOM) as first:
            await first.hear()
            before = process.memory_info().rss
            async with playing("members", "members", url=url, count=MEMBERS, in_a_room=IN_A_ROOM) as crowd:
                await crowd.hear()
                await asyncio.sleep(SETTLE_SECONDS)
                grown = process.memory_info().rss - before
    return {"member": [grown / MEMBERS / 1e3], **_imports()}


def _imports() -> Samples:
    bare = _seconds("pass")
    return {
        "import": [(_seconds("import peers") - bare) * 1e3],
        "client": [(_seconds("from peers import Client") - bare) * 1e3],
    }


def _seconds(code: str) -> float:
    """How long Python takes for this: the best of three runs, so that the machine's noise stays out."""
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        best = min(best, time.perf_counter() - start)
    return best


def contest(options: Options) -> Contest:
    """See the module."""
    return Contest(
        name="memory",
        title="Memory and imports",
        how=(
            f"Growth of the server's resident memory for {MEMBERS} idle members in rooms of {IN_A_ROOM}, by WebSocket; "
            "and what an import adds to the start of Python."
        ),
        ours=_ours,
        rivals={},
        measures=(
            Measure("member", "server, an idle member", "KB", goal=Goal("under 50", lambda ours, _: ours < 50)),
            Measure("import", "import peers", "ms", goal=Goal("under 150", lambda ours, _: ours < 150)),
            Measure("client", "from peers import Client", "ms"),
        ),
    )
