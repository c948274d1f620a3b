"""A client: one program's connection to the signalling server, and the rooms it has joined over it."""

import asyncio
import logging
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Any, Literal, overload

import msgspec

from peers.complaints import Complaints
from peers.connection import TRANSPORTS, Connection
from peers.emitter import Emitter, H, Handler
from peers.errors import EitherwayError
from peers.feed import Feed
from peers.feed_watch import Watches
from peers.identity import Identity
from peers.links import LinkMaker, Shared
from peers.members import P2P
from peers.membership import Membership
from peers.paths.relay import Relays
from peers.reporter import Reporter
from peers.reports import Way
from peers.room import Room
from peers.tokens import Token
from signalling.protocol import events as wire
from signalling.protocol.ids import check_room_name

log = logging.getLogger("eitherway.client")

ClientEvent = Literal["connected", "disconnected", "replaced", "error"]

MAX_SIGNALS = 64
"""Signals on their way to the server at a time; more are dropped, and their attempts end at their deadlines."""


class Client(Emitter):
    """One program's connection to a signalling server.

    Parameters: the server's `url`; `identity`: an Identity, or the path of a PEM file that keeps one (made if it is
    not there), or None for a new one that lives as long as this program; `token`, or an async function that returns a
    fresh one, for each connection and before one runs out; `transports`, tried in this order; `timeout` in seconds for
    connecting and for each reply; `reconnect`: whether to come back when the connection is lost (for ever);
    `namespace`: where the server was attached to somebody's python-socketio server, if not in `/`.

    Events: `connected` (), `disconnected` (reason), `replaced` (room), `error` (exception): what a handler raised, or
    why the connection was given up.
    """

    def __init__(
        self,
        url: str,
        *,
        identity: Identity | str | os.PathLike[str] | None = None,
        token: Token = None,
        transports: Sequence[str] = TRANSPORTS,
        timeout: float = 10.0,
        reconnect: bool = True,
        namespace: str = "/",
    ) -> None:
        super().__init__("connected", "disconnected", "replaced", "error")
        if identity is None:
            identity = Identity.generate()
        elif not isinstance(identity, Identity):
            identity = Identity.load(identity)
        self.identity = identity
        self._static = os.urandom(32)
        self._connection = Connection(
            url,
            token=token,
            transports=transports,
            timeout=timeout,
            reconnect=reconnect,
            namespace=namespace,
            on_event=self._receive,
            on_connected=self._connected,
            on_disconnected=self._disconnected,
            on_closed=self._given_up,
            on_error=self._report,
        )
        self._relays = Relays(self._connection)
        self._watches = Watches(self._connection)
        self._reports = Reporter(self._connection, self._ways)
        self._complaints = Complaints(log)
        self._shared = Shared()
        self._rooms: dict[str, Room] = {}
        self._signals: set[asyncio.Task[None]] = set()
        self._endings: set[asyncio.Task[None]] = set()

    @property
    def id(self) -> str:
        """This program's id: the same in every room, made from its key."""
        return self.identity.id

    @property
    def url(self) -> str:
        """The server's URL."""
        return self._connection.url

    @property
    def connected(self) -> bool:
        """Whether there is a connection to the server now."""
        return self._connection.connected

    @property
    def transport(self) -> str | None:
        """How the server is reached: websocket or polling."""
        return self._connection.transport

    @property
    def rooms(self) -> Mapping[str, Room]:
        """The rooms this program has joined, by name."""
        return MappingProxyType(self._rooms)

    @overload
    def on(self, event: ClientEvent, handler: Handler) -> Handler: ...
    @overload
    def on(self, event: ClientEvent) -> Callable[[H], H]: ...
    def on(self, event: ClientEvent, handler: Handler | None = None) -> Any:
        """Call `handler` (a function or coroutine function) at every such event; without it, a decorator."""
        return self._register(event, handler)

    async def connect(self) -> "Client":
        """Connect to the server; joining does it by itself. Raises ConnectionFailed, Refused."""
        await self._connection.open()
        return self

    def join(self, room: str, *, profile: Mapping[str, Any] | None = None, p2p: P2P = "auto") -> "Joining":
        """Join a room: ``async with client.join("lobby") as room`` or ``room = await client.join("lobby")``.

        `profile`: what this program says of itself, at most 4,096 bytes of JSON. `p2p`: direct paths to each peer of
        a small room and on first traffic in a larger one (`auto`), to everyone at once (`eager`), or not (`never`).
        Raises ValueError, ConnectionFailed, Refused.
        """
        if p2p not in ("auto", "eager", "never"):
            raise ValueError(f"p2p is 'auto', 'eager' or 'never', not {p2p!r}")
        if not isinstance(room, str):
            raise TypeError(f"a room's name is a str, not {type(room).__name__}")
        if profile is not None and not isinstance(profile, Mapping):
            raise TypeError(f"a profile is a dict of JSON values, not {type(profile).__name__}")
        check_room_name(room)
        return Joining(self, room, profile or {}, p2p)

    def feed(self, room: str) -> Feed:
        """A room's feed, to post and to watch without joining: see `Feed`. Raises ValueError."""
        return Feed(room, self._watches)

    async def close(self) -> None:
        """Leave every room in good order (5 s at most) and disconnect."""
        try:
            await asyncio.gather(*(room.leave() for room in list(self._rooms.values())))
        finally:
            await self._connection.close()
        self._watches.close()
        await self._watches.ended()
        self._relays.reset()
        for task in self._signals:
            task.cancel()
        if tasks := [*self._signals, *self._endings]:
            await asyncio.wait(tasks)
        await self._end_events()
        self._complaints.close()

    async def __aenter__(self) -> "Client":
        return await self.connect()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    # ---- inside

    async def _join(self, name: str, profile: Mapping[str, Any], p2p: P2P) -> Room:
        self._check_new(name)
        await self._connection.open()
        self._check_new(name)  # another task may have been faster
        membership = Membership(self.identity, self._static, name, profile)
        links = LinkMaker(membership, self._shared, self._relays, self._signal, direct=p2p != "never")
        room = Room(self, membership, p2p, links)
        self._rooms[name] = room
        try:
            await room._presence.join()
            room.check()
        except BaseException:
            await room._abandon()  # the server may have let us in: no member remains of whom nobody knows
            raise
        return room

    def _check_new(self, name: str) -> None:
        if name in self._rooms:
            raise ValueError(f"this client has joined {name!r} already: use client.rooms[{name!r}]")

    def _receive(self, name: str, data: Any) -> None:
        """An event of the server. What makes no sense is logged and dropped: it must not stop the connection."""
        try:
            event = msgspec.convert(data, _EVENTS[name], builtin_types=(bytes,))  # a packet is bytes, not text
        except (msgspec.ValidationError, TypeError) as error:
            text = "the server sent a %r that makes no sense: %s"
            self._complaints.say(f"a {name!r} of the server that makes no sense", logging.WARNING, text, name, error)
            return
        try:
            if isinstance(event, wire.Relayed):
                self._relays.relayed(event.n)
            elif isinstance(event, wire.Refused):
                self._relays.refused(event.n, event.to, event.code)
            elif isinstance(event, wire.PostFrom | wire.Missed):
                self._watches.receive(event)
            elif (room := self._rooms.get(event.room)) is not None:
                room._presence.receive(event)
        except Exception:
            log.exception("handling %r of the server failed", name)

    def _connected(self) -> None:
        for room in self._rooms.values():
            room._presence.connected()
        self._watches.connected()
        self._emit("connected")

    def _disconnected(self, reason: str) -> None:
        self._relays.reset()
        self._reports.stop()
        self._shared.prober.forget()
        for room in self._rooms.values():
            room._presence.disconnected()
        self._watches.disconnected()
        self._emit("disconnected", reason)

    def _ways(self) -> list[Way | None] | None:
        links = [peer._link for room in self._rooms.values() for peer in room.peers.values()]
        return [link.way for link in links] if self._rooms else None

    def _given_up(self, error: Exception) -> None:
        self._report(error)
        self._watches.close(error)
        for room in list(self._rooms.values()):
            room._over(f"the connection is given up: {error}")
            if room._ending is not None:
                self._endings.add(room._ending)
                room._ending.add_done_callback(self._endings.discard)

    def _signal(self, room: str, to: str, kind: str, attempt: int, packet: bytes) -> None:
        if len(self._signals) >= MAX_SIGNALS:
            text = "too many signals wait for the server: one to %s is dropped"
            self._complaints.say("too many signals", logging.WARNING, text, to[:8])
            return
        task = asyncio.get_running_loop().create_task(self._send_signal(room, to, kind, attempt, packet))
        self._signals.add(task)
        task.add_done_callback(self._signals.discard)

    async def _send_signal(self, room: str, to: str, kind: str, attempt: int, packet: bytes) -> None:
        data = {"room": room, "to": to, "kind": kind, "attempt": attempt, "packet": packet}
        try:
            await self._connection.request("signal", data)
        except EitherwayError as error:
            log.info("a signal to %s was not passed on: %s", to[:8], error)

    def _report(self, error: BaseException) -> None:
        self._emit("error", error)

    def __repr__(self) -> str:
        return f"<Client {self.id[:8]} {self.url}{'' if self.connected else ' not connected'}>"


class Joining:
    """A room about to be joined: await it, or enter it with ``async with``."""

    def __init__(self, client: Client, name: str, profile: Mapping[str, Any], p2p: P2P) -> None:
        self._work = (client, name, profile, p2p)
        self._room: Room | None = None

    def __await__(self) -> Generator[Any, None, Room]:
        client, name, profile, p2p = self._work
        return client._join(name, profile, p2p).__await__()

    async def __aenter__(self) -> Room:
        self._room = await self
        return self._room

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._room is not None:
            await self._room.leave()


_EVENTS: dict[str, Any] = {
    "roster": wire.Roster,
    "signal": wire.SignalFrom,
    "relay": wire.RelayFrom,
    "relayed": wire.Relayed,
    "refused": wire.Refused,
    "replaced": wire.Replaced,
    "room-closed": wire.RoomClosed,
    "post": wire.PostFrom,
    "missed": wire.Missed,
}
