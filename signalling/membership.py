"""What happens on join, leave and profile, and when a client goes: grace, away, replaced (V1, V2)."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from signalling.access import Access
from signalling.admission import check_join, check_room, check_statement
from signalling.announcer import Announcer
from signalling.clients import Client, Clients, Seat
from signalling.config import Config
from signalling.engine.packets import Speller
from signalling.guests import admit_guest
from signalling.ice import ice_servers
from signalling.logs import Line
from signalling.protocol import ids, limits
from signalling.protocol.errors import ProtocolError
from signalling.protocol.events import (
    Authorized,
    IceServer,
    Join,
    JoinAsGuest,
    Joined,
    Leave,
    LeftReason,
    Limits,
    Profile,
    Replaced,
    RoomClosed,
)
from signalling.rooms.removed import Removed
from signalling.rooms.roster import Entry
from signalling.rooms.store import RoomStore

log = logging.getLogger(__name__)


class Membership:
    """Keeps rosters in step with what clients ask for and with whether they are there."""

    def __init__(
        self,
        config: Config,
        store: RoomStore,
        clients: Clients,
        announcer: Announcer,
        speller: Speller,
        stun_port: Callable[[], int | None],
    ) -> None:
        self._config = config
        self._store = store
        self._clients = clients
        self._announcer = announcer
        self._speller = speller
        self._stun_port = stun_port
        self._grace: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._removed = Removed()
        self.closing = False
        self.joins: Counter[tuple[str, ...]] = Counter()
        """Since the start, as labels of a metric: `peer` or `guest`, and whether it was resumed, `true` or `false`."""

    async def join(self, client: Client, join: Join | JoinAsGuest) -> Joined:
        """Makes a client a member of a room, or gives it back its place. Raises ProtocolError."""
        if self.closing:
            raise ProtocolError(
                "shutting-down", "the server is about to leave", retry_after=self._config.reconnect_after
            )
        seat = client.seats.get(join.room)
        if seat is None and len(client.seats) >= self._config.max_rooms:
            raise ProtocolError("forbidden", f"one client may be in {self._config.max_rooms} rooms: leave one first")
        entry = self._newcomer(client, join, seat)
        self._removed.check(join.room, entry.id, entry.incarnation)
        admission, roster = await self._store.join(join.room, entry, self._config.max_peers)
        texts = self._speller.relay_texts(join.room, entry.id)
        client.seats[join.room] = seat = Seat(join.room, entry.id, texts)
        if (timer := self._grace.pop((join.room, entry.id), None)) is not None:
            timer.cancel()
        self.joins["guest" if seat.is_guest else "peer", str(admission.resumed).lower()] += 1
        if admission.replaced is not None:
            self._replace(admission.replaced, join.room, entry)
        self._announcer.changed(join.room, admission.changes, roster.version, told=client.sid)
        # They check its statement and make their links while it does the same with theirs, and are ready for its first
        # message.
        self._announcer.flush_small(join.room)
        log.debug(
            Line("joined", room=join.room, peer=entry.id, user=entry.user, sid=client.sid, resumed=admission.resumed)
        )
        return Joined(
            room=join.room,
            version=roster.version,
            peers=roster.members(),
            ice_servers=self._ice_servers(client, entry.id),
            limits=Limits(
                packet=limits.MAX_PACKET,
                signal=limits.MAX_SIGNAL,
                profile=limits.MAX_PROFILE,
                recipients=limits.MAX_RECIPIENTS,
                peers=self._config.max_peers,
                grace=self._config.grace,
            ),
            resumed=admission.resumed,
            peer=entry.id if seat.is_guest else None,
            reports=not seat.is_guest,
        )

    async def leave(self, client: Client, leave: Leave) -> None:
        """Ends a membership. Raises ProtocolError."""
        check_room(leave.room)
        seat = self.seat(client, leave.room)
        del client.seats[leave.room]
        changes, version = await self._store.leave(leave.room, seat.peer, client.sid, "left")
        self._announcer.changed(leave.room, changes, version)

    async def profile(self, client: Client, profile: Profile) -> None:
        """Replaces a member's profile. Raises ProtocolError."""
        check_room(profile.room)
        seat = self.seat(client, profile.room)
        roster = self._store.find(profile.room)
        entry = roster.get(seat.peer) if roster is not None else None
        if entry is None:
            raise ProtocolError("not-in-room", "join the room first")
        if seat.is_guest:
            raise ProtocolError(
                "forbidden", "a guest has the profile that it joined with: leave, and join with another"
            )
        key = ids.from_text(entry.key)
        statement = check_statement(profile.statement, room=profile.room, key=key, profile=profile.profile)
        if statement.incarnation != entry.incarnation:
            raise ProtocolError("unauthorized", "the statement is of another incarnation")
        changes, version = await self._store.update(
            profile.room,
            seat.peer,
            static=statement.static,
            version=statement.profile_version,
            profile=profile.profile,
            statement=profile.statement,
        )
        self._announcer.changed(profile.room, changes, version)

    async def renew(self, client: Client, access: Access) -> Authorized:
        """Gives a client what a fresh token grants. Raises ProtocolError `forbidden` if that is another user's, or not
        for a room that the client is in; then all stays as it was.
        """
        if access.user != client.access.user:
            raise ProtocolError("forbidden", "this token is another user's: connect anew with it")
        for seat in client.seats.values():
            access.check("guest" if seat.is_guest else "join", seat.room)
        client.access = access
        for seat in list(client.seats.values()):
            changes, version = await self._store.describe(seat.room, seat.peer, client.sid, dict(access.attributes))
            self._announcer.changed(seat.room, changes, version)
        return Authorized(expires=access.expires)

    async def gone(self, client: Client, reason: str) -> None:
        """A client's connection has ended: its members are away, and are lost when the grace time has passed. Guests
        are lost at once: they could not show that they are the same when they come back.
        """
        if self.closing:
            return
        for seat in list(client.seats.values()):
            if seat.is_guest:
                changes, version = await self._store.leave(seat.room, seat.peer, client.sid, "lost")
                self._announcer.changed(seat.room, changes, version)
                continue
            changes, version = await self._store.away(seat.room, seat.peer, client.sid, reason)
            if not changes:
                continue
            self._announcer.changed(seat.room, changes, version)
            self._grace[seat.room, seat.peer] = asyncio.get_running_loop().call_later(
                self._config.grace, self._start, self._lost, seat.room, seat.peer
            )
        client.seats.clear()

    async def remove(self, room: str, peer: str) -> bool:
        """Ends a membership, as an operator does. It stays out but for a new incarnation. False: there was none."""
        roster = self._store.find(room)
        entry = roster.get(peer) if roster is not None else None
        return entry is not None and await self._expel(room, entry, "removed", "removed from the room")

    async def close_room(self, room: str) -> int:
        """Ends every membership in a room likewise. Returns how many there were."""
        roster = self._store.find(room)
        count = 0
        for entry in list(roster or ()):
            count += await self._expel(room, entry, "closed", "the room has been closed")
        return count

    async def _expel(self, room: str, entry: Entry, reason: LeftReason, why: str) -> bool:
        holder = entry.holder
        changes, version = await self._store.leave(room, entry.id, holder, reason)
        if not changes:
            return False
        self._removed.add(room, entry.id, entry.incarnation)
        if (timer := self._grace.pop((room, entry.id), None)) is not None:
            timer.cancel()
        client = self._clients.get(holder) if holder is not None else None
        if client is not None:
            client.seats.pop(room, None)
            client.outbox.push_urgent(self._speller.event("room-closed", RoomClosed(room=room, reason=why)))
        self._announcer.changed(room, changes, version)
        log.info(Line(reason, room=room, peer=entry.id, user=entry.user))
        return True

    def seat(self, client: Client, room: str) -> Seat:
        """A client's place in a room. Raises ProtocolError `not-in-room`."""
        seat = client.seats.get(room)
        if seat is None:
            raise ProtocolError("not-in-room", "join the room first")
        return seat

    async def close(self) -> None:
        """Waits for nobody any longer."""
        for timer in self._grace.values():
            timer.cancel()
        self._grace.clear()
        await asyncio.gather(*self._tasks)

    def _newcomer(self, client: Client, join: Join | JoinAsGuest, seat: Seat | None) -> Entry:
        """The member that a client asks to be. Raises ProtocolError."""
        if isinstance(join, JoinAsGuest):
            roster = self._store.find(join.room)
            held = roster.get(seat.peer) if seat is not None and seat.is_guest and roster is not None else None
            if held is not None:
                return held
            entry = admit_guest(join, access=client.access, allowed=self._config.guests, sid=client.sid)
            if seat is not None:
                raise ProtocolError("bad-request", "this client is in the room as a peer: leave first")
            return entry
        if seat is not None and seat.peer != join.peer:
            raise ProtocolError("bad-request", "this client is in the room as another peer: leave first")
        return check_join(join, access=client.access, sid=client.sid, host=client.host, origins=self._config.origins)

    def _replace(self, sid: str, room: str, entry: Entry) -> None:
        """Tells a client that its place has been taken by a later connection of the same identity."""
        client = self._clients.get(sid)
        if client is None:
            return
        client.seats.pop(room, None)
        event = Replaced(room=room, statement=entry.statement)
        client.outbox.push_urgent(self._speller.event("replaced", event))
        log.info(Line("replaced", room=room, peer=entry.id, sid=sid, user=entry.user))

    async def _lost(self, room: str, peer: str) -> None:
        self._grace.pop((room, peer), None)
        changes, version = await self._store.leave(room, peer, None, "lost")
        self._announcer.changed(room, changes, version)

    def _start(self, work: Callable[[str, str], Coroutine[Any, Any, None]], room: str, peer: str) -> None:
        task = asyncio.ensure_future(work(room, peer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _ice_servers(self, client: Client, peer: str) -> list[IceServer]:
        return ice_servers(self._config, stun_port=self._stun_port(), host=client.host, peer=peer, now=time.time())
