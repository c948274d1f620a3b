"""One lane of our direction: its sequence, its unacknowledged frames, and those to be sent again (rules S3, S4, S6)."""

from collections import deque
from collections.abc import Callable

from peers.codec.frames import HEADER_SIZE, Frame, FrameType, Lane
from peers.session.credit import SendChannel
from peers.session.events import Outbound, PeerLied
from peers.session.flight import DOUBTED, LOST, Packer, Sent
from peers.session.routing import Flight, Path
from peers.session.rules import Rules


class SendLane:
    """One lane of one direction."""

    def __init__(self, lane: Lane, window: int, rules: Rules) -> None:
        self.lane = lane
        self.window = window
        self._rules = rules
        self.next = 1
        self.base = 1
        """The oldest number that is not acknowledged."""
        self.unacked: deque[Sent] = deque()
        self.bytes = 0
        """Of the unacknowledged frames, headers too."""
        self.queued = 0
        """Charged bytes that have no number yet."""
        self.ready: deque[SendChannel] = deque()
        """Channels with something to send and, as far as is known, with credit."""
        self.starved = 0
        """Channels that wait for credit ..."""
        self.stuck = 0
        """... and what of `queued` is theirs."""
        self.need: deque[Sent] = deque()
        """To be sent again, oldest first."""
        self.progress = 0.0
        """When an acknowledgement last moved this lane on, or it began to wait for one."""
        self.backoff = 1
        self._given_up = False
        """A timeout has given up frames that are not sent again yet."""
        self.twice = 0

    # ---- new frames

    def takes(self, charge: int) -> bool:
        """Whether so much more may be queued. What waits for credit does not count: it must stop no other channel."""
        return self.queued - self.stuck + self.bytes + charge <= self.window

    def _starve(self, channel: SendChannel) -> None:
        """The first of the ready channels has no credit."""
        self.ready.popleft()
        self.starved += 1
        self.stuck += channel.promised - channel.used
        channel.ready, channel.starved = False, True

    def feed(self, channel: SendChannel) -> None:
        """A starved channel may have credit again."""
        self.starved -= 1
        self.stuck -= channel.promised - channel.used
        self.ready.append(channel)
        channel.starved, channel.ready = False, True

    def fill(self, path: Path, room: float, now: float, flights: list[Flight]) -> bool:
        """Give `path` what it has room for; True if something waits for more: no lower lane may use this path then."""
        packer = Packer(path, self.lane, room, flights)
        blocked = (bool(self.need) and not self._again(path, packer, now)) or not self._new(path, packer, now)
        packer.flush()
        return blocked

    def _new(self, path: Path, packer: Packer, now: float) -> bool:
        """Number and pack queued frames; False if the path's room ended it."""
        rules, ready, life = self._rules, self.ready, path.life
        chunk, frame_charge, lane = rules.chunk, rules.frame_charge, self.lane
        first, complete = self.next, True
        if ready and not self.unacked:
            self.progress, self.backoff = now, 1
        before = self.bytes
        while ready:
            channel = ready[0]
            message = channel.queue[0]
            payload, kind, offset = message.payload, message.type, channel.offset
            size = len(payload) - offset
            more = size > chunk
            if more:
                size = chunk
            charge = size + frame_charge if kind <= FrameType.VALUE else 0
            if channel.used + charge > channel.limit:
                # Without credit it gets no number, so that it cannot stop other channels.
                self._starve(channel)
                continue
            cost = size + HEADER_SIZE
            if self.bytes + cost > self.window or self.next - self.base >= rules.frame_window:
                break
            if cost > packer.room:
                complete = False
                break
            if more or offset:
                part: bytes | memoryview = memoryview(payload)[offset : offset + size]
            else:
                part = payload
            if more:
                channel.offset = offset + size
                ready.rotate(-1)
            else:
                channel.offset = 0
                channel.queue.popleft()
                if channel.queue:
                    if len(ready) > 1:
                        ready.rotate(-1)
                else:
                    ready.popleft()
                    channel.ready = False
            channel.used += charge
            self.queued -= charge
            frame = Frame(kind, lane, more, channel.number, self.next, part)
            self.next += 1
            self.bytes += cost
            item = Sent(frame, cost, charge, message, path.only, now, life.done)
            self.unacked.append(item)
            packer.add(item)
        if self.next > first:
            life.in_flight += self.bytes - before
            life.sent(now)
        return complete

    def insert(self, frame: Frame, message: Outbound, now: float) -> None:
        """A frame that overtakes everything queued, with the next number: the bye."""
        if not self.unacked:
            self.progress, self.backoff = now, 1
        item = Sent(frame, len(frame.payload) + HEADER_SIZE, 0, message, (), now, 0, False, LOST)
        self.next += 1
        self.bytes += item.cost
        self.unacked.append(item)
        self.need.append(item)

    # ---- frames sent again

    def _again(self, path: Path, packer: Packer, now: float) -> bool:
        """Pack what is to be sent again; False if the path's room ended it."""
        need, life = self.need, path.life
        while need:
            item = need[0]
            if item.frame.seq < self.base or not item.wanted or (item.wanted == DOUBTED and path in item.by):
                item.wanted = 0
                need.popleft()
                continue
            if item.cost > packer.room:
                return False
            need.popleft()
            if path not in item.by:
                life.in_flight += item.cost
                item.by = (*item.by, path) if item.by else path.only
            item.wanted, item.alone, item.at, item.done_before = 0, False, now, life.done
            if item.frame.type is not FrameType.BYE:
                self.twice += item.cost
                path.resent += item.cost
            life.sent(now)
            packer.add(item)
        return True

    def _want(self, chosen: Callable[[Sent], bool], why: int) -> None:
        """Send again the unacknowledged frames that `chosen` names, in their order."""
        for item in self.unacked:
            if chosen(item) and item.wanted != LOST:
                item.wanted = why
        self.need = deque(item for item in self.unacked if item.wanted)

    def ended(self, path: Path) -> None:
        """A path instance ended: what it alone carried is lost."""

        def lost(item: Sent) -> bool:
            if path in item.by:
                item.by = tuple(p for p in item.by if p is not path)
            return not item.by

        self._want(lost, LOST)

    def lost(self, items: list[Sent], path: Path | None) -> None:
        """These frames were not passed on by `path`."""
        chosen = set()
        for item in items:
            if item.frame.seq >= self.base and path is not None and path in item.by:
                item.by = tuple(p for p in item.by if p is not path)
                path.life.in_flight -= item.cost
                if not item.by:
                    chosen.add(item.frame.seq)
        if chosen:
            self._want(lambda item: item.frame.seq in chosen, LOST)

    def doubt(self, path: Path) -> None:
        """A path is suspect: what it alone carries goes by another one too, should there be one."""
        self._want(lambda item: item.by == path.only, DOUBTED)

    def trust(self, path: Path) -> None:
        """A path is no longer suspect: what it carries needs no other."""
        for item in self.need:
            if item.wanted == DOUBTED and path in item.by:
                item.wanted = 0
        self.need = deque(item for item in self.need if item.wanted)

    def timeout_at(self, path: Path) -> float:
        """When this lane has waited too long for an acknowledgement."""
        rules = self._rules
        wait = max(rules.timeout_least, rules.timeout_rtts * (path.life.srtt or 0.0)) * self.backoff
        return self.progress + min(rules.timeout_most, wait)

    def timed_out(self, path: Path, now: float) -> None:
        """Send the oldest frames again. On the relay all of the lane counts as gone, or its room never returns."""
        self.progress, self.backoff = now, self.backoff * 2
        if path.is_relay:
            for item in self.unacked:
                if path in item.by:
                    item.by = tuple(p for p in item.by if p is not path)
                    path.life.in_flight -= item.cost
            self._given_up = True
        self._want_oldest(self._rules.timeout_burst, lambda item: True)

    def _want_oldest(self, most: int, chosen: Callable[[Sent], bool]) -> bool:
        """Send again the oldest of the frames that `chosen` names, at least one, in all `most` bytes; whether any."""
        numbers: set[int] = set()
        size = 0
        for item in self.unacked:
            if chosen(item):
                size += item.cost
                if size > most and numbers:
                    break
                numbers.add(item.frame.seq)
        self._want(lambda item: item.frame.seq in numbers, LOST)
        return bool(numbers)

    # ---- acknowledgements

    def acknowledged(self, upto: int, path: Path, now: float) -> tuple[int, int, list[Sent]]:
        """The peer wants frame `upto` next: forget those before it.

        Returns the bytes that moved, what they charged, and the closes among them. Raises PeerLied.
        """
        count = upto - self.base
        if count <= 0:
            return 0, 0, []
        if upto > self.next:
            raise PeerLied(f"frame {upto - 1} of lane {self.lane.name} acknowledged, {self.next - 1} were sent")
        unacked, proved = self.unacked, None
        moved = charge = run = 0
        by: tuple[Path, ...] = ()
        touched: list[Path] = []
        closes: list[Sent] = []
        for _ in range(count):
            item = unacked.popleft()
            if item.by is not by:
                for other in by:
                    other.life.released(run)
                touched.extend(by)
                run, by = 0, item.by
            run += item.cost
            moved += item.cost
            charge += item.charge
            if path in by:
                proved = item
            if item.frame.type is FrameType.CLOSE:
                closes.append(item)
        for other in by:
            other.life.released(run)
        touched.extend(by)
        self.base = upto
        self.bytes -= moved
        self.progress, self.backoff = now, 1
        if proved is not None:
            if proved.alone:
                path.life.measured(proved.at, proved.done_before, now)
            path.life.prove(now)
        for other in touched:
            if other is not path:
                other.life.quieten()
        if not unacked:
            self.need.clear()
        if self._given_up:
            # The first frames sent again have arrived: the others that a timeout gave up follow, as many bytes each.
            self._given_up = self._want_oldest(moved, lambda item: not item.by and not item.wanted)
        return moved, charge, closes
