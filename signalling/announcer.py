"""What changed in rooms, on its way to their members: gathered, told as one event, and to each member once (V2)."""

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Final

import msgspec

from signalling.clients import Client, Clients
from signalling.engine.packets import Parts, Speller
from signalling.protocol.events import Change, PeerJoined, Roster
from signalling.rooms.store import RoomStore

SMALL_ROOM = 16
"""Up to so many members hear of a change in the turn of the event loop in which it happens."""
GATHERED: Final = 0.05
"""Seconds for which the changes of a larger room are gathered: a crowd that arrives costs each member few events."""
MOST_CHANGES: Final = 128
"""So many are told without waiting any longer."""


@dataclasses.dataclass(slots=True)
class _Pending:
    """Changes since version `base`, one version each, and whom they are about; `since` has the clients that know some
    of them already.
    """

    base: int
    timer: asyncio.Handle
    changes: list[str] = dataclasses.field(default_factory=list)
    about: set[str] = dataclasses.field(default_factory=set)
    since: dict[str, int] = dataclasses.field(default_factory=dict)
    spelled: dict[int, Parts] = dataclasses.field(default_factory=dict)

    @property
    def version(self) -> int:
        """The version that they lead to."""
        return self.base + len(self.changes)


class Announcer:
    """Gathers changes. Whoever passes something on from a member asks first whether there is news of it to be told."""

    def __init__(self, store: RoomStore, clients: Clients, speller: Speller) -> None:
        self._store = store
        self._clients = clients
        self._speller = speller
        self._pending: dict[str, _Pending] = {}
        self.listeners: list[Callable[[str, list[Change]], None]] = []
        """Called with the room and its changes, as they happen."""

    def changed(self, room: str, changes: list[Change], version: int, *, told: str | None = None) -> None:
        """Will tell every member of changes that have led to `version`, but the client `told` (a sid), which is being
        told the whole roster.
        """
        if changes:
            for listener in self.listeners:
                listener(room, changes)
        pending = self._pending.get(room)
        if pending is not None and pending.version + len(changes) != version:
            self._drop(room)  # everyone had left meanwhile, and the room began anew
            pending = None
        if pending is None:
            if not changes:
                return
            pending = self._pending[room] = _Pending(version - len(changes), self._later(room))
        pending.changes += [msgspec.json.encode(change).decode() for change in changes]
        pending.about.update(change.member.id if isinstance(change, PeerJoined) else change.id for change in changes)
        pending.spelled.clear()
        if told is not None:
            pending.since[told] = version
        if len(pending.changes) >= MOST_CHANGES:
            self.flush(room)

    def is_news(self, room: str, peer: str) -> bool:
        """Whether members have not been told yet of something that concerns this one."""
        pending = self._pending.get(room)
        return pending is not None and peer in pending.about

    def tell(self, room: str, client: Client) -> None:
        """Tells one client now, so that what follows comes after it."""
        if (pending := self._pending.get(room)) is not None:
            self._tell(room, pending, client)
            pending.since[client.sid] = pending.version

    def flush(self, room: str) -> None:
        """Tells everyone now."""
        pending = self._drop(room)
        roster = self._store.find(room)
        if pending is None or roster is None:
            return
        for entry in roster:
            client = self._clients.get(entry.holder) if entry.holder is not None else None
            if client is not None:
                self._tell(room, pending, client)

    def flush_small(self, room: str) -> None:
        """Tells everyone now, if they are few."""
        if self._is_small(room):
            self.flush(room)

    def _is_small(self, room: str) -> bool:
        roster = self._store.find(room)
        return roster is None or len(roster) <= SMALL_ROOM

    def _later(self, room: str) -> asyncio.Handle:
        loop = asyncio.get_running_loop()
        if self._is_small(room):
            return loop.call_soon(self.flush, room)
        return loop.call_later(GATHERED, self.flush, room)

    def _drop(self, room: str) -> _Pending | None:
        pending = self._pending.pop(room, None)
        if pending is not None:
            pending.timer.cancel()
        return pending

    def _tell(self, room: str, pending: _Pending, client: Client) -> None:
        base = pending.since.get(client.sid, pending.base)
        if base >= pending.version:
            return
        parts = pending.spelled.get(base)
        if parts is None:
            parts = pending.spelled[base] = self._spell(room, pending, base)
        client.outbox.push_roster(room, parts, pending.version)

    def _spell(self, room: str, pending: _Pending, base: int) -> Parts:
        """The event that leads from `base` to the latest version. Each change is spelled once, for however many."""
        frame = msgspec.json.encode(Roster(room=room, base=base, version=pending.version, changes=[])).decode()
        changes = ",".join(pending.changes[base - pending.base :])
        return self._speller.text("roster", f"{frame.removesuffix(']}')}{changes}]}}")
