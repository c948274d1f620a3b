"""Joining, leaving, profiles, and what happens when a client goes and comes back (V1, V2)."""

import asyncio
import hashlib
from typing import Any

import msgspec
import pytest

from signalling import announcer, membership
from signalling.outbox import Outbox
from signalling.protocol.events import Joined, PeerAway, PeerBack, PeerJoined, PeerLeft, PeerUpdated
from tests.signalling.actor import Actor
from tests.signalling.conftest import Connect, Server, StartServer


async def pair(server: Server, connect: Connect) -> tuple[Actor, Actor]:
    """Two members of the lobby, the first of whom has seen the second come."""
    ada, bob = await connect(server.url), await connect(server.url)
    await ada.join("lobby")
    await bob.join("lobby")
    await ada.change(PeerJoined)
    return ada, bob


async def test_the_reply_to_join_is_the_room_as_it_is(server: Server, connect: Connect) -> None:
    ada, bob = await connect(server.url), await connect(server.url)
    await ada.join("lobby", '{"name":"Ada"}')
    joined = msgspec.convert(await bob.join("lobby"), Joined)
    assert [member.id for member in joined.peers] == [ada.id, bob.id]
    assert joined.peers[0].profile == '{"name":"Ada"}'
    assert joined.version == 2
    assert not joined.resumed
    assert joined.limits.packet == 60_000
    assert joined.limits.grace == 30
    assert joined.ice_servers[0].urls == [f"stun:127.0.0.1:{server.signalling.stun_port}"]


async def test_members_are_told_of_a_newcomer_and_the_newcomer_is_not(server: Server, connect: Connect) -> None:
    ada, bob = await connect(server.url), await connect(server.url)
    await ada.join("lobby")
    await bob.join("lobby")
    roster = await ada.roster()
    assert (roster.base, roster.version) == (1, 2)
    assert isinstance(roster.changes[0], PeerJoined)
    assert roster.changes[0].member.id == bob.id
    await bob.relay("lobby", [bob.id], [b"after whatever else there is for Bob"])
    await bob.next("relay")
    assert not bob.waiting("roster")


@pytest.mark.parametrize(("small", "order"), [(16, "told admitted"), (1, "admitted told")])
async def test_a_small_room_hears_of_a_newcomer_before_it_is_let_in(
    server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch, small: int, order: str
) -> None:
    monkeypatch.setattr(announcer, "SMALL_ROOM", small)
    happened: list[str] = []
    push, join = Outbox.push_roster, membership.Membership.join

    def pushing(self: Outbox, *args: Any) -> None:
        happened.append("told")
        push(self, *args)

    async def joining(self: membership.Membership, *args: Any) -> Joined:
        reply = await join(self, *args)
        happened.append("admitted")
        return reply

    ada, bob = await connect(server.url), await connect(server.url)
    await ada.join("lobby")
    monkeypatch.setattr(Outbox, "push_roster", pushing)
    monkeypatch.setattr(membership.Membership, "join", joining)
    await bob.join("lobby")
    await ada.change(PeerJoined)
    assert " ".join(happened) == order


async def test_rooms_do_not_hear_of_each_other(server: Server, connect: Connect) -> None:
    ada, bob = await connect(server.url), await connect(server.url)
    await ada.join("lobby")
    await bob.join("hall")
    await ada.relay("lobby", [ada.id], [b"x"])
    await ada.next("relay")
    assert not ada.waiting("roster")


async def test_leaving(server: Server, connect: Connect) -> None:
    ada, bob = await pair(server, connect)
    assert await bob.call("leave", {"room": "lobby"}) == {}
    assert await ada.change(PeerLeft) == PeerLeft(id=bob.id, reason="left")
    assert (await bob.call("leave", {"room": "lobby"}))["error"]["code"] == "not-in-room"


async def test_a_profile_is_replaced(server: Server, connect: Connect) -> None:
    ada, bob = await pair(server, connect)
    bob.profile_version = 1
    fields = {"room": "lobby", "profile": '{"a":1}', "statement": bob.statement("lobby", '{"a":1}')}
    assert await bob.call("profile", fields) == {}
    assert await ada.change(PeerUpdated) == PeerUpdated(id=bob.id, profile='{"a":1}', statement=fields["statement"])
    joined = msgspec.convert(await ada.join("lobby"), Joined)
    assert joined.peers[1].profile == '{"a":1}'


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"statement": {"profile_version": 0}}, "bad-request"),
        ({"statement": {"profile_hash": hashlib.sha256(b"another").digest()}}, "unauthorized"),
        ({"statement": {"incarnation": 999}}, "unauthorized"),
        ({"statement": {"room": "hall"}}, "unauthorized"),
        ({"statement": {"static": bytes(32)}}, "bad-request"),
        ({"profile": "no JSON"}, "bad-request"),
        ({"profile": "[]"}, "bad-request"),
        ({"profile": '{"a":"' + "x" * 5_000 + '"}'}, "too-large"),
    ],
)
async def test_a_profile_that_is_refused(server: Server, connect: Connect, changed: dict[str, Any], code: str) -> None:
    ada = await connect(server.url)
    await ada.join("lobby")
    profile = changed.get("profile", '{"a":1}')
    statement = ada.statement("lobby", profile, **{"profile_version": 1, **changed.get("statement", {})})
    reply = await ada.call("profile", {"room": "lobby", "profile": profile, "statement": statement})
    assert reply["error"]["code"] == code


async def test_a_client_that_drops_is_away_and_resumes(server: Server, connect: Connect) -> None:
    ada, bob = await pair(server, connect)
    await bob.close()
    away = await ada.change(PeerAway)
    assert away.id == bob.id
    assert away.reason
    again = await connect(server.url, like=bob)
    again.connection = 2
    joined = msgspec.convert(await again.join("lobby"), Joined)
    assert joined.resumed
    assert await ada.change(PeerBack) == PeerBack(id=bob.id, connection=2, statement=bob.statement("lobby"))


async def test_a_member_that_stays_away_is_lost(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(grace=0.2)
    ada, bob = await pair(server, connect)
    await bob.close()
    assert await ada.change(PeerLeft) == PeerLeft(id=bob.id, reason="lost")
    again = await connect(server.url, like=bob)
    again.connection = 2
    assert not msgspec.convert(await again.join("lobby"), Joined).resumed


async def test_one_that_resumed_in_time_is_not_lost(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(grace=0.5)
    ada, bob = await pair(server, connect)
    cyd = await connect(server.url)
    await cyd.join("lobby")
    await bob.close()
    await ada.change(PeerAway)
    again = await connect(server.url, like=bob)
    again.connection = 2
    await again.join("lobby")
    await ada.change(PeerBack)
    await cyd.close()  # away after Bob was, so lost after he would have been
    assert (await ada.change(PeerLeft)).id == cyd.id


async def test_a_later_connection_takes_the_place_of_an_earlier(server: Server, connect: Connect) -> None:
    ada, bob = await pair(server, connect)
    again = await connect(server.url, like=bob)
    again.connection = 2
    await again.join("lobby")
    assert await bob.next("replaced") == {"room": "lobby", "statement": bob.statement("lobby")}
    assert (await ada.change(PeerBack)).connection == 2
    reply = await bob.call("signal", {"room": "lobby", "to": ada.id, "kind": "request", "attempt": 0, "packet": {}})
    assert reply["error"]["code"] == "not-in-room"
    await bob.close()
    await again.relay("lobby", [ada.id], [b"still here"])
    await ada.next("relay")
    assert not ada.waiting("roster"), "the end of the replaced client is nobody's business"


async def test_a_new_incarnation_is_a_new_peer(server: Server, connect: Connect) -> None:
    ada, bob = await pair(server, connect)
    again = await connect(server.url, like=bob)
    again.incarnation, again.static = 1_001, bytes(range(32))
    assert not msgspec.convert(await again.join("lobby"), Joined).resumed
    roster = await ada.roster()
    assert roster.changes[0] == PeerLeft(id=bob.id, reason="restarted")
    assert isinstance(roster.changes[1], PeerJoined)
    await bob.next("replaced")


@pytest.mark.parametrize(("incarnation", "connection"), [(1_000, 1), (1_000, 0), (999, 9)])
async def test_one_that_is_not_later_is_told_replaced_with_the_held_statement(
    server: Server, connect: Connect, incarnation: int, connection: int
) -> None:
    bob = await connect(server.url)
    await bob.join("lobby")
    other = await connect(server.url, like=bob)
    other.incarnation, other.connection = incarnation, connection
    error = (await other.call("join", other.join_fields("lobby")))["error"]
    assert error["code"] == "replaced"
    assert error["statement"] == bob.statement("lobby")
    assert not bob.waiting("replaced")


async def test_joining_again_gives_the_roster_and_tells_nobody(server: Server, connect: Connect) -> None:
    ada, bob = await pair(server, connect)
    joined = msgspec.convert(await bob.join("lobby"), Joined)
    assert joined.resumed
    assert joined.version == 2
    await bob.relay("lobby", [ada.id], [b"x"])
    await ada.next("relay")
    assert not ada.waiting("roster")


async def test_a_crowd_that_arrives_at_once_is_known_to_everyone(server: Server, connect: Connect) -> None:
    crowd = [await connect(server.url) for _ in range(12)]
    replies = await asyncio.gather(*(actor.join("lobby") for actor in crowd))
    for actor, reply in zip(crowd, replies, strict=True):
        known = {member["id"] for member in reply["peers"]}
        version = reply["version"]
        while version < len(crowd):
            roster = await actor.roster()
            assert roster.base <= version < roster.version, "a gap, or nothing new"
            version = roster.version
            known |= {change.member.id for change in roster.changes if isinstance(change, PeerJoined)}
        assert known == {actor.id for actor in crowd}


async def test_a_client_that_is_in_the_room_cannot_be_somebody_else_too(server: Server, connect: Connect) -> None:
    ada = await connect(server.url)
    await ada.join("lobby")
    other = Actor(server.url)
    other.sio = ada.sio
    reply = await ada.call("join", other.join_fields("lobby"))
    assert reply["error"]["code"] == "bad-request"
