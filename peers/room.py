"""A room: a named group of peers, and everything they say to each other."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial
from html import escape
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Literal, get_args, overload

import msgspec

from peers.channel import Channel, Consumer, Message, Stream, as_message, encode
from peers.codec.frames import FrameType, Lane
from peers.emitter import H, Handler
from peers.errors import NotInRoom, Undelivered
from peers.feed import Feed
from peers.guests import Guest
from peers.link import DEFAULT, Key
from peers.links import LinkMaker
from peers.membership import Membership, read_profile
from peers.peer import Peer
from peers.presence import REPLACED, Presence
from peers.roster import RosterMember
from peers.talking import Talking
from signalling.protocol import events as wire

if TYPE_CHECKING:
    from peers.client import Client

log = logging.getLogger("eitherway.room")

P2P = Literal["auto", "eager", "never"]
EAGER_ROOM = 8
"""Up to so many members, `auto` tries a direct path to each at once; beyond that on first traffic to a peer alone."""
FULL_SECONDS = 5.0
"""A link that stays full for so long is reported for its peer, and the room's message to it given up."""

UNPROVED_SECONDS = 5.0
"""A peer that the server has lost is gone when its direct path is without proof for so long."""

To = Peer | str | Iterable[Peer | str] | None
"""Whom a message is for: a peer or several, or their ids; None: everyone."""
RoomEvent = Literal[
    "peer_joined",
    "peer_left",
    "peer_updated",
    "path_changed",
    "undelivered",
    "guest_joined",
    "guest_left",
    "closed",
]


class Room(Talking, Feed):
    """A room that this program has joined; made by `Client.join`. Its feed (`post`, `watch`) is not sealed.

    Events: `message` (a Message on the default channel, from any peer), `peer_joined` (peer), `peer_left` (peer,
    reason: left, removed, closed, lost, restarted), `peer_updated` (peer), `path_changed` (peer, path), `undelivered`
    (an Undelivered), `guest_joined` (guest), `guest_left` (guest, reason), `closed` (reason).
    """

    def __init__(
        self,
        client: "Client",
        membership: Membership,
        p2p: P2P,
        links: LinkMaker,
    ) -> None:
        super().__init__(*get_args(RoomEvent), report=client._report)
        Feed.__init__(self, membership.room, client._watches)
        self.client = client
        self.id = membership.identity.id
        """This program's own id: the same in every room."""
        self._p2p, self._links = p2p, links
        self._presence = Presence(membership, client._connection, self, self._joined)
        self._peers: dict[str, Peer] = {}
        self._consumers: dict[Key, Consumer] = {}
        self._arrivals = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed: str | None = None
        self._ending: asyncio.Task[None] | None = None
        self._lost: dict[str, Peer] = {}
        """Peers that the server has lost, and their direct paths have not."""
        self._departing: set[Peer] = set()
        """Peers that are gone, as long as handlers deal with what came of them."""

    # ---- who is here

    @property
    def peers(self) -> Mapping[str, Peer]:
        """The other members by id, in join order. Those whose connection is gone for now are among them."""
        return MappingProxyType(self._peers)

    @property
    def guests(self) -> Mapping[str, Guest]:
        """Members without a key, by id: plain WebRTC programs that signal through this server. Nothing that is sent
        here goes to them.
        """
        return self._presence.guests

    @property
    def profile(self) -> Mapping[str, Any]:
        """What this program says of itself to the others."""
        return MappingProxyType(self._presence.membership.profile)

    async def set_profile(self, profile: Mapping[str, Any]) -> None:
        """Replace one's own profile (at most 4,096 bytes of JSON). Raises ValueError, Refused, ConnectionFailed."""
        self.check()
        membership = self._presence.membership
        event = membership.set_profile(profile)
        for peer in self._peers.values():
            peer._link.core.set_statement(membership.statement)
        await self.client._connection.request("profile", msgspec.to_builtins(event))

    async def wait_for_peer(self, id: str | None = None, *, timeout: float | None = None) -> Peer:
        """A peer, as soon as there is one: any, or the one with this id.

        Raises TimeoutError after `timeout` seconds, NotInRoom if the room is left meanwhile.
        """
        try:
            async with asyncio.timeout(timeout):
                while True:
                    self.check()
                    peer = self._peers.get(id) if id is not None else next(iter(self._peers.values()), None)
                    if peer is not None:
                        return peer
                    self._arrivals.clear()
                    await self._arrivals.wait()
        except TimeoutError:
            who = "nobody else" if id is None else f"no peer {id}"
            raise TimeoutError(f"{who} came into room {self.name!r} within {timeout:g} s") from None

    # ---- sending

    async def send(
        self,
        data: Any,
        *,
        to: To = None,
        when_full: Literal["wait", "skip"] = "wait",
    ) -> list[Peer]:
        """Send a message on the default channel to everyone in the room, or to one peer or several, or their ids.

        It is queued on every link that has room; for the others it waits up to 5 s (`wait`), or leaves them out
        (`skip`). Returns the peers it was not queued for; what timed out is also reported as `undelivered`.
        Raises NotInRoom, TooLarge, TypeError, ValueError.
        """
        return await self._send(DEFAULT, data, to=to, when_full=when_full)

    async def flush(self) -> None:
        """Wait until every peer has handled everything sent to it before. Raises Undelivered."""
        await asyncio.gather(*(peer.flush() for peer in list(self._peers.values())))

    # ---- events

    @overload
    def on(self, event: Literal["message"], handler: Callable[[Message[Any]], Any]) -> Handler: ...
    @overload
    def on(self, event: RoomEvent, handler: Handler) -> Handler: ...
    @overload
    def on(self, event: Literal["message"] | RoomEvent) -> Callable[[H], H]: ...
    def on(self, event: Any, handler: Handler | None = None) -> Any:
        """Call `handler` (a function or coroutine function) at every such event; without it, a decorator."""
        return self._register(event, handler)

    # ---- leaving

    async def leave(self) -> None:
        """Leave: what was sent is acknowledged first, within 5 s; what was not is reported as `undelivered`."""
        await self._close("this program left it", self._leave)

    async def __aenter__(self) -> "Room":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.leave()

    # ---- inside: the end

    def _begin_end(self, reason: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if self._closed is None:
            self._closed = reason
            self._arrivals.set()
            self._ending = asyncio.get_running_loop().create_task(work())

    async def _close(self, reason: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """End the room by a task of its own: who waits for it may be cancelled, and others wait for the same end."""
        self._begin_end(reason, work)
        if self._ending is not None:
            await asyncio.shield(self._ending)

    async def _leave(self) -> None:
        await asyncio.gather(*(peer._link.close() for peer in list(self._peers.values())))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await self._links.sent()  # the last acknowledgements go before we do
        await self._presence.leave()
        await self._finish("left")

    async def _abandon(self) -> None:
        """Joining has failed or was cancelled: let nothing remain of it, here or at the server."""
        await self._close("joining it failed", self._leave)

    # ---- inside: what the presence tells (`peers.presence.Audience`)

    def _joined(self, joined: wire.Joined) -> None:
        self._links.use_ice_servers(joined.ice_servers)
        if joined.reports:
            self.client._reports.start()

    def _appeared(self, member: RosterMember) -> None:
        if (known := self._lost.get(member.id)) is not None:
            if known._incarnation == member.incarnation:  # it was only the server that had lost it (rule S1)
                del self._lost[member.id]
                if (known.profile, known.attributes) != (read_profile(member.profile), member.attributes):
                    self._changed(member.id, member.profile, member.attributes)
                return
            self._gone(known, "restarted")
        peer = Peer(self, member, self.client._report)
        peer._link = self._links.make(self, peer, member.remote)
        self._peers[peer.id] = peer
        for key in self._consumers:
            peer._stream(key)
        self._emit("peer_joined", peer)
        self._arrivals.set()
        if self._p2p == "eager" or (self._p2p == "auto" and len(self._peers) < EAGER_ROOM):
            for other in self._peers.values():
                other._link.want_direct()

    def _vanished(self, id: str, reason: str) -> None:
        if (peer := self._peers.get(id)) is None:
            return
        if reason == "lost" and peer._link.core.session.direct_proved:
            # Off the roster past its grace time, but the direct path still proves that it lives (rule S1).
            self._lost[id] = peer
            peer.away = True
            peer._link.relay_changed(None, None)
            self._start(self._watch_lost(peer))
        else:
            self._gone(peer, reason)

    async def _watch_lost(self, peer: Peer) -> None:
        """Until a peer that the server has lost is found again, or its direct path is without proof for good."""
        proved = self._now()
        while self._lost.get(peer.id) is peer and self._closed is None:
            if peer._link.core.session.direct_proved:
                proved = self._now()
            elif self._now() - proved > UNPROVED_SECONDS or peer._link.path is None:
                self._gone(peer, "lost")
            await asyncio.sleep(0.25)

    def _gone(self, peer: Peer, reason: str) -> None:
        self._lost.pop(peer.id, None)
        del self._peers[peer.id]
        gone = f"it is gone ({reason})"
        peer._link.cut(gone)
        for consumer in peer._consumers.values():
            consumer.close()
        self._tell(peer, "peer_left", peer, reason)
        self._departing.add(peer)
        self._start(self._depart(peer, gone))

    def _changed(self, id: str, profile: str, attributes: dict[str, Any]) -> None:
        if (peer := self._peers.get(id)) is not None:
            peer.profile = read_profile(profile)
            peer.attributes = attributes
            self._tell(peer, "peer_updated", peer)

    def _relay(self, id: str, mine: int | None, theirs: int | None) -> None:
        if (peer := self._peers.get(id)) is not None:
            if mine is not None:
                peer.away = theirs is None
            peer._link.relay_changed(mine, theirs)

    def _guest_came(self, guest: Guest) -> None:
        self._emit("guest_joined", guest)

    def _guest_left(self, guest: Guest, reason: str) -> None:
        self._emit("guest_left", guest, reason)

    def _packet(self, event: wire.RelayFrom | wire.SignalFrom) -> bool:
        if (peer := self._peers.get(event.sender)) is None:
            return False
        if isinstance(event, wire.RelayFrom):
            peer._link.receive_relay(event.packet)
        elif isinstance(event.packet, bytes):
            peer._link.receive_signal(event.kind, event.attempt, event.packet)
        return True

    def _over(self, reason: str) -> None:
        async def end() -> None:
            log.warning("room %r is closed: %s", self.name, reason)
            if reason == REPLACED:
                self.client._emit("replaced", self)
            await self._finish(reason)

        self._begin_end(reason, end)

    async def _depart(self, peer: Peer, reason: str) -> None:
        await peer._link.end(reason)
        await peer._end_events(None)
        await asyncio.gather(*(stream.depart() for stream in peer._streams.values()))
        self._departing.discard(peer)

    def _traffic(self, peer: Peer) -> None:
        """Something was sent to this peer alone: from now on a direct path is worth trying."""
        if self._p2p == "auto":
            peer._link.want_direct()

    def _tell(self, peer: Peer, event: str, *args: Any) -> None:
        peer._emit(event, *args)
        self._emit(event, *args)

    # ---- inside: the feed

    def _check(self) -> None:
        self.check()

    async def _ready(self) -> None:
        """Until this program is a member again, so that others see whom a post is from."""
        await super()._ready()
        while not self._presence.joined:
            self.check()
            await self._presence.until_joined()
            await asyncio.sleep(0)
            await super()._ready()
        self.check()

    def _who(self, id: str) -> Peer | str:
        return self._peers.get(id, id)

    # ---- inside: sending and ending

    def _make_channel(self, key: Key, into: Any, latest: bool) -> Channel[Any]:
        def close(key: Key) -> None:
            for peer in self._peers.values():
                peer._link.outlets.close(key)

        return Channel(self._consumer(key, into, latest), partial(self._send, key), close)

    def _consumer(self, key: Key, into: Any, latest: bool) -> Consumer:
        consumer = self._consumers.get(key)
        if consumer is None:
            consumer = self._consumers[key] = Consumer(key, into, latest, self.client._report)
            if self._closed is not None:
                consumer.close()
            for peer in self._peers.values():
                peer._stream(key).add(consumer)
        elif into is not None:
            consumer.into = into
        return consumer

    async def _send(self, key: Key, data: Any, *, to: To = None, when_full: str = "wait") -> list[Peer]:
        self.check()
        if when_full not in ("wait", "skip"):
            raise ValueError(f"when_full is 'wait' or 'skip', not {when_full!r}")
        type, payload = encode(data, key[1])
        if to is None:
            peers = list(self._peers.values())
        else:
            peers = [self._named(one) for one in ([to] if isinstance(to, Peer | str) else to)]
            for peer in peers:
                self._traffic(peer)
        if key[1] is Lane.DATAGRAM:
            return [peer for peer in peers if not peer._link.outlets.send_datagram(key, type, payload)]
        full: list[Peer] = []
        failure: Exception | None = None
        for peer in peers:  # one that is gone, or has no channel to spare, does not keep the message from the others
            try:
                if not peer._link.outlets.try_send(key, type, payload):
                    full.append(peer)
            except (NotInRoom, ValueError) as error:
                failure = failure or error
        if full and when_full == "wait":
            late = await asyncio.gather(*(self._send_late(peer, key, type, payload) for peer in full))
            full = [peer for peer, sent in zip(full, late, strict=True) if not sent]
        if failure is not None:
            raise failure
        return full

    def _named(self, peer: Peer | str) -> Peer:
        """The peer that is meant by itself or its id."""
        if isinstance(peer, Peer):
            return peer
        if not isinstance(peer, str):
            raise TypeError(f"to= takes peers or their ids, not {type(peer).__name__}")
        if (known := self._peers.get(peer)) is None:
            raise NotInRoom(f"there is no peer {peer!r} in room {self.name!r}")
        return known

    async def _send_late(self, peer: Peer, key: Key, type: FrameType, payload: bytes) -> bool:
        try:
            async with asyncio.timeout(FULL_SECONDS):
                await peer._link.outlets.send(key, type, payload)
        except TimeoutError:
            message = as_message(peer, key, type, payload)
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

    async def _finish(self, reason: str) -> None:
        if self.client._rooms.get(self.name) is self:
            del self.client._rooms[self.name]
        await self._presence.stop()
        peers = [*self._peers.values(), *self._departing]
        await asyncio.gather(*(peer._link.end(reason) for peer in peers))
        streams: list[Stream] = [stream for peer in peers for stream in peer._streams.values()]
        await asyncio.gather(*(stream.close(1.0) for stream in streams))
        for consumer in [*self._consumers.values(), *(c for peer in peers for c in peer._consumers.values())]:
            consumer.close()
        self._watches.end(self)
        self._emit("closed", reason)
        await asyncio.gather(*(emitter._end_events() for emitter in (*peers, self)))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2)

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
