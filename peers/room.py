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

from peers.channel import Channel, Consumer, Message, Stream, encode
from peers.emitter import H, Handler
from peers.errors import NotInRoom
from peers.feed import Feed
from peers.guests import Guest
from peers.link import DEFAULT, Key
from peers.links import LinkMaker
from peers.members import P2P, Members
from peers.membership import Membership
from peers.peer import Peer
from peers.presence import REPLACED, Presence
from peers.sending import send_to
from peers.talking import Talking
from signalling.protocol import events as wire

if TYPE_CHECKING:
    from peers.client import Client

log = logging.getLogger("eitherway.room")

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
        self._links = links
        self._members = Members(self, p2p, links)
        self._presence = Presence(membership, client._connection, self._members, self._joined)
        self._consumers: dict[Key, Consumer] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed: str | None = None
        self._ending: asyncio.Task[None] | None = None

    # ---- who is here

    @property
    def peers(self) -> Mapping[str, Peer]:
        """The other members by id, in join order. Those whose connection is gone for now are among them."""
        return MappingProxyType(self._members.here)

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
        for peer in self._members.here.values():
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
                    peer = (
                        self._members.here.get(id) if id is not None else next(iter(self._members.here.values()), None)
                    )
                    if peer is not None:
                        return peer
                    self._members.arrivals.clear()
                    await self._members.arrivals.wait()
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
        await asyncio.gather(*(peer.flush() for peer in list(self._members.here.values())))

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
            self._members.arrivals.set()
            self._ending = asyncio.get_running_loop().create_task(work())

    async def _close(self, reason: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """End the room by a task of its own: who waits for it may be cancelled, and others wait for the same end."""
        self._begin_end(reason, work)
        if self._ending is not None:
            await asyncio.shield(self._ending)

    async def _leave(self) -> None:
        await asyncio.gather(*(peer._link.close() for peer in list(self._members.here.values())))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await self._links.sent()  # the last acknowledgements go before we do
        await self._presence.leave()
        await self._finish("left")

    async def _abandon(self) -> None:
        """Joining has failed or was cancelled: let nothing remain of it, here or at the server."""
        await self._close("joining it failed", self._leave)

    def _joined(self, joined: wire.Joined) -> None:
        self._links.use_ice_servers(joined.ice_servers)
        if joined.reports:
            self.client._reports.start()

    def _over(self, reason: str) -> None:
        async def end() -> None:
            log.warning("room %r is closed: %s", self.name, reason)
            if reason == REPLACED:
                self.client._emit("replaced", self)
            await self._finish(reason)

        self._begin_end(reason, end)

    def _holds(self, peer: Peer) -> bool:
        """Whether messages of this peer may still come."""
        return self._closed is None and self._members.here.get(peer.id) is peer

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
        return self._members.here.get(id, id)

    # ---- inside: sending and ending

    def _make_channel(self, key: Key, into: Any, latest: bool) -> Channel[Any]:
        def close(key: Key) -> None:
            for peer in self._members.here.values():
                peer._link.outlets.close(key)

        return Channel(self._consumer(key, into, latest), partial(self._send, key), close)

    def _consumer(self, key: Key, into: Any, latest: bool) -> Consumer:
        consumer = self._consumers.get(key)
        if consumer is None:
            consumer = self._consumers[key] = Consumer(key, into, latest, self.client._report)
            if self._closed is not None:
                consumer.close()
            for peer in self._members.here.values():
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
            peers = list(self._members.here.values())
        else:
            peers = [self._named(one) for one in ([to] if isinstance(to, Peer | str) else to)]
            for peer in peers:
                self._members.traffic(peer)
        return await send_to(peers, key, type, payload, wait=when_full == "wait")

    def _named(self, peer: Peer | str) -> Peer:
        """The peer that is meant by itself or its id."""
        if isinstance(peer, Peer):
            return peer
        if not isinstance(peer, str):
            raise TypeError(f"to= takes peers or their ids, not {type(peer).__name__}")
        if (known := self._members.here.get(peer)) is None:
            raise NotInRoom(f"there is no peer {peer!r} in room {self.name!r}")
        return known

    def check(self) -> None:
        """Raise NotInRoom if this room has been left or closed."""
        if self._closed is not None:
            raise NotInRoom(f"not in room {self.name!r} any more: {self._closed}")

    async def _finish(self, reason: str) -> None:
        if self.client._rooms.get(self.name) is self:
            del self.client._rooms[self.name]
        await self._presence.stop()
        peers = [*self._members.here.values(), *self._members.departing]
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
        return f"<Room {self.name!r} {len(self._members.here)} peers{' closed' if self._closed else ''}>"

    def _repr_html_(self) -> str:
        rows = "".join(f"<li>{peer._repr_html_()}</li>" for peer in self._members.here.values())
        return f"<b>{escape(self.name)}</b><ul>{rows}</ul>"
