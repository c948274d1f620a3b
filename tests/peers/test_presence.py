"""What becomes of frames that come before their sender is announced (S11), and how a large roster is taken (K1)."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from peers.connection import Connection
from peers.guests import Guest
from peers.identity import Identity
from peers.membership import Membership
from peers.presence import MAX_HELD, SLICE, Presence
from peers.roster import RosterMember
from signalling.protocol import events as wire
from tests.peers.people import ROOM, Person, delta, joined
from tests.waiting import Log, eventually


class Audience:
    """A room that notes what it is told, and knows who has been announced to it."""

    def __init__(self) -> None:
        self.log: Log[Any] = Log()
        self.known: set[str] = set()

    def appeared(self, member: RosterMember) -> None:
        self.known.add(member.id)
        self.log(f"{member.id} appeared")

    def vanished(self, id: str, reason: str) -> None:
        self.known.discard(id)

    def changed(self, id: str, profile: str, attributes: dict[str, Any]) -> None: ...
    def relay(self, id: str, mine: int | None, theirs: int | None) -> None: ...
    def over(self, reason: str) -> None: ...
    def guest_came(self, guest: Guest) -> None: ...
    def guest_left(self, guest: Guest, reason: str) -> None: ...

    def packet(self, event: wire.RelayFrom | wire.SignalFrom) -> bool:
        if event.sender in self.known:
            self.log((event.sender, event.packet))
            return True
        return False


class Seen(Presence):
    """A presence whose clock is set by hand, in a room whose roster it has been told."""

    def __init__(self, *members: Person) -> None:
        self.now = 100.0
        self.audience = Audience()
        connection = Connection(
            "http://127.0.0.1:1",
            on_event=lambda name, data: None,
            on_connected=lambda: None,
            on_disconnected=lambda reason: None,
            on_closed=lambda error: None,
            on_error=lambda error: None,
        )
        membership = Membership(Identity.generate(), bytes(range(32)), ROOM, {})
        super().__init__(membership, connection, self.audience, lambda servers: None)
        self._roster.receive_joined(joined(*members), self.now)

    def _now(self) -> float:
        return self.now

    def hear(self, person: Person, packet: bytes) -> None:
        """A packet of somebody's comes."""
        self.receive(wire.RelayFrom(room=ROOM, sender=person.id, packet=packet))

    def announce(self, person: Person) -> None:
        """The server says that somebody has come."""
        self.receive(delta(10, 11, wire.PeerJoined(member=person.member())))


@pytest.fixture
def ada() -> Person:
    return Person("ada")


@pytest.fixture
async def seen() -> Any:
    seen = Seen(Person("bob"))
    seen._process()
    seen.audience.log.items.clear()
    yield seen
    await seen.stop()


async def test_what_a_stranger_sends_waits_until_it_is_announced(seen: Seen, ada: Person) -> None:
    for packet in (b"first", b"second"):
        seen.hear(ada, packet)
    seen.receive(wire.SignalFrom(room=ROOM, sender=ada.id, kind="offer", attempt=1, packet=b"third"))
    assert seen.audience.log.items == []
    seen.now += 1.9
    seen.announce(ada)
    assert seen.audience.log.items == [
        f"{ada.id} appeared",
        *((ada.id, packet) for packet in (b"first", b"second", b"third")),
    ]


async def test_what_a_stranger_sends_is_dropped_after_2_s(seen: Seen, ada: Person) -> None:
    seen.hear(ada, b"too early")
    seen.now += 0.5
    seen.hear(ada, b"in time")
    seen.now += 1.6
    seen.announce(ada)
    assert seen.audience.log.items == [f"{ada.id} appeared", (ada.id, b"in time")]


async def test_what_strangers_send_is_bounded(seen: Seen, ada: Person) -> None:
    strangers = [Person(f"stranger {number}") for number in range(3)]
    for number in range(1_000):
        seen.hear(strangers[number % 3], bytes(1_000))
    for number in range(5):
        seen.hear(ada, b"%d" % number)
    assert len(seen._held) == MAX_HELD
    seen.announce(ada)
    assert seen.audience.log.items[1:] == [(ada.id, b"%d" % number) for number in range(5)]


async def test_a_large_roster_is_taken_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a check of 1 ms each, no more than 8 ms of them go in one turn of the event loop."""
    crowd = [Person(f"member {number}") for number in range(60)]
    seen = Seen(*crowd)

    def ticking() -> Iterator[float]:
        while True:
            seen.now += 0.001
            yield seen.now

    monkeypatch.setattr(seen, "_now", ticking().__next__)
    seen._process()
    turns = [len(seen.audience.known)]
    while len(seen.audience.known) < len(crowd):
        await asyncio.sleep(0)
        turns.append(len(seen.audience.known))
    assert max(after - before for before, after in zip([0, *turns], turns, strict=False)) <= SLICE * 1_000 + 1
    assert [entry.split()[0] for entry in seen.audience.log.items] == [person.id for person in crowd]
    await eventually(lambda: seen._rest is None)
    await seen.stop()
