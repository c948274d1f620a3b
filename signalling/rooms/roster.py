"""One room's members and the versions of its roster (V1, V2). No I/O, no clock."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from signalling.protocol.errors import ProtocolError
from signalling.protocol.events import (
    Change,
    LeftReason,
    Member,
    PeerAway,
    PeerBack,
    PeerJoined,
    PeerLeft,
    PeerUpdated,
)


@dataclasses.dataclass(slots=True, kw_only=True)
class Entry:
    """A member as the server knows it. `holder` is the sid of the client it speaks through; None: it is away."""

    id: str
    key: str
    static: bytes
    statement: str
    profile: str
    profile_version: int
    incarnation: int
    connection: int
    holder: str | None
    user: str | None = None
    attributes: dict[str, Any] = dataclasses.field(default_factory=dict)

    def member(self) -> Member:
        """The member as others see it."""
        return Member(
            id=self.id,
            key=self.key,
            statement=self.statement,
            profile=self.profile,
            connection=self.connection,
            away=self.holder is None,
            user=self.user,
            attributes=self.attributes,
        )


@dataclasses.dataclass(slots=True, frozen=True)
class Admission:
    """What a join did: what others must be told, and whose place was taken (a sid), if anybody's."""

    changes: list[Change]
    resumed: bool
    replaced: str | None


class Roster:
    """The members of one room in join order. Every change counts the version up by one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.version = 0
        self._entries: dict[str, Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def get(self, peer: str) -> Entry | None:
        """The member with this id, away or not."""
        return self._entries.get(peer)

    def members(self) -> list[Member]:
        """Everyone, in join order."""
        return [entry.member() for entry in self]

    def join(self, new: Entry, most: int) -> Admission:
        """Admits a client's member, if its (incarnation, connection) is the highest yet (V1).

        The same pair from the same client again is a client that saw a gap in the versions: it gets the roster and
        nobody else notices. Raises ProtocolError `replaced`, `room-full` (over `most` members), `forbidden` (another
        user's) or `bad-request`.
        """
        held = self._entries.get(new.id)
        if held is None:
            if len(self._entries) >= most:
                raise ProtocolError("room-full", f"the room has {most} peers already, as many as the server allows")
            return Admission(self._add(new), resumed=False, replaced=None)
        mine, theirs = (held.incarnation, held.connection), (new.incarnation, new.connection)
        if theirs < mine or (theirs == mine and held.holder != new.holder):
            raise ProtocolError(
                "replaced", "a later connection of this identity is in the room", statement=held.statement
            )
        replaced = held.holder if held.holder != new.holder else None
        if new.incarnation > held.incarnation:
            return Admission(self._remove(held, "restarted") + self._add(new), resumed=False, replaced=replaced)
        if new.user != held.user:
            raise ProtocolError("forbidden", "this peer is another user's: leave first, or come as a new incarnation")
        _check_successor(held, new.static, new.profile_version, new.statement)
        changes: list[Change] = []
        if theirs > mine:
            changes += self._changed(PeerBack(id=new.id, connection=new.connection, statement=new.statement))
        attributes = new.attributes if new.attributes != held.attributes else None
        if new.statement != held.statement or attributes is not None:
            changes += self._changed(
                PeerUpdated(id=new.id, profile=new.profile, statement=new.statement, attributes=attributes)
            )
        self._entries[new.id] = new
        return Admission(changes, resumed=True, replaced=replaced)

    def leave(self, peer: str, holder: str | None, reason: LeftReason) -> list[Change]:
        """Removes a member for good, if it is still held by this client (None: still away)."""
        entry = self._entries.get(peer)
        return [] if entry is None or entry.holder != holder else self._remove(entry, reason)

    def away(self, peer: str, holder: str, reason: str) -> list[Change]:
        """Notes that a member lost the client `holder`, unless another has taken over already."""
        entry = self._entries.get(peer)
        if entry is None or entry.holder != holder:
            return []
        entry.holder = None
        return self._changed(PeerAway(id=peer, reason=reason))

    def update(self, peer: str, *, static: bytes, version: int, profile: str, statement: str) -> list[Change]:
        """Replaces a member's profile. Raises ProtocolError `bad-request` if the statement is not a later one."""
        entry = self._entries[peer]
        _check_successor(entry, static, version, statement)
        if statement == entry.statement:
            return []
        entry.profile, entry.profile_version, entry.statement = profile, version, statement
        return self._changed(PeerUpdated(id=peer, profile=profile, statement=statement))

    def describe(self, peer: str, holder: str, attributes: dict[str, Any]) -> list[Change]:
        """Replaces a member's attributes, if it is still held by this client."""
        entry = self._entries.get(peer)
        if entry is None or entry.holder != holder or attributes == entry.attributes:
            return []
        entry.attributes = attributes
        return self._changed(
            PeerUpdated(id=peer, profile=entry.profile, statement=entry.statement, attributes=attributes)
        )

    def _add(self, entry: Entry) -> list[Change]:
        self._entries[entry.id] = entry
        return self._changed(PeerJoined(member=entry.member()))

    def _remove(self, entry: Entry, reason: LeftReason) -> list[Change]:
        del self._entries[entry.id]
        return self._changed(PeerLeft(id=entry.id, reason=reason))

    def _changed(self, change: Change) -> list[Change]:
        self.version += 1
        return [change]


def _check_successor(held: Entry, static: bytes, version: int, statement: str) -> None:
    """Whether a statement may follow the held one within an incarnation: the same key S, a later profile."""
    if static != held.static:
        raise ProtocolError("bad-request", "a statement with another key needs a higher incarnation")
    if statement != held.statement and version <= held.profile_version:
        raise ProtocolError("bad-request", f"the profile's version must be higher than {held.profile_version}")
