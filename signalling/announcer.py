"""What changed in rooms in this turn of the event loop, on its way to their members as one event each (V2)."""

import asyncio
import dataclasses

from signalling.clients import Clients
from signalling.engine.packets import Parts, Speller
from signalling.protocol.events import Change, Roster
from signalling.rooms.store import RoomStore


@dataclasses.dataclass(slots=True)
class _Pending:
    """Changes since version `base`, one version each; `since` has the members that know some of them already."""

    base: int
    changes: list[Change]
    since: dict[str, int]


class Announcer:
    """Gathers the changes of a turn. Whoever passes something on from a member flushes its room first."""

    def __init__(self, store: RoomStore, clients: Clients, speller: Speller) -> None:
        self._store = store
        self._clients = clients
        self._speller = speller
        self._pending: dict[str, _Pending] = {}

    def changed(self, room: str, changes: list[Change], version: int) -> None:
        """Will tell every member of changes that have led to `version`."""
        if not changes:
            return
        if not self._pending:
            asyncio.get_running_loop().call_soon(self._flush_all)
        pending = self._pending.get(room)
        if pending is None:
            pending = self._pending[room] = _Pending(version - len(changes), [], {})
        pending.changes += changes

    def knows(self, room: str, sid: str, version: int) -> None:
        """This client has just been told the whole roster up to `version`."""
        if room in self._pending:
            self._pending[room].since[sid] = version

    def flush(self, room: str) -> None:
        """Tells now, so that what follows comes after it."""
        pending = self._pending.pop(room, None)
        roster = self._store.find(room)
        if pending is None or roster is None:
            return
        version = pending.base + len(pending.changes)
        spelled: dict[int, Parts] = {}
        for entry in roster:
            client = self._clients.get(entry.holder) if entry.holder is not None else None
            if client is None:
                continue
            base = pending.since.get(client.sid, pending.base)
            if base >= version:
                continue
            if base not in spelled:
                changes = pending.changes[base - pending.base :]
                event = Roster(room=room, base=base, version=version, changes=changes)
                spelled[base] = self._speller.event("roster", event)
            client.outbox.push_roster(room, spelled[base], version)

    def _flush_all(self) -> None:
        for room in list(self._pending):
            self.flush(room)
