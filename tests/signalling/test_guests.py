"""Guests: who joins without a key may signal in the clear, and nothing else."""

import re
from typing import Any

import msgspec
import pytest

from signalling import create_token
from signalling.protocol.events import Joined, PeerJoined, PeerLeft
from tests.signalling.actor import Actor
from tests.signalling.conftest import Connect, Server, StartServer
from tests.signalling.keys import SECRET

ID = re.compile(r"guest-[a-z2-7]{24}")


async def join(guest: Actor, room: str = "lobby", **fields: Any) -> Joined:
    """Joins as a guest."""
    reply = await guest.call("join", {"room": room, **fields})
    assert "error" not in reply, reply
    return msgspec.convert(reply, Joined)


async def code(actor: Actor, event: str, data: Any) -> str:
    """Why an event is refused."""
    return str((await actor.call(event, data))["error"]["code"])


def signal(to: str, packet: Any = None, **changed: Any) -> dict[str, Any]:
    return {"room": "lobby", "to": to, "kind": "offer", "packet": packet, **changed}


async def test_a_guest_is_given_an_id_and_is_on_the_roster(server: Server, connect: Connect) -> None:
    ada, one, two = [await connect(server.url) for _ in range(3)]
    await ada.join("lobby")
    first = await join(one, profile='{"name":"Camera"}')
    second = await join(two)
    assert first.peer is not None
    assert second.peer is not None
    assert ID.fullmatch(first.peer)
    assert ID.fullmatch(second.peer)
    assert first.peer != second.peer
    assert [member.id for member in second.peers] == [ada.id, first.peer, second.peer]
    member = (await ada.change(PeerJoined)).member
    assert member == second.peers[1]
    assert (member.key, member.statement, member.profile) == ("", "", '{"name":"Camera"}')
    assert first.ice_servers


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_guests_signal_each_other_and_peers_in_the_clear(
    server: Server, connect: Connect, transport: str
) -> None:
    ada, one, two = await connect(server.url), await connect(server.url, transport), await connect(server.url)
    await ada.join("lobby")
    first, second = (await join(one)).peer, (await join(two)).peer
    assert first is not None
    assert second is not None
    offer = {"type": "offer", "sdp": "v=0"}
    for sender, id, receiver, to in ((one, first, two, second), (two, second, ada, ada.id), (ada, ada.id, one, first)):
        assert await sender.call("signal", signal(to, offer)) == {}
        expected = {"room": "lobby", "from": id, "kind": "offer", "attempt": 0, "packet": offer}
        assert await receiver.next("signal") == expected


async def test_and_nothing_else(server: Server, connect: Connect) -> None:
    ada, guest = await connect(server.url), await connect(server.url)
    await ada.join("lobby")
    joined = await join(guest)
    assert joined.peer is not None
    n = await guest.relay("lobby", [ada.id], [b"in the clear"])
    assert await guest.next("refused") == {"n": n, "to": ada.id, "code": "forbidden"}
    n = await ada.relay("lobby", [joined.peer], [b"sealed"])
    assert await ada.next("refused") == {"n": n, "to": joined.peer, "code": "forbidden"}
    assert not ada.waiting("relay")
    assert not guest.waiting("relay")
    fields = {"room": "lobby", "profile": "{}", "statement": guest.statement("lobby")}
    assert await code(guest, "profile", fields) == "forbidden"


async def test_a_guest_that_is_gone_is_gone_at_once(server: Server, connect: Connect) -> None:
    ada, one, two = [await connect(server.url) for _ in range(3)]
    await ada.join("lobby")
    first, second = (await join(one)).peer, (await join(two)).peer
    assert first is not None
    assert second is not None
    assert await one.call("leave", {"room": "lobby"}) == {}
    assert await ada.change(PeerLeft) == PeerLeft(id=first, reason="left")
    await two.close()
    assert await ada.change(PeerLeft) == PeerLeft(id=second, reason="lost")
    assert await code(ada, "signal", signal(second)) == "unknown-peer"


async def test_joining_again_gives_the_roster_and_tells_nobody(server: Server, connect: Connect) -> None:
    ada, guest = await connect(server.url), await connect(server.url)
    await ada.join("lobby")
    first = await join(guest, profile='{"name":"Camera"}')
    again = await join(guest, profile='{"name":"another"}')
    assert again.resumed
    assert (again.peer, again.peers, again.version) == (first.peer, first.peers, first.version)
    await ada.roster()
    await guest.call("signal", signal(ada.id))
    await ada.next("signal")
    assert not ada.waiting("roster")


async def test_nobody_is_a_guest_and_a_peer_in_one_room(server: Server, connect: Connect) -> None:
    ada, guest = await connect(server.url), await connect(server.url)
    await ada.join("lobby")
    assert await code(ada, "join", {"room": "lobby"}) == "bad-request"
    await join(guest)
    assert await code(guest, "join", guest.join_fields("lobby")) == "bad-request"
    await guest.join("hall")
    assert ID.fullmatch((await join(ada, "hall")).peer or "")


@pytest.mark.parametrize("missing", ["peer", "key", "incarnation", "connection", "statement", "proof"])
async def test_a_peer_that_forgets_something_is_no_guest(server: Server, connect: Connect, missing: str) -> None:
    ada = await connect(server.url)
    fields = ada.join_fields("lobby")
    del fields[missing]
    assert await code(ada, "join", fields) == "bad-request"
    assert await code(ada, "join", {"room": "lobby", missing: ""}) == "bad-request"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"room": ""}, "bad-request"),
        ({"room": "lobby", "profile": "[]"}, "bad-request"),
        ({"room": "lobby", "profile": '{"a":"' + "x" * 5_000 + '"}'}, "too-large"),
        ("lobby", "bad-request"),
        (None, "bad-request"),
    ],
)
async def test_a_join_that_is_refused(server: Server, connect: Connect, fields: Any, expected: str) -> None:
    assert await code(await connect(server.url), "join", fields) == expected


async def test_guests_count_as_members(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(max_peers=2, max_rooms=1)
    one, two, three = [await connect(server.url) for _ in range(3)]
    await join(one)
    assert await code(one, "join", {"room": "hall"}) == "forbidden"
    await join(two)
    assert await code(three, "join", {"room": "lobby"}) == "room-full"
    assert await code(three, "join", three.join_fields("lobby")) == "room-full"


async def test_a_server_may_admit_none(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(guests=False)
    ada = await connect(server.url)
    assert await code(ada, "join", {"room": "lobby"}) == "forbidden"
    await ada.join("lobby")


async def test_with_tokens_it_needs_the_grant(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(token_secret=(SECRET,))

    async def holder(*grants: Any) -> Actor:
        token = create_token(SECRET, user="camera", rooms=["lobby"], grants=grants, attributes={"floor": 2})
        return await connect(server.url, auth={"protocol": 1, "token": token})

    peer, guest = await holder("join"), await holder("guest")
    assert await code(peer, "join", {"room": "lobby"}) == "forbidden"
    assert await code(guest, "join", {"room": "hall"}) == "forbidden"
    assert await code(guest, "join", guest.join_fields("lobby")) == "forbidden"
    (member,) = (await join(guest)).peers
    assert (member.user, member.attributes) == ("camera", {"floor": 2})


async def test_a_guest_is_removed_like_a_peer(server: Server, connect: Connect) -> None:
    guest = await connect(server.url)
    joined = await join(guest)
    parts = server.signalling._parts
    assert parts is not None
    assert joined.peer is not None
    assert await parts.membership.remove("lobby", joined.peer)
    assert (await guest.next("room-closed"))["room"] == "lobby"
    assert (await join(guest)).peer != joined.peer
