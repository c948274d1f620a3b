"""Somebody who can be a member, and signs what is said of them; and what a server tells of such."""

import hashlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from peers.guests import GuestEvent
from peers.roster import (
    RosterCore,
    RosterEvent,
)
from signalling.protocol import events as wire
from signalling.protocol.ids import peer_id, to_text
from signalling.protocol.statements import Statement, sign_statement

ROOM = "lobby"
GRACE = 30.0


class Person:
    """Somebody who can be a member, and signs what is said of them."""

    def __init__(self, name: str) -> None:
        self.private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
        self.key = self.private.public_key().public_bytes_raw()
        self.id = peer_id(self.key)
        self.static = hashlib.sha256(b"static " + name.encode()).digest()
        self.incarnation, self.profile, self.version, self.connection = 1_000, "{}", 1, 1

    def statement(self, **changes: Any) -> str:
        fields: dict[str, Any] = {
            "room": ROOM,
            "key": self.key,
            "incarnation": self.incarnation,
            "static": self.static,
            "profile_version": self.version,
            "profile_hash": hashlib.sha256(self.profile.encode()).digest(),
        }
        return to_text(sign_statement(Statement(**(fields | changes)), self.private.sign))

    def member(self, **changes: Any) -> wire.Member:
        fields: dict[str, Any] = {
            "id": self.id,
            "key": to_text(self.key),
            "statement": self.statement(),
            "profile": self.profile,
            "connection": self.connection,
        }
        return wire.Member(**(fields | changes))

    def say(self, profile: str) -> wire.PeerUpdated:
        """A new profile."""
        self.profile = profile
        self.version += 1
        return wire.PeerUpdated(id=self.id, profile=profile, statement=self.statement())

    def come_back(self) -> wire.PeerBack:
        """A new connection."""
        self.connection += 1
        return wire.PeerBack(id=self.id, connection=self.connection, statement=self.statement())

    def restart(self) -> None:
        self.incarnation += 1
        self.connection = self.version = 1


ME = Person("me")


def joined(*members: Person | wire.Member, version: int = 10, resumed: bool = False) -> wire.Joined:
    limits = wire.Limits(packet=1, signal=1, profile=1, recipients=1, peers=1, grace=GRACE)
    peers = [member.member() if isinstance(member, Person) else member for member in (*members, ME)]
    return wire.Joined(room=ROOM, version=version, peers=peers, limits=limits, resumed=resumed)


def delta(base: int, version: int, *changes: wire.Change) -> wire.Roster:
    return wire.Roster(room=ROOM, base=base, version=version, changes=list(changes))


def events(core: RosterCore) -> list[RosterEvent | GuestEvent]:
    told: list[RosterEvent | GuestEvent] = []
    while (event := core.next_event()) is not None:
        told.append(event)
    return told


def core_with(*members: Person) -> RosterCore:
    """A core that has announced these."""
    core = RosterCore(ROOM, ME.id)
    core.receive_joined(joined(*members), 0.0)
    assert len(events(core)) == len(members)
    return core
