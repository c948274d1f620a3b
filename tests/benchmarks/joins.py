"""What it costs the server to let somebody in: a token checked at connect, a statement and a proof at join."""

import secrets
from typing import Final

from tests.benchmarks.contest import Contest, Goal, Measure, Options, Samples
from tests.benchmarks.processes import Program, our_server, playing

COUNT: Final = 500
"""A ping to each of them, every 7 s, is among what is measured."""
WARM: Final = 50
ROOMS: Final = {"alone": 1, "ten": 10}


async def _ours() -> Samples:
    found: Samples = {}
    for name, in_a_room in ROOMS.items():
        secret = secrets.token_urlsafe(48)
        async with our_server(options=("--token-secret", secret)) as (url, server):
            await _crowd(url, secret, server, WARM, in_a_room)
            connects, joins = await _crowd(url, secret, server, COUNT, in_a_room)
            found.setdefault("connect", []).append(connects)
            found[name] = [joins]
    return found


async def _crowd(url: str, secret: str, server: Program, count: int, in_a_room: int) -> tuple[float, float]:
    """Milliseconds of the server's CPU for each that connects, and for each that joins."""
    spent = []
    async with playing("joiners", "joiners", url=url, secret=secret, count=count, in_a_room=in_a_room) as crowd:
        for _ in range(2):
            await crowd.hear()
            before = server.cpu()
            crowd.tell()
            await crowd.hear()
            spent.append((server.cpu() - before) / count * 1e3)
        crowd.tell()
    return spent[0], spent[1]


def contest(options: Options) -> Contest:
    """See the module."""
    return Contest(
        name="joins",
        title="Letting somebody in",
        how=(
            f"{COUNT} programs connect one after another by WebSocket, each with a token of its own (HS256), and then "
            "join one after another; CPU time of the server's process, divided by their number. In rooms of ten, every "
            "join is also told to those who are there."
        ),
        ours=_ours,
        rivals={},
        measures=(
            Measure("connect", "connect, with a token", "ms"),
            Measure("alone", "join, with statement and proof", "ms", goal=Goal("under 1", lambda ours, _: ours < 1)),
            Measure("ten", "the same in rooms of ten", "ms", goal=Goal("under 1", lambda ours, _: ours < 1)),
        ),
    )
