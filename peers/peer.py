"""A peer: another member of a room, as seen from here."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any, Literal, overload

from peers.channel import Channel, Consumer, Message, Stream, as_messages, encode
from peers.codec.frames import Lane
from peers.emitter import H, Handler, Report
from peers.errors import Undelivered
from peers.link import DEFAULT, Key, Link, LinkStats, Received
from peers.membership import read_profile
from peers.roster import RosterMember
from peers.session.events import PathName
from peers.talking import Talking

if TYPE_CHECKING:
    from peers.room import Room

PeerEvent = Literal["path_changed", "peer_updated", "peer_left", "undelivered"]


class Peer(Talking):
    """Another member of a room. It can be sent to as soon as it is announced.

    Events: `message` (a Message of the default channel), `path_changed` (peer, path), `peer_updated` (peer),
    `peer_left` (peer, reason), `undelivered` (an Undelivered).
    """

    def __init__(self, room: "Room", member: RosterMember, report: Report) -> None:
        super().__init__("path_changed", "peer_updated", "peer_left", "undelivered", report=report)
        self.id = member.id
        self._incarnation = member.incarnation
        self.room = room
        self.away = member.away
        """Whether its connection to the server is gone for now; a direct path may carry on."""
        self.profile: Mapping[str, Any] = read_profile(member.profile)
        self.user = member.user
        """Who the server says it is, by its verified token."""
        self.attributes: Mapping[str, Any] = member.attributes
        self._report_error = report
        self._link: Link
        self._consumers: dict[Key, Consumer] = {}
        self._streams: dict[Key, Stream] = {}
        self._path: PathName = "relay"

    @property
    def name(self) -> str:
        """What to call it: its profile's name, or the beginning of its id."""
        name = self.profile.get("name")
        return name if isinstance(name, str) and name else self.id[:8]

    @property
    def path(self) -> PathName:
        """Where a message to it would go now."""
        return self._link.path or self._path

    async def send(self, data: Any) -> None:
        """Send a message on the default channel: str, bytes, buffers or JSON-like values.

        Waits while the channel's credit or the lane's window is full. Raises NotInRoom, TooLarge, TypeError.
        """
        await self._send(DEFAULT, data)

    async def flush(self) -> None:
        """Wait until the peer has handled everything sent to it before. Raises Undelivered, NotInRoom."""
        try:
            await self._link.questions.flush()
        except Undelivered as error:
            raise Undelivered(self, as_messages(self, error.messages), error.reason) from None

    async def ping(self, *, timeout: float | None = None) -> tuple[float, PathName]:
        """A round trip to the peer's library: seconds, and the path. Raises TimeoutError after `timeout`, NotInRoom."""
        try:
            async with asyncio.timeout(timeout):
                return await self._link.questions.ping()
        except TimeoutError:
            raise TimeoutError(f"{self} did not answer a ping in {timeout:g} s") from None

    def stats(self) -> LinkStats:
        """Round-trip times in seconds and bytes by path, resends, candidate types: as of now."""
        return self._link.stats()

    # ---- events

    @overload
    def on(self, event: Literal["message"], handler: Callable[[Message[Any]], Any]) -> Handler: ...
    @overload
    def on(self, event: PeerEvent, handler: Handler) -> Handler: ...
    @overload
    def on(self, event: Literal["message"] | PeerEvent) -> Callable[[H], H]: ...
    def on(self, event: Any, handler: Handler | None = None) -> Any:
        """Call `handler` (a function or coroutine function) at every such event; without it, a decorator."""
        return self._register(event, handler)

    # ---- inside

    def _make_channel(self, key: Key, into: Any, latest: bool) -> Channel[Any]:
        return Channel(self._consumer(key, into, latest), partial(self._send, key), self._link.outlets.close)

    async def _send(self, key: Key, data: Any) -> None:
        type, payload = encode(data, key[1])
        self.room._members.traffic(self)
        if key[1] is Lane.DATAGRAM:
            self._link.outlets.send_datagram(key, type, payload)
            return
        await self._link.outlets.send(key, type, payload)

    def _consumer(self, key: Key, into: Any, latest: bool) -> Consumer:
        consumer = self._consumers.get(key)
        if consumer is None:
            consumer = self._consumers[key] = Consumer(key, into, latest, self._report_error)
            stream = self._stream(key)
            stream.add(consumer)
            if stream.ended or not self.room._holds(self):
                consumer.close()
        elif into is not None:
            consumer.into = into
        return consumer

    def _stream(self, key: Key) -> Stream:
        stream = self._streams.get(key)
        if stream is None:
            consumers = [c for c in (self._consumers.get(key), self.room._consumers.get(key)) if c is not None]
            stream = self._streams[key] = Stream(
                self, key, consumers, self._link.inlets.listen, self._link.inlets.handled
            )
            stream.advance()
        return stream

    def _received(self, received: Received) -> None:
        self._stream(received.key).arrive(received)

    def _channel(self, key: Key, open: bool) -> None:
        """The peer opened its direction of a channel, or sends no more on it."""
        self._stream(key).ended = not open
        if (consumer := self._consumers.get(key)) is not None:
            consumer.close(not open)

    def __repr__(self) -> str:
        return f"<Peer {self.name} {self.id[:8]} {self.path}{' away' if self.away else ''}>"

    def __str__(self) -> str:
        return self.name

    def _repr_html_(self) -> str:
        state = "away" if self.away else self.path
        return f"<b>{escape(self.name)}</b> <code>{self.id}</code> {state}"
