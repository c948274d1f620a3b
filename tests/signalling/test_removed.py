"""Peers that are removed, and rooms that are closed: they are told, and do not come back by themselves."""

import pytest

from signalling.membership import Membership
from signalling.protocol.errors import ProtocolError
from signalling.protocol.events import PeerLeft
from signalling.rooms import removed
from signalling.rooms.removed import Removed
from tests.signalling.actor import until
from tests.signalling.conftest import Connect, Server, StartServer


def membership(server: Server) -> Membership:
    """What the HTTP API calls."""
    assert server.signalling._parts is not None
    return server.signalling._parts.membership


async def test_a_removed_peer_is_told_and_so_are_the_others(server: Server, connect: Connect) -> None:
    ada, eve = await connect(server.url), await connect(server.url)
    await ada.join("lobby")
    await eve.join("lobby")
    assert await membership(server).remove("lobby", eve.id)
    assert await eve.next("room-closed") == {"room": "lobby", "reason": "removed from the room"}
    assert await ada.change(PeerLeft) == PeerLeft(id=eve.id, reason="removed")
    assert (await eve.call("leave", {"room": "lobby"}))["error"]["code"] == "not-in-room"
    assert not await membership(server).remove("lobby", eve.id)


async def test_it_comes_back_as_a_new_incarnation_alone(server: Server, connect: Connect) -> None:
    ada, eve = await connect(server.url), await connect(server.url)
    await ada.join("lobby")
    await eve.join("lobby")
    await membership(server).remove("lobby", eve.id)
    assert (await eve.call("join", eve.join_fields("lobby")))["error"]["code"] == "forbidden"
    again = await connect(server.url, like=eve)
    again.connection += 1
    assert (await again.call("join", again.join_fields("lobby")))["error"]["code"] == "forbidden"
    again.incarnation += 1
    await again.join("lobby")


async def test_one_that_is_away_is_not_given_back_its_place(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(grace=60.0)
    ada, eve = await connect(server.url), await connect(server.url)
    await ada.join("lobby")
    await eve.join("lobby")
    await eve.close()
    await until(lambda: bool(membership(server)._grace))
    assert await membership(server).remove("lobby", eve.id)
    assert await ada.change(PeerLeft) == PeerLeft(id=eve.id, reason="removed")
    assert not membership(server)._grace
    again = await connect(server.url, like=eve)
    again.connection += 1
    assert (await again.call("join", again.join_fields("lobby")))["error"]["code"] == "forbidden"


async def test_a_closed_room_is_over_for_everyone(server: Server, connect: Connect) -> None:
    ada, eve = await connect(server.url), await connect(server.url)
    await ada.join("lobby")
    await eve.join("lobby")
    await eve.join("hall")
    assert await membership(server).close_room("lobby") == 2
    for actor in (ada, eve):
        assert await actor.next("room-closed") == {"room": "lobby", "reason": "the room has been closed"}
    assert membership(server)._store.find("lobby") is None
    assert await eve.call("leave", {"room": "hall"}) == {}
    assert await membership(server).close_room("lobby") == 0
    await (await connect(server.url)).join("lobby")


def test_so_many_are_remembered_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removed, "MOST", 3)
    memory = Removed()
    for number in range(4):
        memory.add("lobby", f"peer {number}", 7)
    memory.check("lobby", "peer 0", 7)
    memory.check("lobby", "peer 1", 8)
    memory.check("hall", "peer 1", 7)
    for incarnation in (6, 7):
        with pytest.raises(ProtocolError, match="removed"):
            memory.check("lobby", "peer 1", incarnation)
