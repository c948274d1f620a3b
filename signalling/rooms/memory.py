"""Rosters in this process's memory: a server by itself."""

from typing import Any

from signalling.protocol.errors import ProtocolError
from signalling.protocol.events import LeftReason
from signalling.rooms.roster import Admission, Entry, Roster
from signalling.rooms.store import Changed


class MemoryStore:
    """A room store for one server. Nothing here waits, so no change can come between another's reading and writing."""

    def __init__(self) -> None:
        self._rooms: dict[str, Roster] = {}

    def find(self, room: str) -> Roster | None:
        return self._rooms.get(room)

    def names(self) -> list[str]:
        return list(self._rooms)

    async def join(self, room: str, entry: Entry, most: int) -> tuple[Admission, Roster]:
        roster = self._rooms.get(room)
        if roster is None:
            roster = Roster(room)
        admission = roster.join(entry, most)
        self._rooms[room] = roster
        return admission, roster

    async def leave(self, room: str, peer: str, holder: str | None, reason: LeftReason) -> Changed:
        roster = self._rooms.get(room)
        if roster is None:
            return Changed([], 0)
        changes = roster.leave(peer, holder, reason)
        if not len(roster):
            del self._rooms[room]
        return Changed(changes, roster.version)

    async def away(self, room: str, peer: str, holder: str, reason: str) -> Changed:
        roster = self._rooms.get(room)
        if roster is None:
            return Changed([], 0)
        return Changed(roster.away(peer, holder, reason), roster.version)

    async def update(
        self, room: str, peer: str, *, static: bytes, version: int, profile: str, statement: str
    ) -> Changed:
        roster = self._rooms.get(room)
        if roster is None or roster.get(peer) is None:
            raise ProtocolError("not-in-room", "join the room first")
        changes = roster.update(peer, static=static, version=version, profile=profile, statement=statement)
        return Changed(changes, roster.version)

    async def describe(self, room: str, peer: str, holder: str, attributes: dict[str, Any]) -> Changed:
        roster = self._rooms.get(room)
        if roster is None:
            return Changed([], 0)
        return Changed(roster.describe(peer, holder, attributes), roster.version)
