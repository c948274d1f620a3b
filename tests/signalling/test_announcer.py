"""Rosters of large rooms: what a crowd that arrives costs each member."""

import asyncio
import json
import time

import aiohttp
import msgspec
import pytest

from signalling import announcer
from signalling.protocol.events import PeerJoined, PeerLeft, Roster
from tests.signalling.actor import DEADLINE, Actor, until
from tests.signalling.conftest import Connect, Server, StartServer

CROWD = 500


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every room is a large one, and its changes are gathered for so long that a test is sure to be quicker."""
    monkeypatch.setattr(announcer, "SMALL_ROOM", 0)
    monkeypatch.setattr(announcer, "GATHERED", 1.0)


class Newcomer:
    """One of a crowd: a bare WebSocket and a key, and a record of what it is told."""

    def __init__(self, url: str) -> None:
        self.actor = Actor(url)
        self.version: int | None = None
        self.told: list[str] = []
        self.welcome = 0
        self.ws: aiohttp.ClientWebSocketResponse
        self._join = ""

    async def connect(self, session: aiohttp.ClientSession) -> None:
        """Greets the server, and signs everything that it will say."""
        actor = self.actor
        self.ws = await session.ws_connect(f"{actor.url}/socket.io/?EIO=4&transport=websocket", max_msg_size=0)
        await self.ws.receive_str(timeout=DEADLINE)
        await self.ws.send_str('40{"protocol":1}')
        sid = json.loads((await self.ws.receive_str(timeout=DEADLINE))[2:])["sid"]
        self._join = json.dumps(["join", actor.join_fields("lobby", proof=actor.proof("lobby", sid=sid))])

    async def join(self) -> None:
        await self.ws.send_str(f"421{self._join}")

    async def listen(self) -> None:
        """Until it is told of the last one."""
        latest = 0
        while latest < CROWD:
            text = await self.ws.receive_str(timeout=60)
            if text.startswith("431"):
                self.welcome = len(text)
                latest = self.version = json.loads(text[3:])[0]["version"]
            elif text.startswith('42["roster",'):
                self.told.append(text)
                latest = msgspec.json.decode(text[2:], type=tuple[str, Roster])[1].version
            elif text == "2":
                await self.ws.send_str("3")


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_five_hundred_joins_cost_each_member_deltas_only(start_server: StartServer) -> None:
    # Nobody answers a ping while they all connect, which takes its time.
    server = await start_server(max_connections=2_000, ping_interval=300.0, ping_timeout=300.0, slow_timeout=300.0)
    crowd = [Newcomer(server.url) for _ in range(CROWD)]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        for newcomer in crowd:
            await newcomer.connect(session)
        try:
            begun = time.monotonic()
            async with asyncio.TaskGroup() as group:
                for newcomer in crowd:
                    group.create_task(newcomer.listen())
                for newcomer in crowd:
                    group.create_task(newcomer.join())
            took = time.monotonic() - begun
        finally:
            for newcomer in crowd:
                await newcomer.ws.close()
    at_most = announcer.SMALL_ROOM + took / announcer.GATHERED + CROWD / announcer.MOST_CHANGES
    for newcomer in crowd:
        assert newcomer.version is not None
        known, size = newcomer.version, 0
        for text in newcomer.told:
            roster = msgspec.json.decode(text[2:], type=tuple[str, Roster])[1]
            assert roster.base == known, "a gap, or something that it had been told"
            assert len(roster.changes) == roster.version - roster.base
            known, size = roster.version, size + len(text)
        assert known == CROWD
        assert size <= (CROWD - newcomer.version) * 600 + len(newcomer.told) * 100
        assert len(newcomer.told) <= at_most
    events = sorted(len(newcomer.told) for newcomer in crowd)
    size = max(sum(map(len, newcomer.told)) for newcomer in crowd)
    print(f"{CROWD} joins in {took:.1f} s: {events[CROWD // 2]} events to the median member, {events[-1]} at most")
    print(f"at most {size} bytes of deltas, and {max(n.welcome for n in crowd)} bytes for the last one's welcome")


async def test_changes_of_a_large_room_are_gathered(large: None, server: Server, connect: Connect) -> None:
    ada, bob, cyd = [await connect(server.url) for _ in range(3)]
    await ada.join("lobby")
    await bob.join("lobby")
    await cyd.join("lobby")
    await cyd.call("leave", {"room": "lobby"})
    roster = await ada.roster()
    assert (roster.base, roster.version) == (1, 4)
    assert [type(change) for change in roster.changes] == [PeerJoined, PeerJoined, PeerLeft]
    roster = await bob.roster()
    assert (roster.base, roster.version, len(roster.changes)) == (2, 4, 2)


async def test_only_who_hears_from_a_newcomer_is_told_of_it_at_once(
    large: None, server: Server, connect: Connect
) -> None:
    ada, bob, cyd = [await connect(server.url) for _ in range(3)]
    await ada.join("lobby")
    await bob.join("lobby")
    await ada.change(PeerJoined)
    await cyd.join("lobby")
    await bob.relay("lobby", [ada.id], [b"from one who is known"])
    await ada.next("relay")
    assert not ada.waiting("roster")
    await cyd.relay("lobby", [ada.id], [b"from the newcomer"])
    await ada.next("relay")
    assert (await ada.roster()).version == 3
    assert not bob.waiting("roster")
    await cyd.call("leave", {"room": "lobby"})
    for actor, base in ((ada, 3), (bob, 2)):
        roster = await actor.roster()
        assert (roster.base, roster.version) == (base, 4), "nobody is told the same twice"


async def test_many_changes_do_not_wait(
    large: None, server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcer, "GATHERED", 60.0)
    monkeypatch.setattr(announcer, "MOST_CHANGES", 3)
    crowd = [await connect(server.url) for _ in range(4)]
    for actor in crowd:
        await actor.join("lobby")
    roster = await crowd[0].roster()
    assert (roster.base, roster.version) == (1, 3)


async def test_a_room_that_began_anew_is_not_taken_for_the_old_one(
    large: None, server: Server, connect: Connect
) -> None:
    ada, bob, cyd = [await connect(server.url) for _ in range(3)]
    await ada.join("lobby")
    await ada.call("leave", {"room": "lobby"})
    await bob.join("lobby")
    await cyd.join("lobby")
    roster = await bob.roster()
    assert (roster.base, roster.version) == (1, 2)
    assert [change.member.id for change in roster.changes if isinstance(change, PeerJoined)] == [cyd.id]


async def test_the_end_of_a_room_leaves_nothing_behind(large: None, server: Server, connect: Connect) -> None:
    ada = await connect(server.url)
    await ada.join("lobby")
    await ada.call("leave", {"room": "lobby"})
    parts = server.signalling._parts
    assert parts is not None
    await until(lambda: not parts.membership._announcer._pending)
