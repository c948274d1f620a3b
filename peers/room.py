"""A room: a named group of peers, and everything they say to each other."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from html import escape
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

import msgspec

from peers.channel import Channel, Consumer, LaneName, Message, Stream, encode
from peers.codec.frames import FrameType, Lane
from peers.emitter import Emitter, H, Handler
from peers.errors import ConnectionFailed, EitherwayError, NotInRoom, Refused, Undelivered
from peers.link import DEFAULT, Key
from peers.links import LinkMaker, undelivered_message
from peers.membership import Membership, read_profile
from peers.peer import Peer, make_key
from peers.roster import (
    BadMember,
    MustJoinAgain,
    PeerAppeared,
    PeerCameBack,
    PeerChanged,
    PeerVanished,
    PeerWentAway,
    RosterCore,
)
from signalling.protocol import events as wire

if TYPE_CHECKING:
    from peers.client import Client

log = logging.getLogger("eitherway.room")

T = TypeVar("T")
P2P = Literal["auto", "eager", "never"]
EAGER_ROOM = 8
"""Up to so many members, `auto` tries a direct path to each at once; beyond that on first traffic to a peer alone."""
STRANGER_SECONDS = 2.0
"""For so long a frame or signal of a peer not yet on the roster is held (rule S11)."""
MAX_HELD = 64
"""Frames and signals of strangers held at a time; the oldest are dropped."""
FULL_SECONDS = 5.0
"""A link that stays full for so long is reported for its peer, and the room's message to it given up."""

RoomEvent = Literal["peer_joined", "peer_left", "peer_updated", "path_changed", "undelivered", "closed"]


class Room(Emitter):
    """A room that this program has joined; made by `Client.join`.

    Events: `message` (a Message on the default channel, from any peer), `peer_joined` (peer), `peer_left` (peer,
    reason: left, removed, closed, lost, restarted), `peer_updated` (peer), `path_changed` (peer, path), `undelivered`
    (an Undelivered), `closed` (reason).
    """

    def __init__(
        self,
        client: "Client",
        membership: Membership,
        p2p: P2P,
        links: LinkMaker,
    ) -> None:
        super().__init__(
            "peer_joined", "peer_left", "peer_updated", "path_changed", "undelivered", "closed", report=client._report
        )
        self.client = client
        self.name = membership.room
        self.id = membership.identity.id
        """This program's own id: the same in every room."""
        self._membership, self._p2p, self._links = membership, p2p, links
        self._peers: dict[str, Peer] = {}
        self._consumers: dict[Key, Consumer] = {}
        self._roster = RosterCore(self.name, self.id)
        self._timer: asyncio.TimerHandle | None = None
        self._held: deque[tuple[float, str, wire.RelayFrom | wire.SignalFrom]] = deque(maxlen=MAX_HELD)
        self._arrivals = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._joining: asyncio.Task[None] | None = None
        self._mine: int | None = None
        self._closed: str | None = None

    # ---- who is here

    @property
    def peers(self) -> Mapping[str, Peer]:
        """The other members by id, in join order. Those whose connection is gone for now are among them."""
        return MappingProxyType(self._peers)

    @property
    def profile(self) -> Mapping[str, Any]:
        """What this program says of itself to the others."""
        return MappingProxyType(self._membership.profile)

    async def set_profile(self, profile: Mapping[str, Any]) -> None:
        """Replace one's own profile (at most 4,096 bytes of JSON). Raises ValueError, Refused, ConnectionFailed."""
        self.check()
        event = self._membership.set_profile(profile)
        for peer in self._peers.values():
            peer._link.core.set_statement(self._membership.statement)
        await self.client._connection.request("profile", msgspec.to_builtins(event))

    async def wait_for_peer(self, id: str | None = None, *, timeout: float | None = None) -> Peer:
        """A peer, as soon as there is one: any, or the one with this id.

        Raises TimeoutError after `timeout` seconds, NotInRoom if the room is left meanwhile.
        """
        async with asyncio.timeout(timeout):
            while True:
                self.check()
                peer = self._peers.get(id) if id is not None else next(iter(self._peers.values()), None)
                if peer is not None:
                    return peer
                self._arrivals.clear()
                await self._arrivals.wait()

    # ---- sending

    async def send(
        self,
        data: Any,
        *,
        to: Peer | Iterable[Peer] | None = None,
        when_full: Literal["wait", "skip"] = "wait",
    ) -> list[Peer]:
        """Send a message on the default channel to everyone in the room, or to one peer or several.

        It is queued on every link that has room; for the others it waits up to 5 s (`wait`), or leaves them out
        (`skip`). Returns the peers it was not queued for; what timed out is also reported as `undelivered`.
        Raises NotInRoom, TooLarge, TypeError.
        """
        return await self._send(DEFAULT, data, to=to, when_full=when_full)

    async def flush(self) -> None:
        """Wait until every peer has handled everything sent to it before. Raises Undelivered."""
        await asyncio.gather(*(peer.flush() for peer in list(self._peers.values())))

    @overload
    def channel(self, label: str, *, lane: LaneName = "reliable", latest: bool = False) -> Channel[Any]: ...
    @overload
    def channel(
        self, label: str, type: type[T], *, lane: LaneName = "reliable", latest: bool = False
    ) -> Channel[T]: ...
    def channel(
        self, label: str, type: Any = None, *, lane: LaneName = "reliable", latest: bool = False
    ) -> Channel[Any]:
        """A labelled channel to and from every peer of the room. `type`: what its messages are to be.

        `latest` (datagram lane): of each peer only the newest datagram waits.
        """
        key = make_key(label, lane, latest)
        consumer = self._consumer(key, type, latest)

        async def send(data: Any, **options: Any) -> list[Peer]:
            return await self._send(key, data, **options)

        def close(key: Key) -> None:
            for peer in self._peers.values():
                peer._link.close_channel(key)

        return Channel(consumer, send, close)

    # ---- events

    @overload
    def on(self, event: Literal["message"], handler: Callable[[Message[Any]], Any]) -> Handler: ...
    @overload
    def on(self, event: RoomEvent, handler: Handler) -> Handler: ...
    @overload
    def on(self, event: Literal["message"] | RoomEvent) -> Callable[[H], H]: ...
    def on(self, event: Any, handler: Handler | None = None) -> Any:
        """Call `handler` (a function or coroutine function) at every such event; without it, a decorator."""
        return self.channel("")._register(event, handler) if event == "message" else self._register(event, handler)

    def once(self, event: str, handler: Any = None) -> Any:
        """As `on`, for the next such event only."""
        return self.channel("").once("message", handler) if event == "message" else super().once(event, handler)

    def off(self, event: str, handler: Handler) -> None:
        """No longer call `handler` at such events."""
        if event == "message":
            self.channel("").off("message", handler)
        else:
            super().off(event, handler)

    def __aiter__(self) -> AsyncIterator[Message[Any]]:
        return self.channel("").__aiter__()

    # ---- leaving

    async def leave(self) -> None:
        """Leave: what was sent is acknowledged first, within 5 s; what was not is reported as `undelivered`."""
        if self._closed is None:
            self._closed = "this program left it"
            self._arrivals.set()
            await self._stop_joining()
            peers = list(self._peers.values())
            await asyncio.gather(*(peer._link.close() for peer in peers))
            if self._mine is not None:
                try:
                    async with asyncio.timeout(1):
                        await self._links.sent()
                    await self.client._connection.request("leave", {"room": self.name}, timeout=2)
                except (EitherwayError, TimeoutError) as error:
                    log.info("leaving %r: %s", self.name, error)
            await self._finish("left")

    async def __aenter__(self) -> "Room":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.leave()

    # ---- inside: joining, again at every new connection

    async def _join(self) -> None:
        """Join on the connection there is now. Raises Refused, ConnectionFailed."""
        connection = self.client._connection
        number = connection.number
        first = not self._roster.joined
        event = self._membership.join(origin=connection.origin, sid=connection.sid, connection=number)
        try:
            reply = await connection.request("join", msgspec.to_builtins(event))
        except Refused as error:
            if error.code != "replaced" or not first or not self._membership.outbid(error.statement):
                raise
            event = self._membership.join(origin=connection.origin, sid=connection.sid, connection=number)
            reply = await connection.request("join", msgspec.to_builtins(event))
        try:
            joined = msgspec.convert(reply, wire.Joined)
        except msgspec.ValidationError as error:
            raise ConnectionFailed(f"the server's reply to `join` makes no sense: {error}") from None
        if self._closed is not None or number != connection.number:
            return
        self._mine = number
        self._links.ice_servers = joined.ice_servers
        self._roster.receive_joined(joined, self._now())
        self._process()
        for peer in self._peers.values():
            self._tell_relay(peer)

    def _connected(self) -> None:
        """There is a new connection: join on it, for as long as it lasts."""
        if self._closed is None:
            self._joining = asyncio.get_running_loop().create_task(self._join_until_done())

    async def _join_until_done(self) -> None:
        while self._closed is None and self.client._connection.connected:
            try:
                return await self._join()
            except ConnectionFailed as error:
                log.info("joining %r again: %s", self.name, error)
                if not self.client._connection.connected:
                    return None
            except Refused as error:
                if error.code == "replaced":
                    return self._start(self._end("replaced by another program with the same identity"))
                if error.code in ("bad-request", "unauthorized", "forbidden", "not-found"):
                    return self._start(self._end(str(error)))
                log.warning("joining %r again: %s", self.name, error)
                await asyncio.sleep(error.retry_after or 1.0)
        return None

    def _disconnected(self) -> None:
        self._mine = None
        if self._joining is not None:
            self._joining.cancel()
        for peer in self._peers.values():
            self._tell_relay(peer)

    def _tell_relay(self, peer: Peer) -> None:
        member = self._roster.member(peer.id)
        theirs = member.connection if member is not None and not member.away else None
        peer._link.relay_changed(self._mine, theirs)

    # ---- inside: what the server sends

    def _receive(self, name: str, data: Any) -> None:
        now = self._now()
        if name == "roster":
            self._roster.receive_delta(data, now)
            self._process()
        elif name in ("relay", "signal"):
            peer = self._peers.get(data.sender)
            if peer is None:
                self._held.append((now, name, data))
            else:
                self._pass_on(peer, data)
        elif name == "replaced":
            self._start(self._end("replaced by another program with the same identity"))
        elif name == "room-closed":
            self._start(self._end(data.reason))

    def _pass_on(self, peer: Peer, data: Any) -> None:
        if isinstance(data, wire.RelayFrom):
            peer._link.receive_relay(data.packet)
        elif isinstance(data.packet, bytes):
            peer._link.receive_signal(data.kind, data.attempt, data.packet)

    def _process(self) -> None:
        """Tell the links and the application what the roster has come to believe."""
        while (event := self._roster.next_event()) is not None:
            match event:
                case PeerAppeared(member):
                    self._appeared(member)
                case PeerVanished(id, reason):
                    if (peer := self._peers.pop(id, None)) is not None:
                        self._vanished(peer, reason)
                case PeerChanged(id, profile):
                    if (peer := self._peers.get(id)) is not None:
                        peer.profile = read_profile(profile)
                        self._tell(peer, "peer_updated", peer)
                case PeerWentAway(id):
                    if (peer := self._peers.get(id)) is not None:
                        peer.away = True
                        self._tell_relay(peer)
                case PeerCameBack(id):
                    if (peer := self._peers.get(id)) is not None:
                        peer.away = False
                        self._tell_relay(peer)
                case BadMember(id, why):
                    log.warning("a member of %r is not shown, its statement is bad: %s: %s", self.name, id, why)
                case MustJoinAgain():
                    if self._mine is not None:
                        self._connected()
        if self._timer is not None:
            self._timer.cancel()
        when = self._roster.next_timeout()
        self._timer = asyncio.get_running_loop().call_at(when, self._timeout) if when is not None else None

    def _timeout(self) -> None:
        self._roster.handle_timeout(self._now())
        self._process()

    def _appeared(self, member: Any) -> None:
        peer = Peer(self, member, self.client._report)
        peer._link = self._links.make(self, peer, member.remote)
        self._peers[peer.id] = peer
        for key in self._consumers:
            peer._stream(key)
        self._tell_relay(peer)
        self._emit("peer_joined", peer)
        self._arrivals.set()
        if self._p2p == "eager" or (self._p2p == "auto" and len(self._peers) < EAGER_ROOM):
            for other in self._peers.values():
                other._link.want_direct(True)
        self._release(peer)

    def _release(self, peer: Peer) -> None:
        """Frames and signals that came before their peer was announced."""
        since = self._now() - STRANGER_SECONDS
        held, self._held = self._held, deque(maxlen=MAX_HELD)
        for when, name, data in held:
            if when < since:
                continue
            if data.sender == peer.id:
                self._pass_on(peer, data)
            else:
                self._held.append((when, name, data))

    def _vanished(self, peer: Peer, reason: str) -> None:
        gone = f"it is gone ({reason})"
        peer._link.cut(gone)
        self._start(peer._link.end(gone))
        for consumer in peer._consumers.values():
            consumer.close()
        self._tell(peer, "peer_left", peer, reason)

    def _traffic(self, peer: Peer) -> None:
        """Something was sent to this peer alone: from now on a direct path is worth trying."""
        if self._p2p == "auto":
            peer._link.want_direct(True)

    def _tell(self, peer: Peer, event: str, *args: Any) -> None:
        peer._emit(event, *args)
        self._emit(event, *args)

    # ---- inside: sending and ending

    def _consumer(self, key: Key, into: Any, latest: bool) -> Consumer:
        consumer = self._consumers.get(key)
        if consumer is None:
            consumer = self._consumers[key] = Consumer(key, into, latest, self.client._report)
            for peer in self._peers.values():
                peer._stream(key).add(consumer)
        elif into is not None:
            consumer.into = into
        return consumer

    async def _send(
        self, key: Key, data: Any, *, to: Peer | Iterable[Peer] | None = None, when_full: str = "wait"
    ) -> list[Peer]:
        self.check()
        type, payload = encode(data, key[1])
        peers = list(self._peers.values()) if to is None else [to] if isinstance(to, Peer) else list(to)
        if to is not None:
            for peer in peers:
                self._traffic(peer)
        if key[1] is Lane.DATAGRAM:
            return [peer for peer in peers if not peer._link.send_datagram(key, type, payload)]
        full = [peer for peer in peers if not peer._link.try_send(key, type, payload)]
        if full and when_full == "wait":
            late = await asyncio.gather(*(self._send_late(peer, key, type, payload) for peer in full))
            full = [peer for peer, sent in zip(full, late, strict=True) if not sent]
        return full

    async def _send_late(self, peer: Peer, key: Key, type: FrameType, payload: bytes) -> bool:
        try:
            async with asyncio.timeout(FULL_SECONDS):
                await peer._link.send(key, type, payload)
        except TimeoutError:
            message = undelivered_message(peer, key, type, payload)
            self._tell(
                peer, "undelivered", Undelivered(peer, [message], f"its link stayed full for {FULL_SECONDS:g} s")
            )
            return False
        except NotInRoom:
            return False
        return True

    def check(self) -> None:
        """Raise NotInRoom if this room has been left or closed."""
        if self._closed is not None:
            raise NotInRoom(f"not in room {self.name!r} any more: {self._closed}")

    async def _end(self, reason: str) -> None:
        """The room is over for this program, whether it likes it or not."""
        if self._closed is None:
            self._closed = reason
            log.warning("room %r is closed: %s", self.name, reason)
            self._arrivals.set()
            await self._stop_joining()
            if reason.startswith("replaced"):
                self.client._emit("replaced", self)
            await self._finish(reason)

    async def _stop_joining(self) -> None:
        if self._joining is not None and self._joining is not asyncio.current_task():
            self._joining.cancel()
            await asyncio.wait([self._joining])

    async def _finish(self, reason: str) -> None:
        self.client._rooms.pop(self.name, None)
        if self._timer is not None:
            self._timer.cancel()
        peers = list(self._peers.values())
        await asyncio.gather(*(peer._link.end(reason) for peer in peers))
        streams: list[Stream] = [stream for peer in peers for stream in peer._streams.values()]
        await asyncio.gather(*(stream.close(1.0) for stream in streams))
        for consumer in [*self._consumers.values(), *(c for peer in peers for c in peer._consumers.values())]:
            consumer.close()
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        if tasks:
            await asyncio.wait(tasks, timeout=2)
        self._emit("closed", reason)
        await asyncio.gather(*(emitter._end_events() for emitter in (*peers, self)))

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def __repr__(self) -> str:
        return f"<Room {self.name!r} {len(self._peers)} peers{' closed' if self._closed else ''}>"

    def _repr_html_(self) -> str:
        rows = "".join(f"<li>{peer._repr_html_()}</li>" for peer in self._peers.values())
        return f"<b>{escape(self.name)}</b><ul>{rows}</ul>"
