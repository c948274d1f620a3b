"""The peer's direction of a session: order, whole messages, credit, and what is to be acknowledged (rules S3, S4)."""

from collections import deque
from collections.abc import Iterator

from peers.codec.frames import HEADER_SIZE, Frame, FrameType, Lane
from peers.codec.payloads import Credit, decode_bye, decode_datagram, decode_open
from peers.session.events import (
    ChannelClosed,
    ChannelOpened,
    DatagramReceived,
    Event,
    MessageReceived,
    PathName,
    PeerLied,
)
from peers.session.rules import Rules

_REMEMBERED = 256
"""Datagrams this far behind the newest can still be told from copies."""


class ReceiveLane:
    """One lane's order."""

    __slots__ = ("_frames", "_window", "buffer", "buffered", "next")

    def __init__(self, window: int, frames: int) -> None:
        self._window = window
        self._frames = frames
        self.next = 1
        self.buffer: dict[int, Frame] = {}
        """Frames that came before their turn."""
        self.buffered = 0

    def keep(self, frame: Frame) -> None:
        """Keep a frame that is not the next. What is old, here already, or beyond the window is dropped."""
        seq = frame.seq
        if seq < self.next or seq in self.buffer or seq >= self.next + self._frames:
            return
        size = len(frame.payload) + HEADER_SIZE
        if self.buffered + size <= self._window:
            self.buffer[seq] = frame
            self.buffered += size

    def release(self) -> Iterator[Frame]:
        """The kept frames whose turn it is now."""
        while (frame := self.buffer.pop(self.next, None)) is not None:
            self.buffered -= len(frame.payload) + HEADER_SIZE
            self.next += 1
            yield frame


class ReceiveChannel:
    """The peer's direction of a channel. Credit counts charged bytes: `handled` <= `received` <= `limit`."""

    __slots__ = (
        "charge",
        "closed",
        "handled",
        "label",
        "lane",
        "limit",
        "listening",
        "newest",
        "number",
        "parts",
        "pending",
        "received",
        "seen",
        "size",
        "type",
        "window",
    )

    def __init__(self, number: int, label: str, lane: Lane, window: int) -> None:
        self.number = number
        self.label = label
        self.lane = lane
        self.window = self.limit = window
        self.received = self.handled = 0
        self.parts: list[bytes | memoryview] = []
        """The chunks of a message that has not come whole; their type, size and charge beside."""
        self.type = FrameType.BYTES
        self.size = self.charge = 0
        self.pending = 0
        """Whole messages that are not handled."""
        self.closed = self.listening = False
        self.newest = self.seen = 0
        """The newest datagram's number, and a bit for each one before it that came."""

    def grow(self) -> bool:
        """Raise the limit, by half a window at least, or as far as it goes when no message waits; whether it was."""
        limit = self.handled + self.window
        if limit > self.limit and (not self.pending or limit - self.limit >= self.window // 2):
            self.limit = limit
            return True
        return False

    def is_copy(self, number: int) -> bool:
        """Whether a datagram came before, or is too old to know."""
        ahead = (number - self.newest + 2**31) % 2**32 - 2**31
        if ahead > 0:
            self.seen = (self.seen << ahead | 1) & (1 << _REMEMBERED) - 1 if ahead < _REMEMBERED else 1
            self.newest = number
            return False
        if -ahead >= _REMEMBERED or self.seen >> -ahead & 1:
            return True
        self.seen |= 1 << -ahead
        return False


class Receiver:
    """What the peer sends."""

    def __init__(self, rules: Rules, events: deque[Event]) -> None:
        self._rules = rules
        self._events = events
        self.lanes = (
            ReceiveLane(rules.reliable_window, rules.frame_window),
            ReceiveLane(rules.bulk_window_most, rules.frame_window),
        )
        self.channels = {0: ReceiveChannel(0, "", Lane.RELIABLE, rules.first_credit)}
        self.dirty: dict[int, ReceiveChannel] = {}
        """Channels whose limit or handled count the peer has not been told."""
        self.path: PathName = "relay"
        """The path of the packet that is being received."""
        self.bye: int | None = None
        """The last bulk number before the peer's bye, once that has come."""

    def sequenced(self, frame: Frame) -> None:
        """A frame with a number: taken now, kept for its turn, or dropped. Raises PeerLied."""
        lane = self.lanes[frame.lane]
        if frame.seq != lane.next:
            lane.keep(frame)
            return
        lane.next += 1
        self._take(frame)
        if lane.buffer:
            for kept in lane.release():
                self._take(kept)

    def _take(self, frame: Frame) -> None:
        """A frame whose turn it is."""
        kind = frame.type
        if self.bye is not None and (frame.lane is Lane.RELIABLE or frame.seq > self.bye):
            raise PeerLied("frames after the bye")
        if kind > FrameType.VALUE:
            self._take_other(frame)
            return
        channel = self.channels.get(frame.channel)
        if channel is None or channel.closed or channel.lane is not frame.lane:
            raise PeerLied(f"a message on channel {frame.channel} of lane {frame.lane.name}, which is not open")
        payload = frame.payload
        charge = len(payload) + self._rules.frame_charge
        channel.received += charge
        if channel.received > channel.limit:
            raise PeerLied(f"channel {channel.number}: sent beyond its credit")
        if frame.more or channel.parts:
            self._assemble(channel, frame, charge)
            return
        channel.pending += 1
        self._events.append(MessageReceived(channel.number, kind, bytes(payload), charge, frame.lane, self.path))

    def _assemble(self, channel: ReceiveChannel, frame: Frame, charge: int) -> None:
        """One chunk of several."""
        rules = self._rules
        if not channel.parts:
            channel.type, channel.size, channel.charge = frame.type, 0, 0
        elif frame.type is not channel.type:
            raise PeerLied(f"channel {channel.number}: a {frame.type.name} in the midst of a {channel.type.name}")
        channel.parts.append(frame.payload)
        channel.size += len(frame.payload)
        channel.charge += charge
        if channel.size > (rules.bulk_message if frame.lane is Lane.BULK else rules.reliable_message):
            raise PeerLied(f"channel {channel.number}: a message without end")
        if frame.more:
            return
        payload = b"".join(channel.parts)
        channel.parts = []
        channel.pending += 1
        self._events.append(MessageReceived(channel.number, frame.type, payload, channel.charge, frame.lane, self.path))

    def _take_other(self, frame: Frame) -> None:
        """An open, a close or a bye."""
        if frame.type is FrameType.BYE:
            reliable, bulk = decode_bye(frame.payload)
            if reliable != frame.seq - 1 or bulk < self.lanes[1].next - 1:
                raise PeerLied("a bye that does not fit what came before it")
            self.bye = bulk
        elif frame.type is FrameType.OPEN:
            self._open(frame)
        else:
            self._close(frame)

    def _open(self, frame: Frame) -> None:
        number, rules = frame.channel, self._rules
        opening = decode_open(frame.payload)
        if opening.lane & 1 != frame.lane:
            raise PeerLied(f"channel {number} of lane {opening.lane.name} opened on lane {frame.lane.name}")
        if number <= 0 or number in self.channels:
            raise PeerLied(f"channel {number} opened twice")
        if len(self.channels) >= rules.channels:
            raise PeerLied(f"more than {rules.channels} channels")
        if any(c.label == opening.label and c.lane is opening.lane for c in self.channels.values() if not c.closed):
            raise PeerLied(f"a second channel {opening.label!r} on lane {opening.lane.name}")
        self.channels[number] = ReceiveChannel(number, opening.label, opening.lane, rules.first_credit)
        self._events.append(ChannelOpened(number, opening.label, opening.lane, opening.kind, opening.settings))

    def _close(self, frame: Frame) -> None:
        channel = self.channels.get(frame.channel)
        if channel is None or channel.closed or channel.lane & 1 != frame.lane or channel.parts:
            raise PeerLied(f"a close of channel {frame.channel} that makes no sense")
        channel.closed = True
        self._events.append(ChannelClosed(channel.number))
        self._forget(channel)

    def _forget(self, channel: ReceiveChannel) -> None:
        """Forget a closed channel once everything on it has been handled. A pong that leaves it out says so."""
        if channel.closed and not channel.pending:
            del self.channels[channel.number]

    def datagram(self, frame: Frame) -> None:
        """A datagram; dropped if its channel is not open or it is a copy."""
        channel = self.channels.get(frame.channel)
        if channel is None or channel.lane is not Lane.DATAGRAM:
            return
        number, payload = decode_datagram(frame.payload)
        if not channel.is_copy(number):
            self._events.append(DatagramReceived(channel.number, number, frame.type, payload, self.path))

    # ---- the application

    def listen(self, number: int) -> bool:
        """Something listens: the channel's window grows to its full size. Whether the peer must be told."""
        channel = self.channels.get(number)
        if channel is None or channel.lane is Lane.DATAGRAM or channel.listening:
            return False
        rules = self._rules
        channel.listening = True
        channel.window = rules.bulk_credit if channel.lane is Lane.BULK else rules.reliable_credit
        channel.limit = max(channel.limit, channel.handled + channel.window)
        self.dirty[number] = channel
        return True

    def handled(self, number: int, charge: int) -> None:
        """The application has handled its oldest message of this channel."""
        channel = self.channels.get(number)
        if channel is None or not channel.pending:
            raise ValueError(f"nothing of channel {number} waits to be handled")
        channel.pending -= 1
        channel.handled += charge
        channel.grow()
        self.dirty[number] = channel
        if channel.closed:
            self._forget(channel)

    # ---- what the peer is told

    def credits(self, every: bool) -> list[Credit]:
        """The limits to tell: those that changed, or all of them."""
        chosen = self.channels if every else self.dirty
        return [(c.number, c.limit, c.handled) for c in chosen.values() if c.lane is not Lane.DATAGRAM]

    @property
    def complete(self) -> bool:
        """Whether the peer's bye has come, and everything it sent before."""
        return self.bye is not None and self.lanes[1].next > self.bye
