"""Channels: an application's labelled streams of messages, to one peer or to a whole room.

What arrives waits in the stream of its peer and channel until somebody listens: handlers get every message, one after
another and in order; where there are none, whoever reads with ``async for`` takes the next one. A message is handled,
and its credit given back, when every handler has finished or when the reader asks for the next.
"""

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar, cast, overload

import msgspec

from peers.codec import messages
from peers.codec.frames import FrameType, Lane
from peers.emitter import HANDLING, H, Handler, Listeners, Report, being_cancelled, report_error
from peers.errors import NotInRoom, TooLarge
from peers.link import Key, Received
from peers.session.events import Outbound, PathName
from peers.session.rules import Rules
from peers.session.sender import too_large

if TYPE_CHECKING:
    from peers.peer import Peer

T = TypeVar("T")
LaneName = Literal["reliable", "bulk", "datagram"]
LANES: Final[dict[str, Lane]] = {"reliable": Lane.RELIABLE, "bulk": Lane.BULK, "datagram": Lane.DATAGRAM}

MAX_DATAGRAMS: Final = 256
"""Datagrams that wait for a reader; the newest are kept."""
SLICE: Final = 0.005
"""Seconds for which handlers that do not wait may hold the event loop."""


RULES: Final = Rules()
MAX_DATAGRAM: Final = 16_380
"""Bytes in one datagram."""


def encode(data: Any, lane: Lane) -> tuple[FrameType, bytes]:
    """How `data` travels on `lane`. Raises TypeError for what cannot be sent, TooLarge for what is too large."""
    type, payload = messages.encode(data)
    size = len(payload)
    if lane is Lane.DATAGRAM and size > MAX_DATAGRAM:
        raise TooLarge(f"{size} bytes are too large for a datagram ({MAX_DATAGRAM}): use the reliable or the bulk lane")
    if size > (RULES.reliable_message if lane is Lane.RELIABLE else RULES.bulk_message):
        raise TooLarge(too_large(size, lane, RULES))
    return type, payload


class Message(msgspec.Struct, Generic[T], frozen=True, weakref=True):
    """One message as an application sees it. `path` is the way it came."""

    peer: "Peer"
    data: T
    channel: str
    lane: LaneName
    path: PathName


def as_messages(peer: "Peer", sent: Sequence[Outbound]) -> list[Message[Any]]:
    """Messages as their sender knew them: `peer` is whom they were for."""
    return [as_message(peer, cast(Key, o.context), o.type, o.payload) for o in sent]


def as_message(peer: "Peer", key: Key, type: FrameType, payload: bytes) -> Message[Any]:
    """One message as its sender knew it."""
    return Message(peer, messages.decode(type, payload), key[0], lane_name(key[1]), peer.path)


def lane_name(lane: Lane) -> LaneName:
    """What an application calls a lane."""
    return cast(LaneName, lane.name.lower())


class Consumer:
    """Somebody to whom messages of a channel go: handlers, and readers of one label, of one peer or of a room."""

    def __init__(self, key: Key, into: Any, latest: bool, report: Report) -> None:
        self.key, self.into, self.latest, self.report = key, into, latest, report
        self.listeners = Listeners("message")
        self.streams: dict[Stream, None] = {}
        self.news = asyncio.Event()
        self.reading = 0
        self.closed = False

    @property
    def listening(self) -> bool:
        """Whether a message would find somebody."""
        return self.listeners.any("message") or self.reading > 0

    def listen(self) -> None:
        """Somebody came: whatever waits is for them."""
        for stream in list(self.streams):
            stream.advance()

    def close(self, closed: bool = True) -> None:
        """Readers end when they have read what has arrived; or a closed channel has been opened anew."""
        self.closed = closed
        self.news.set()

    async def read(self) -> AsyncIterator[Message[Any]]:
        """Messages of every stream as they arrive."""
        if self.listeners.any("message"):
            raise RuntimeError(
                f"channel {self.key[0]!r} has handlers: either read it with `async for` or handle it with `on`"
            )
        self.reading += 1
        try:
            self.listen()
            while True:
                stream = next((s for s in self.streams if s.queue), None)
                if stream is None:
                    if self.closed:
                        return
                    self.news.clear()
                    await self.news.wait()
                    continue
                self.streams[stream] = self.streams.pop(stream)  # to the end: every peer gets its turn
                received = stream.queue.popleft()
                try:
                    message = stream.message(received, self)
                    if message is not None:
                        yield message
                finally:
                    stream.handled(received)
                    stream.forget()
        finally:
            self.reading -= 1


class Stream:
    """What arrives on one channel from one peer."""

    def __init__(
        self,
        peer: "Peer",
        key: Key,
        consumers: Sequence[Consumer],
        listen: Callable[[Key], None],
        handled: Callable[[Received], None],
    ) -> None:
        self.peer, self.key = peer, key
        self.queue: deque[Received] = deque()
        self.consumers = list(consumers)
        self.handled = handled
        self._listen = listen
        self.ended = False
        """Whether the peer has said that it sends no more."""
        self._told = False
        self._departed = False
        self._newest = 0
        self._runner: asyncio.Task[None] | None = None
        for consumer in consumers:
            consumer.streams[self] = None

    def add(self, consumer: Consumer) -> None:
        """Another one wants the messages of this stream."""
        if consumer not in self.consumers:
            self.consumers.append(consumer)
            consumer.streams[self] = None
        self.advance()

    def arrive(self, received: Received) -> None:
        """A message or datagram has come."""
        if self.key[1] is Lane.DATAGRAM:
            if any(c.latest for c in self.consumers):
                if received.number <= self._newest:
                    return
                self._newest = received.number
                self.queue.clear()
            elif len(self.queue) >= MAX_DATAGRAMS:
                self.queue.popleft()
        self.queue.append(received)
        self.advance()

    def advance(self) -> None:
        """Give what waits to handlers, or wake the readers."""
        if not any(c.listening for c in self.consumers):
            return
        if not self._told:
            self._told = True
            self._listen(self.key)
        if not self.queue:
            return
        if any(c.listeners.any("message") for c in self.consumers):
            if self._runner is None:
                self._runner = asyncio.get_running_loop().create_task(self._run())
        else:
            for consumer in self.consumers:
                if consumer.reading:
                    consumer.news.set()

    def message(self, received: Received, consumer: Consumer) -> Message[Any] | None:
        """The message decoded as the consumer wants it; None, and an error reported, if it cannot be."""
        try:
            data = messages.decode(received.type, received.payload, consumer.into)
        except (ValueError, TypeError) as error:
            wrong = ValueError(f"a message of {self.peer} on channel {self.key[0]!r} does not fit its type: {error}")
            kind = f"messages of {self.peer.id} that do not fit their type"
            self.peer.room.client._complaints.say(kind, logging.WARNING, "%s", wrong)
            if consumer.report is not None:
                consumer.report(wrong)
            return None
        return Message(self.peer, data, self.key[0], lane_name(self.key[1]), received.path)

    async def _run(self) -> None:
        HANDLING.set(asyncio.current_task())
        loop = asyncio.get_running_loop()
        until = loop.time() + SLICE
        try:
            while self.queue:
                called = [(c, h) for c in self.consumers for h in c.listeners.take("message")]
                if not called:
                    break
                received = self.queue.popleft()
                await self._handle(received, called)
                self.handled(received)
                if loop.time() > until:
                    await asyncio.sleep(0)
                    until = loop.time() + SLICE
        finally:
            self._runner = None
        self.advance()
        self.forget()

    async def _handle(self, received: Received, called: list[tuple[Consumer, Handler]]) -> None:
        message: Message[Any] | None = None
        decoded_for: Consumer | None = None
        for consumer, handler in called:
            if consumer is not decoded_for:
                message, decoded_for = self.message(received, consumer), consumer
            if message is None:
                continue
            try:
                result = handler(message)
                if inspect.isawaitable(result):
                    await result
            except Exception as error:
                report_error(handler, error, consumer.report)
            except asyncio.CancelledError as error:
                if being_cancelled():
                    raise
                report_error(handler, error, consumer.report)

    async def depart(self) -> None:
        """The peer is gone: who reads a room keeps nothing of it once everything has been read."""
        self._departed = True
        while self._runner is not None:
            await asyncio.wait([self._runner])
        self.forget()

    def forget(self) -> None:
        """Let go of a peer that is gone, if nothing waits any more."""
        if self._departed and not self.queue:
            for consumer in self.consumers:
                consumer.streams.pop(self, None)

    async def close(self, timeout: float) -> None:
        """Let the handlers finish what has arrived, for `timeout` seconds; then stop them."""
        if self._runner is None or self._runner is HANDLING.get():
            return
        _, running = await asyncio.wait([self._runner], timeout=timeout)
        for task in running:
            task.cancel()
            await asyncio.wait([task])


class Channel(Generic[T]):
    """A labelled stream of messages on one lane, to and from one peer or every peer of a room.

    Made by `Room.channel` and `Peer.channel`. `on("message", handler)` and ``async for message in channel`` receive.
    """

    def __init__(
        self,
        consumer: Consumer,
        send: Callable[..., Awaitable[Any]],
        close: Callable[[Key], None],
    ) -> None:
        self._consumer, self._send, self._close = consumer, send, close
        self._sending = True

    @property
    def label(self) -> str:
        """The name by which both sides find the channel."""
        return self._consumer.key[0]

    @property
    def lane(self) -> LaneName:
        """The class of delivery."""
        return lane_name(self._consumer.key[1])

    async def send(self, data: T, **options: Any) -> Any:
        """Send a message: str, bytes, buffers, or JSON-like values, or what the channel's type says.

        On the reliable and bulk lanes it waits while the channel's credit or the lane's window is full; a datagram is
        sent or dropped at once. A room's channel takes `to=` and `when_full=` as `Room.send` does.
        Raises NotInRoom, TooLarge, and TypeError for what cannot be sent; ValueError if 64 channels are open to a peer,
        or this one was closed and its close has not gone out yet.
        """
        if not self._sending:
            raise NotInRoom(f"channel {self.label!r} is closed on this side")
        return await self._send(data, **options)

    @overload
    def on(self, event: Literal["message"], handler: Callable[[Message[T]], Any]) -> Handler: ...
    @overload
    def on(self, event: Literal["message"]) -> Callable[[H], H]: ...
    def on(self, event: Literal["message"], handler: Handler | None = None) -> Any:
        """Call `handler` for every message, one after another; without it, a decorator."""
        return self._register(event, handler)

    def once(self, event: Literal["message"], handler: Any = None) -> Any:
        """As `on`, for the next message only."""
        return self._register(event, handler, once=True)

    def off(self, event: Literal["message"], handler: Handler) -> None:
        """No longer call `handler`."""
        self._consumer.listeners.remove(event, handler)

    def _register(self, event: str, handler: Any, *, once: bool = False) -> Any:
        if handler is None:
            return lambda function: self._register(event, function, once=once)  # a decorator
        self._consumer.listeners.add(event, handler, once=once)
        self._consumer.listen()
        return handler

    def __aiter__(self) -> AsyncIterator[Message[T]]:
        return self._consumer.read()

    def close(self) -> None:
        """Send no more: readers on the other side end once they have read everything."""
        if self._sending:
            self._sending = False
            self._close(self._consumer.key)

    def __repr__(self) -> str:
        return f"<Channel {self.label!r} {self.lane}>"
