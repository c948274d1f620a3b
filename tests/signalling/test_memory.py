"""What an idle member costs the server in memory."""

import asyncio

import psutil
import pytest

from tests.signalling.actor import Actor
from tests.signalling.conftest import Process, address
from tests.signalling.raw import RawClient

WARM_UP, MEMBERS = 100, 500


@pytest.mark.slow
async def test_an_idle_member_costs_less_than_50_kilobytes(process: Process) -> None:
    url = address(process)
    raws: list[RawClient] = []

    async def members(count: int) -> None:
        for number in range(count):
            raw = await RawClient(url).__aenter__()
            raws.append(raw)
            actor = Actor(url)
            sid = await raw.greet()
            room = f"room {number % 50}"
            reply = await raw.call("join", actor.join_fields(room, proof=actor.proof(room, sid=sid)))
            assert "error" not in reply

    await members(WARM_UP)
    server = psutil.Process(process.pid)
    before = server.memory_info().rss
    await members(MEMBERS)
    each = (server.memory_info().rss - before) / MEMBERS
    print(f"\nan idle member costs {each / 1_000:.1f} KB")
    assert each < 50_000
    await asyncio.gather(*(raw.__aexit__() for raw in raws))
