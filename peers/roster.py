"""What this program believes about one room's members (V1, V2). No input or output, no clock.

The server says who is there; what a member is, it has to say itself, in a signed statement. So two pictures are kept:
`_told`, the roster as the server tells it, and the members that have been announced. Replies to `join` and deltas
change the first, and `next_event` brings the second in line, one member at a time: checking a signature takes a tenth
of a millisecond, and whoever has a large roster before him may do something else between two events.
"""

import hashlib
from collections import Counter, deque
from typing import Any

import msgspec

from peers.guests import GuestEvent, Guests
from peers.session.handshake import Remote
from signalling.protocol import events as wire
from signalling.protocol.events import LeftReason
from signalling.protocol.ids import from_text, is_guest, peer_id
from signalling.protocol.statements import BadStatement, Statement, read_statement


class RosterMember(msgspec.Struct, frozen=True, kw_only=True):
    """A member whose statement has been checked. `user` and `attributes` are the server's word."""

    id: str
    key: bytes
    incarnation: int
    static: bytes
    profile: str
    profile_version: int
    statement: str
    connection: int
    away: bool
    user: str | None
    attributes: dict[str, Any]

    @property
    def remote(self) -> Remote:
        """What a handshake with it needs."""
        return Remote(self.id, self.key, self.incarnation, self.static, from_text(self.statement))


class PeerAppeared(msgspec.Struct, frozen=True):
    """A member, or a new incarnation of one; it may be away."""

    member: RosterMember


class PeerVanished(msgspec.Struct, frozen=True):
    """A member is gone for good."""

    id: str
    reason: LeftReason


class PeerChanged(msgspec.Struct, frozen=True):
    """A member has another profile (JSON text), or other attributes."""

    id: str
    profile: str
    attributes: dict[str, Any] = {}


class PeerWentAway(msgspec.Struct, frozen=True):
    """A member's connection dropped; it may come back."""

    id: str


class PeerCameBack(msgspec.Struct, frozen=True):
    """A member has a new connection, whether it was away or not."""

    id: str
    connection: int


class BadMember(msgspec.Struct, frozen=True):
    """What the server shows of this id is not what its owner signed: it is not believed."""

    id: str
    why: str


class MustJoinAgain(msgspec.Struct, frozen=True):
    """A delta is missing: only the reply to a new `join` tells how things stand."""


RosterEvent = PeerAppeared | PeerVanished | PeerChanged | PeerWentAway | PeerCameBack | BadMember | MustJoinAgain


class RosterCore:
    """One room's roster, as seen by the member `me`."""

    def __init__(self, room: str, me: str) -> None:
        self._room, self._me = room, me
        self._version: int | None = None
        self._grace = 0.0
        self._told: dict[str, wire.Member] = {}
        self._members: dict[str, RosterMember] = {}
        self._unsettled: dict[str, None] = {}
        self._left: dict[str, LeftReason] = {}
        self._absent: dict[str, float] = {}
        self.guests = Guests()
        self._events: deque[RosterEvent | GuestEvent] = deque()
        self._asked = False
        self.bad: Counter[str] = Counter()
        """How often the server showed what was not believed, by why."""

    @property
    def joined(self) -> bool:
        """Whether there was a reply to `join` yet."""
        return self._version is not None

    def member(self, id: str) -> RosterMember | None:
        """The member as it was last announced."""
        return self._members.get(id)

    # ---- what the server tells

    def receive_joined(self, joined: wire.Joined, now: float) -> None:
        """The reply to `join`, the first or a later one.

        Members that a later one does not show have left, if the server remembers us (`resumed`). If not, it was
        restarted, and they have the grace time to find it again: its first visitor must not think everyone gone.
        """
        self._version, self._asked = joined.version, False
        self._grace = joined.limits.grace
        self._told = {member.id: member for member in joined.peers if self._counts(member.id)}
        for id in self._members:
            if id not in self._told and id not in self._absent:
                if joined.resumed:
                    self._left[id] = "lost"
                else:
                    self._absent[id] = now + self._grace
        self._unsettled |= dict.fromkeys(self._told) | dict.fromkeys(self._members)
        self._events += self.guests.receive_joined(joined.peers)

    def receive_delta(self, delta: wire.Roster, now: float) -> None:
        """What changed between two versions. One that is known is ignored, and so is one after a gap."""
        if self._version is None or delta.version <= self._version:
            return
        if delta.base > self._version:
            if not self._asked:
                self._asked = True
                self._events.append(MustJoinAgain())
            return
        known, self._version = self._version - delta.base, delta.version
        for change in delta.changes:
            self._apply(change)
        self._events += self.guests.receive_changes(delta.changes[known:])

    def _apply(self, change: wire.Change) -> None:
        id = change.member.id if isinstance(change, wire.PeerJoined) else change.id
        if not self._counts(id):
            return
        # The first changes of a delta may be part of the reply to `join` already. Only what comes out in the end
        # counts: a member that left and joined again must not be announced as gone.
        told = self._told.get(id)
        match change:
            case wire.PeerJoined(member=member):
                self._told[id] = member
            case wire.PeerLeft(reason=reason):
                self._told.pop(id, None)
                self._left[id] = reason
            case wire.PeerUpdated(profile=profile, statement=statement, attributes=new) if told is not None:
                attributes = told.attributes if new is None else new
                self._told[id] = msgspec.structs.replace(
                    told, profile=profile, statement=statement, attributes=attributes
                )
            case wire.PeerAway() if told is not None:
                self._told[id] = msgspec.structs.replace(told, away=True)
            case wire.PeerBack(connection=connection, statement=statement) if told is not None:
                self._told[id] = msgspec.structs.replace(told, connection=connection, statement=statement, away=False)
        self._unsettled[id] = None

    def _counts(self, id: str) -> bool:
        return id != self._me and not is_guest(id)

    # ---- time and events

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is to be called."""
        return min(self._absent.values(), default=None)

    def handle_timeout(self, now: float) -> None:
        """Members that have not found a restarted server within the grace time are gone."""
        for id in [id for id, until in self._absent.items() if until <= now]:
            del self._absent[id]
            self._left[id] = "lost"
            self._unsettled[id] = None

    def next_event(self) -> RosterEvent | GuestEvent | None:
        """What happened, in order; None: nothing more. Each call checks one statement at most, or none."""
        while not self._events and self._unsettled:
            id = next(iter(self._unsettled))
            del self._unsettled[id]
            self._settle(id)
        return self._events.popleft() if self._events else None

    def _settle(self, id: str) -> None:
        """Bring what has been announced of one member in line with what the server tells."""
        told, known = self._told.get(id), self._members.get(id)
        if told is None:
            self._settle_missing(id, known)
            return
        self._absent.pop(id, None)
        self._left.pop(id, None)
        if known is None or told.statement != known.statement or told.profile != known.profile:
            try:
                member = self._check(told, known)
            except _Unbelievable as error:
                self._disbelieve(id, str(error))
                if known is None:
                    return
                member = known
        else:
            member = known
        member = msgspec.structs.replace(
            member, connection=told.connection, away=told.away, user=told.user, attributes=told.attributes
        )
        self._members[id] = member
        if known is None:
            self._events.append(PeerAppeared(member))
        elif member.incarnation != known.incarnation:
            self._events.append(PeerVanished(id, "restarted"))
            self._events.append(PeerAppeared(member))
        else:
            self._compare(known, member)

    def _settle_missing(self, id: str, known: RosterMember | None) -> None:
        reason = self._left.pop(id, None)
        if known is None:
            return
        if reason is not None:
            self._absent.pop(id, None)
            del self._members[id]
            self._events.append(PeerVanished(id, reason))
        elif not known.away:
            self._members[id] = msgspec.structs.replace(known, away=True)
            self._events.append(PeerWentAway(id))

    def _compare(self, known: RosterMember, member: RosterMember) -> None:
        """Announce how the same incarnation differs."""
        if (member.profile, member.attributes) != (known.profile, known.attributes):
            self._events.append(PeerChanged(member.id, member.profile, member.attributes))
        if member.away and not known.away:
            self._events.append(PeerWentAway(member.id))
        elif not member.away and (known.away or member.connection != known.connection):
            self._events.append(PeerCameBack(member.id, member.connection))

    # ---- statements

    def _check(self, told: wire.Member, known: RosterMember | None) -> RosterMember:
        """The member, if its statement says of it what the server shows. Raises _Unbelievable."""
        statement = self._read(told)
        if known is not None:
            before, after = (
                (known.incarnation, known.profile_version),
                (statement.incarnation, statement.profile_version),
            )
            if after < before or (after == before and told.statement != known.statement):
                raise _Unbelievable("an older statement")
        return RosterMember(
            id=told.id,
            key=statement.key,
            incarnation=statement.incarnation,
            static=statement.static,
            profile=told.profile,
            profile_version=statement.profile_version,
            statement=told.statement,
            connection=told.connection,
            away=told.away,
            user=told.user,
            attributes=told.attributes,
        )

    def _read(self, told: wire.Member) -> Statement:
        try:
            key, statement = from_text(told.key), read_statement(from_text(told.statement))
        except BadStatement as error:
            raise _Unbelievable(str(error)) from None
        except ValueError:
            raise _Unbelievable("not base64url") from None
        if statement.key != key or peer_id(key) != told.id:
            raise _Unbelievable("the statement of another id")
        if statement.room != self._room:
            raise _Unbelievable("a statement for another room")
        if statement.profile_hash != hashlib.sha256(told.profile.encode("utf-8", "surrogatepass")).digest():
            raise _Unbelievable("a profile that was not signed")
        return statement

    def _disbelieve(self, id: str, why: str) -> None:
        self.bad[why] += 1
        self._events.append(BadMember(id, why))


class _Unbelievable(Exception):
    """A member is not what the server shows; the words say why."""
