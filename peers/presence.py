"""This program's presence in one room: it joins on every new connection, and keeps believing what it should of the
others (rules V1, V2 and S11)."""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from peers.connection import Connection
from peers.errors import ConnectionFailed, EitherwayError, Refused
from peers.guests import Guest, GuestCame, GuestLeft
from peers.membership import Membership
from peers.roster import (
    BadMember,
    MustJoinAgain,
    PeerAppeared,
    PeerCameBack,
    PeerChanged,
    PeerVanished,
    PeerWentAway,
    RosterCore,
    RosterMember,
)
from signalling.protocol import events as wire
from signalling.protocol.ids import is_guest

log = logging.getLogger("eitherway.room")

STRANGER_SECONDS = 2.0
"""For so long a frame or signal of a peer not yet on the roster is held (rule S11)."""
MAX_HELD = 64
"""Frames and signals of strangers held at a time; the oldest are dropped."""
MAX_EARLY = 256
"""Roster deltas held while joining; beyond that the gap makes this program join again."""
SLICE = 0.008
"""Seconds for which a large roster may hold the event loop."""
RENEWED_AFTER = 0.5, 0.75
"""Between these parts of their lifetime, credentials for TURN servers are asked for anew: not by all peers at once."""
RENEWED_WITHIN = 1.0, 86_400.0
"""Seconds: no sooner and no later, whatever lifetime the server tells."""
REPLACED = "replaced by another program with the same identity"


class Audience(Protocol):
    """Who is told: the room."""

    def appeared(self, member: RosterMember) -> None: ...
    def vanished(self, id: str, reason: str) -> None: ...
    def changed(self, id: str, profile: str, attributes: dict[str, Any]) -> None: ...
    def relay(self, id: str, mine: int | None, theirs: int | None) -> None:
        """The connections between which a peer can be relayed to; None where there is none."""

    def guest_came(self, guest: Guest) -> None: ...
    def guest_left(self, guest: Guest, reason: str) -> None: ...

    def packet(self, event: wire.RelayFrom | wire.SignalFrom) -> bool:
        """A packet of a peer; False if there is no such peer."""

    def over(self, reason: str) -> None:
        """The room is over for this program."""


class Presence:
    """One program in one room, from the first `join` to `leave`. `on_joined` gets the reply to each."""

    def __init__(
        self,
        membership: Membership,
        connection: Connection,
        audience: Audience,
        on_joined: Callable[[wire.Joined], None],
    ) -> None:
        self.membership = membership
        self._connection, self._audience, self._on_joined = connection, audience, on_joined
        self._roster = RosterCore(membership.room, membership.identity.id)
        self._mine: int | None = None
        self._asked: int | None = None
        """The connection on which the server may have let us in, whether or not it has said so."""
        self.before: frozenset[str] = frozenset()
        """The ids of those who were in the room before this program."""
        self._ids: dict[str, None] = {}
        self._held: deque[tuple[float, wire.RelayFrom | wire.SignalFrom]] = deque(maxlen=MAX_HELD)
        self._early: deque[wire.Roster] | None = None
        """Deltas that came while a reply to `join` is awaited, or is here and has not been looked at yet."""
        self._joining: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._renewal: asyncio.TimerHandle | None = None
        self._rest: asyncio.Handle | None = None
        self._over = False

    @property
    def joined(self) -> bool:
        """Whether the room has been joined on the connection that there is now."""
        return self._mine is not None

    @property
    def guests(self) -> Mapping[str, Guest]:
        """The room's guests by id."""
        return self._roster.guests.all

    # ---- joining

    async def join(self) -> None:
        """Join on the connection there is now. Raises Refused, ConnectionFailed."""
        self._early = deque(maxlen=MAX_EARLY)
        try:
            await self._join()
        finally:
            self._early = None

    async def _join(self) -> None:
        first = not self._roster.joined
        number = self._connection.number
        try:
            reply = await self._request_join(number)
        except Refused as error:
            # Our clock may be behind that of an earlier life: a program that has not been here may try once more.
            if error.code != "replaced" or not first or not self.membership.outbid(error.statement):
                raise
            reply = await self._request_join(number)
        try:
            joined = msgspec.convert(reply, wire.Joined)
        except msgspec.ValidationError as error:
            raise ConnectionFailed(f"the server's reply to `join` makes no sense: {error}") from None
        if self._over or number != self._connection.number:
            return
        self._mine = number
        self._on_joined(joined)
        self._renew_before_they_expire(joined.ice_servers)
        if first:
            self.before = frozenset(member.id for member in joined.peers) - {self.membership.identity.id}
        self._roster.receive_joined(joined, self._now())
        for delta in self._early or ():
            self._roster.receive_delta(delta, self._now())
        self._process()
        for id in self._ids:
            self._tell_relay(id)

    def _renew_before_they_expire(self, servers: list[wire.IceServer]) -> None:
        """Join again when credentials for TURN servers are about to expire: the reply has fresh ones (V1)."""
        if self._renewal is not None:
            self._renewal.cancel()
            self._renewal = None
        lifetimes = [server.lifetime for server in servers if server.lifetime is not None]
        if lifetimes:
            soonest, latest = RENEWED_WITHIN
            delay = min(latest, max(soonest, min(lifetimes) * random.uniform(*RENEWED_AFTER)))
            self._renewal = asyncio.get_running_loop().call_later(delay, self.connected)

    async def caught_up(self) -> None:
        """Until the room has been told of everything that has come so far: a roster may take several slices."""
        while self._rest is not None and not self._over:  # noqa: ASYNC110 - each turn is a slice
            await asyncio.sleep(0)

    async def _request_join(self, number: int) -> Any:
        connection = self._connection
        event = self.membership.join(origin=connection.origin, sid=connection.sid, connection=number)
        self._asked = number
        try:
            return await connection.request("join", msgspec.to_builtins(event))
        except Refused:
            self._asked = None
            raise

    def connected(self) -> None:
        """There is a new connection: join on it, for as long as it lasts."""
        if not self._over and (self._joining is None or self._joining.done()):
            self._joining = asyncio.get_running_loop().create_task(self._join_until_done())

    async def _join_until_done(self) -> None:
        while not self._over and self._connection.connected:
            try:
                return await self.join()
            except ConnectionFailed as error:
                log.info("joining %r again: %s", self.membership.room, error)
            except Refused as error:
                if error.code == "replaced":
                    return self._audience.over(REPLACED)
                if error.code in ("bad-request", "unauthorized", "forbidden", "not-found"):
                    return self._audience.over(str(error))
                log.warning("joining %r again: %s", self.membership.room, error)
                await asyncio.sleep(error.retry_after or 1.0)
        return None

    async def until_joined(self) -> None:
        """Until joining on this connection has ended, one way or the other."""
        if self._joining is not None:
            await asyncio.wait([self._joining])

    def disconnected(self) -> None:
        """The connection is gone; the next one is joined on."""
        self._mine = None
        if self._renewal is not None:
            self._renewal.cancel()
        if self._joining is not None:
            self._joining.cancel()
            self._joining = None
        for id in self._ids:
            self._tell_relay(id)

    async def leave(self) -> None:
        """Tell the server, if it can be told."""
        if self._asked == self._connection.number and self._connection.connected:
            try:
                await self._connection.request("leave", {"room": self.membership.room}, timeout=2)
            except EitherwayError as error:
                log.info("leaving %r: %s", self.membership.room, error)

    async def stop(self) -> None:
        """Do nothing more."""
        self._over = True
        for handle in (self._timer, self._renewal, self._rest):
            if handle is not None:
                handle.cancel()
        if self._joining is not None and self._joining is not asyncio.current_task():
            self._joining.cancel()
            await asyncio.wait([self._joining])

    # ---- what the server sends

    def receive(self, event: Any) -> None:
        """An event of the server that concerns this room."""
        if self._over:
            return
        match event:
            case wire.Roster() if self._early is not None:
                self._early.append(event)
            case wire.Roster():
                self._roster.receive_delta(event, self._now())
                self._process()
            case wire.RelayFrom() | wire.SignalFrom() if is_guest(event.sender):
                log.debug("a guest of %r has signalled, and nobody links to guests", self.membership.room)
            case wire.RelayFrom() | wire.SignalFrom():
                if not self._audience.packet(event):
                    self._held.append((self._now(), event))
            case wire.Replaced():
                self._audience.over(REPLACED)
            case wire.RoomClosed():
                self._audience.over(event.reason)

    def _process(self) -> None:
        """Pass on what the roster has come to believe: a large one in slices, since each statement costs its check."""
        until = self._now() + SLICE
        self._rest = None
        while (event := self._roster.next_event()) is not None:
            self._pass_on(event)
            if self._now() > until:
                self._rest = asyncio.get_running_loop().call_soon(self._process)
                return
        if self._timer is not None:
            self._timer.cancel()
        when = self._roster.next_timeout()
        self._timer = asyncio.get_running_loop().call_at(when, self._timeout) if when is not None else None

    def _pass_on(self, event: Any) -> None:
        room = self.membership.room
        match event:
            case PeerAppeared(member):
                self._ids[member.id] = None
                self._audience.appeared(member)
                self._tell_relay(member.id)
                self._release(member.id)
            case PeerVanished(id, reason):
                self._ids.pop(id, None)
                self._audience.vanished(id, reason)
            case PeerChanged(id, profile, attributes):
                self._audience.changed(id, profile, attributes)
            case PeerWentAway(id) | PeerCameBack(id):
                self._tell_relay(id)
            case GuestCame(guest):
                self._audience.guest_came(guest)
            case GuestLeft(guest, reason):
                self._audience.guest_left(guest, reason)
            case BadMember(id, why):
                log.warning("a member of %r is not shown, its statement is bad: %s: %s", room, id, why)
            case MustJoinAgain():
                log.info("the roster of %r has a gap: joining again", room)
                self.connected()

    def _tell_relay(self, id: str) -> None:
        member = self._roster.member(id)
        theirs = member.connection if member is not None and not member.away else None
        self._audience.relay(id, self._mine, theirs)

    def _release(self, id: str) -> None:
        """What came of a peer before it was announced."""
        since = self._now() - STRANGER_SECONDS
        held, self._held = self._held, deque(maxlen=MAX_HELD)
        for when, event in held:
            if when >= since and not (event.sender == id and self._audience.packet(event)):
                self._held.append((when, event))

    def _timeout(self) -> None:
        self._roster.handle_timeout(self._now())
        self._process()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
