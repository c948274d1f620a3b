"""Guests, as the library sees them: shown, and never linked to (V2)."""

from collections.abc import Callable
from typing import Any

from peers import Client, Guest
from peers.guests import GuestCame, GuestLeft
from peers.presence import MAX_HELD
from peers.roster import MustJoinAgain, PeerAppeared, RosterCore
from signalling.protocol import events as wire
from tests.peers.people import ME, ROOM, Person, delta, events, joined
from tests.peers.test_presence import Seen
from tests.signalling.actor import Actor
from tests.waiting import Log, eventually

Connect = Callable[..., Client]


def guest(id: str = "guest-a", profile: str = '{"name":"Camera"}', **fields: Any) -> wire.Member:
    return wire.Member(id=id, key="", statement="", profile=profile, connection=0, **fields)


def core_with(*members: wire.Member) -> RosterCore:
    core = RosterCore(ROOM, ME.id)
    core.receive_joined(joined(*members), 0.0)
    events(core)
    return core


def test_they_are_told_of_beside_the_peers() -> None:
    ada = Person("ada")
    core = RosterCore(ROOM, ME.id)
    core.receive_joined(joined(guest(user="camera", attributes={"floor": 2}), ada.member()), 0.0)
    came, appeared = events(core)
    assert isinstance(came, GuestCame)
    assert isinstance(appeared, PeerAppeared)
    assert (came.guest.name, came.guest.user, came.guest.attributes) == ("Camera", "camera", {"floor": 2})
    assert core.guests.all == {"guest-a": came.guest}
    assert core.member("guest-a") is None


def test_they_come_and_go() -> None:
    core = core_with()
    core.receive_delta(delta(10, 12, wire.PeerJoined(member=guest()), wire.PeerJoined(member=guest("guest-b"))), 0.0)
    assert [event.guest.id for event in events(core) if isinstance(event, GuestCame)] == ["guest-a", "guest-b"]
    core.receive_delta(delta(12, 13, wire.PeerLeft(id="guest-a", reason="left")), 0.0)
    (gone,) = events(core)
    assert isinstance(gone, GuestLeft)
    assert (gone.guest.id, gone.reason) == ("guest-a", "left")
    assert list(core.guests.all) == ["guest-b"]


def test_what_is_known_already_is_not_told_again() -> None:
    core = core_with(guest())
    before = wire.PeerJoined(member=guest("guest-gone")), wire.PeerLeft(id="guest-gone", reason="left")
    core.receive_delta(delta(8, 11, *before, wire.PeerJoined(member=guest("guest-b"))), 0.0)
    assert [type(event) for event in events(core)] == [GuestCame]
    core.receive_delta(delta(10, 11, wire.PeerLeft(id="guest-a", reason="left")), 0.0)
    core.receive_joined(joined(guest(), guest("guest-b"), version=11, resumed=True), 0.0)
    assert events(core) == []


def test_who_is_absent_from_a_reply_is_gone_at_once() -> None:
    for resumed in (True, False):
        core = core_with(guest())
        core.receive_joined(joined(version=1, resumed=resumed), 0.0)
        assert [type(event) for event in events(core)] == [GuestLeft]
        assert not core.guests.all
        assert core.next_timeout() is None


def test_a_gap_is_a_gap_for_guests_too() -> None:
    core = core_with()
    core.receive_delta(delta(11, 12, wire.PeerJoined(member=guest())), 0.0)
    assert events(core) == [MustJoinAgain()]
    assert not core.guests.all


def test_a_profile_that_is_none() -> None:
    for text in ("no JSON", "[]", '{"name":7}'):
        (came,) = core_with(guest(profile=text)).guests.all.values()
        assert came.name == "guest-a"


async def test_what_guests_send_takes_nobodys_place() -> None:
    seen, ada = Seen(), Person("ada")
    seen.hear(ada, b"early")
    for number in range(2 * MAX_HELD):
        signal = wire.SignalFrom(room=ROOM, sender=f"guest-{number % 3}", kind="offer", attempt=0, packet={})
        seen.receive(signal)
    seen.announce(ada)
    assert seen.audience.log.items[-2:] == [f"{ada.id} appeared", (ada.id, b"early")]
    await seen.stop()


async def test_with_a_server(connect: Connect) -> None:
    ada, bob = [await connect().join("lobby", profile={"name": name}) for name in ("Ada", "Bob")]
    came, left, errors = Log[Guest](), Log[Any](), Log[Any]()
    bob.on("message", lambda _: None)
    ada.on("guest_joined", came)
    ada.on("guest_left", left)
    ada.client.on("error", errors)
    url = ada.client.url
    camera = await Actor(url).connect()
    reply = await camera.call("join", {"room": "lobby", "profile": '{"name":"Camera"}'})
    (guest,) = await came.count(1)
    assert (guest.id, guest.name, dict(guest.profile)) == (reply["peer"], "Camera", {"name": "Camera"})
    assert dict(ada.guests) == {guest.id: guest}
    assert list(ada.peers) == [bob.id]
    for kind in ("request", "offer", "answer", "candidate"):
        signal = {"room": "lobby", "to": ada.id, "kind": kind, "packet": {"type": kind, "sdp": "v=0"}}
        assert await camera.call("signal", signal) == {}
    assert await ada.send("everyone") == []
    await ada.flush()
    cyd = await connect().join("lobby")
    assert list(cyd.guests) == [guest.id]
    await camera.close()
    assert await left.count(1) == [(guest, "lost")]
    await eventually(lambda: not cyd.guests)
    assert not ada.guests
    assert not errors.items
    assert not camera.waiting("signal")
    assert not camera.waiting("relay")
