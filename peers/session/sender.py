"""Our direction of a session: channels, their queues, and the two lanes they share."""

from collections import deque

from peers.codec.frames import Frame, FrameType, Lane
from peers.codec.payloads import Acknowledgement, Credit, Opening, encode_bye, encode_open
from peers.session.credit import Budget, SendChannel, charge_of
from peers.session.events import Event, Outbound, PeerLied, SendReady
from peers.session.flight import Sent
from peers.session.flushes import Flushes
from peers.session.lane import SendLane
from peers.session.routing import Flight, Path, Routes
from peers.session.rules import Rules


class Sender:
    """What this side sends."""

    def __init__(self, rules: Rules, budget: Budget, events: deque[Event]) -> None:
        self._rules = rules
        self._budget = budget
        self._events = events
        self.lanes = (
            SendLane(Lane.RELIABLE, rules.reliable_window, rules),
            SendLane(Lane.BULK, rules.bulk_window, rules),
        )
        self.channels: dict[int, SendChannel] = {0: SendChannel(0, "", Lane.RELIABLE, rules)}
        self._next_channel = 1
        self._wanting: dict[int, SendChannel] = {}
        """Channels that somebody waits to send on."""
        self.waits_for_budget = False
        """Somebody waits to send until other links need less: no event of this session will tell."""
        self._closing: dict[int, SendChannel] = {}
        """Closed channels whose end the peer has not told yet."""
        self._flushes = Flushes(events)
        self.bye_at: int | None = None
        """The number of our bye."""

    # ---- the application

    def open(self, opening: Opening) -> int:
        """Open our direction of a channel. Raises ValueError if it is open already, or too many are."""
        for channel in self.channels.values():
            # A close that has no number yet could still be overtaken by the new channel's open.
            still_open = not channel.closed or channel.queue
            if channel.label == opening.label and channel.lane is opening.lane and still_open:
                raise ValueError(f"channel {opening.label!r} is open already on the {opening.lane.name.lower()} lane")
        if len(self.channels) >= self._rules.channels:
            raise ValueError(f"{self._rules.channels} channels are open on this link: close one first")
        payload = encode_open(opening)
        number = self._next_channel
        self._next_channel += 1
        channel = SendChannel(number, opening.label, opening.lane, self._rules)
        self.channels[number] = channel
        self._queue(channel, Outbound(number, FrameType.OPEN, payload), 0)
        return number

    def can_send(self, number: int, size: int) -> bool:
        """Whether a message of `size` has room now; if not, a SendReady comes when it may."""
        channel = self._channel(number)
        if self._has_room(channel, size):
            return True
        channel.wanted = size if channel.wanted is None else min(size, channel.wanted)
        self._wanting[number] = channel
        return False

    def _channel(self, number: int) -> SendChannel:
        channel = self.channels.get(number)
        if channel is None or channel.closed or channel.lane is Lane.DATAGRAM:
            raise ValueError(f"channel {number} is closed, or takes datagrams only")
        return channel

    def _has_room(self, channel: SendChannel, size: int) -> bool:
        rules = self._rules
        charge = charge_of(FrameType.BYTES, size, rules)
        if not self._budget.has_room(charge):
            self.waits_for_budget = True
            return False
        if not channel.queue:
            return True
        lane = self.lanes[channel.lane]
        return channel.promised + charge <= channel.limit and lane.takes(charge)

    def send(self, number: int, kind: FrameType, payload: bytes, context: object) -> Outbound:
        """Queue a message. Raises ValueError if it is too large for its lane or the channel is closed."""
        channel = self._channel(number)
        rules = self._rules
        size = len(payload)
        if size > rules.reliable_message and (size > rules.bulk_message or channel.lane is Lane.RELIABLE):
            raise ValueError(too_large(size, channel.lane, rules))
        message = Outbound(number, kind, payload, context)
        charge = size + rules.frame_charge if size <= rules.chunk else charge_of(kind, size, rules)
        self._queue(channel, message, charge)
        return message

    def _queue(self, channel: SendChannel, message: Outbound, charge: int) -> None:
        channel.queue.append(message)
        channel.promised += charge
        self._budget.used += charge
        lane = self.lanes[channel.lane & 1]  # a datagram channel's open and close travel on the reliable lane
        lane.queued += charge
        if channel.starved:
            lane.stuck += charge
        elif not channel.ready and self.bye_at is None:
            channel.ready = True
            lane.ready.append(channel)

    def close_channel(self, number: int) -> None:
        """Say, after what is queued, that no more comes on this channel. Closing twice does nothing."""
        channel = self.channels.get(number)
        if channel is None or channel.closed:
            return
        channel.closed = True
        self._closing[number] = channel
        if self._wanting.pop(number, None):
            self._events.append(SendReady(number))  # whoever waits shall see that it is closed
        self._queue(channel, Outbound(number, FrameType.CLOSE, b""), 0)

    def flush(self) -> int:
        """A mark that is `Flushed` once the peer has handled everything sent before."""
        return self._flushes.mark(self.channels.values())

    def bye(self, now: float) -> None:
        """End our direction: what has no number yet will not be sent."""
        reliable, bulk = self.lanes
        self.bye_at = reliable.next
        for lane in self.lanes:
            lane.ready.clear()
            lane.starved = lane.stuck = 0
        for channel in self.channels.values():
            channel.ready = channel.starved = False
        payload = encode_bye(reliable.next - 1, bulk.next - 1)
        frame = Frame(FrameType.BYE, Lane.RELIABLE, False, 0, reliable.next, payload)
        reliable.insert(frame, Outbound(0, FrameType.BYE, payload), now)

    @property
    def bye_acknowledged(self) -> bool:
        """Whether the peer has our bye."""
        return self.bye_at is not None and self.lanes[0].base > self.bye_at

    # ---- what waits

    @property
    def outstanding(self) -> bool:
        """Whether anything waits for the peer: acknowledgements, credit, a flush, a close."""
        reliable, bulk = self.lanes
        if reliable.unacked or bulk.unacked or reliable.starved or bulk.starved:
            return True
        return bool(self._flushes.waiting) or self.bye_at is not None

    @property
    def waits_to_go(self) -> bool:
        """Whether something would go out now, had a path room for it."""
        return any(lane.ready or lane.need for lane in self.lanes)

    def resumed(self, now: float) -> None:
        """There is a path again: the time without one is no lateness."""
        for lane in self.lanes:
            lane.progress = max(lane.progress, now)

    def fill(self, routes: Routes, now: float, flights: list[Flight]) -> None:
        """What goes out now. Bulk never goes ahead of reliable on a path."""
        reliable, bulk = self.lanes
        blocked = None
        if reliable.ready or reliable.need:
            path = routes.route(Lane.RELIABLE, now)
            if path is not None and reliable.fill(path, routes.room(path, now), now, flights):
                blocked = path
        if bulk.ready or bulk.need:
            path = routes.route(Lane.BULK, now)
            if path is not None and path is not blocked:
                bulk.fill(path, routes.bulk_room(path, now), now, flights)
        if self._wanting:
            self.wake()

    def wake(self) -> None:
        """Tell those that wait to send and now may."""
        self.waits_for_budget = False
        for number, channel in list(self._wanting.items()):
            if self._has_room(channel, channel.wanted or 0):
                channel.wanted = None
                del self._wanting[number]
                self._events.append(SendReady(number))

    # ---- what the peer tells

    def acknowledged(self, told: Acknowledgement, path: Path, whole: bool, now: float) -> int:
        """An ACK, or a PONG, which is `whole`: it names all channels. Returns the bytes that moved. Raises PeerLied."""
        moved, charge, closes = self.lanes[0].acknowledged(told.reliable, path, now)
        if told.bulk > self.lanes[1].base:
            bulk_moved, bulk_charge, bulk_closes = self.lanes[1].acknowledged(told.bulk, path, now)
            moved += bulk_moved
            charge += bulk_charge
            closes += bulk_closes
        self._budget.used -= charge
        for item in closes:
            self.channels[item.frame.channel].closed_at = item.frame.seq
        for credit in told.credits:
            self._granted(credit)
        if self._closing:
            self._finish(told, whole)
        if self._wanting:
            self.wake()
        return moved

    def _granted(self, credit: Credit) -> None:
        number, limit, handled = credit
        channel = self.channels.get(number)
        if channel is None:
            if number >= self._next_channel:
                raise PeerLied(f"credit for channel {number}, which was never opened")
            return
        if not channel.grant(limit, handled, self._rules):
            return
        if channel.starved:
            self.lanes[channel.lane].feed(channel)
        self._flushes.handled(channel)

    def _finish(self, told: Acknowledgement, whole: bool) -> None:
        """Forget closed channels that the peer has forgotten.

        A pong names every channel that the peer still knows. So one whose close that very pong acknowledges, and that
        it does not name, has been handled to the end, whatever became of the acknowledgement that said so. (A pong
        that was overtaken may have been written before the peer knew the channel.)
        """
        named = {credit[0] for credit in told.credits} if whole else None
        for number, channel in list(self._closing.items()):
            if channel.closed_at is None:
                continue
            wanted = told.bulk if channel.lane is Lane.BULK else told.reliable
            forgotten = named is not None and number not in named and wanted > channel.closed_at
            if forgotten and channel.handled < channel.promised:
                channel.handled = channel.promised
                self._flushes.handled(channel)
            if channel.finished:
                del self._closing[number]
                del self.channels[number]
                self._wanting.pop(number, None)

    # ---- the end

    def end(self) -> list[Outbound]:
        """Everything that was not acknowledged, in order within each channel; nothing of it will be sent any more."""
        found: list[Outbound] = []
        seen: set[int] = set()

        def report(message: Outbound) -> None:
            if message.type <= FrameType.VALUE and id(message) not in seen:
                seen.add(id(message))
                found.append(message)

        charged = 0
        for lane in self.lanes:
            for item in lane.unacked:
                charged += item.charge
                report(item.message)
            charged += lane.queued
            lane.unacked.clear()
            lane.need.clear()
            lane.ready.clear()
            lane.bytes = lane.queued = lane.starved = lane.stuck = 0
        for channel in self.channels.values():
            for message in channel.queue:
                report(message)
            channel.queue.clear()
            channel.starved = channel.ready = False
        self._budget.used -= charged
        self._flushes.waiting.clear()
        self._closing.clear()
        self._wanting.clear()
        return found

    def path_ended(self, path: Path) -> None:
        """A path instance ended."""
        for lane in self.lanes:
            lane.ended(path)

    def lost(self, items: list[Sent], path: Path | None) -> None:
        """What a flight carried did not arrive."""
        for lane in self.lanes:
            mine = [item for item in items if item.frame.lane is lane.lane]
            if mine:
                lane.lost(mine, path)


def too_large(size: int, lane: Lane, rules: Rules) -> str:
    """Why a message of `size` cannot be sent on `lane`, and what to do."""
    if lane is Lane.RELIABLE and size <= rules.bulk_message:
        return f"{size} bytes are too large for the reliable lane ({rules.reliable_message}): use the bulk lane"
    most = rules.reliable_message if lane is Lane.RELIABLE else rules.bulk_message
    return f"{size} bytes are too large for the {lane.name.lower()} lane ({most}): send it in pieces"
