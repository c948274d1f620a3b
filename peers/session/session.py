"""The session of a link: what makes its reliable lanes exactly-once, whatever becomes of the paths (rules S3 to S10).

It knows nothing of keys, rosters or asyncio. `now` is a monotonic time in seconds; whoever drives a session calls
`frames_to_send` after everything else, sends what that gives, and asks `next_timeout` when to call `handle_timeout`.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any

from peers.codec.frames import HEADER_SIZE, Frame, FrameError, FrameType, Lane
from peers.codec.payloads import (
    MAX_DATAGRAM,
    Acknowledgement,
    Opening,
    decode_ack,
    decode_ping,
    decode_pong,
)
from peers.session.byes import Byes
from peers.session.credit import Budget
from peers.session.events import Event, Instance, Outbound, PathChanged, PathName, PeerLied, SessionFailed
from peers.session.receiver import Receiver
from peers.session.routing import FOREVER, Flight, Path, Routes
from peers.session.rules import Rules
from peers.session.sender import Sender
from peers.session.stats import SessionStats, session_stats
from peers.session.unsequenced import Unsequenced
from peers.session.watch import Watch

BUDGET_POLL = 0.05
"""Seconds after which a session that waits for the budget of all links looks at it again."""


class Session:
    """One session; see the module. The plain rule for all its methods: once it is over, they do nothing."""

    def __init__(self, now: float, *, rules: Rules | None = None, budget: Budget | None = None) -> None:
        self._rules = rules = rules or Rules()
        self._now = now
        self._events: deque[Event] = deque()
        self._routes = Routes(rules)
        self._sender = Sender(rules, budget or Budget(), self._events)
        self._receiver = Receiver(rules, self._events)
        self._watch = Watch(rules, self._routes, self._sender, self._events)
        self._unsequenced = Unsequenced(rules, self._routes, self._receiver)
        self._armed = FOREVER
        """When we asked to be called last."""
        self._over = False
        self._byes = Byes(self._sender, self._receiver, self._events)
        self._path: PathName | None = None

    # ---- paths

    def path_opened(self, instance: Instance, now: float, most: int | None = None) -> None:
        """A path has opened; until `path_confirmed`, at most `most` bytes may be unacknowledged by it."""
        self._now = now
        routes = self._routes
        path = routes.open(instance, now, most)
        if path.is_relay:
            self._watch.relay_opened(now)
        else:
            self._watch.ping(path, now)
        if self._path is None:
            self._sender.resumed(now)
        self._moved()

    def path_confirmed(self, instance: Instance, now: float) -> None:
        """The peer has answered on this path: `most` no longer holds."""
        path = self._routes.paths.get(instance)
        if path is not None and not path.confirmed:
            path.most, path.confirmed = None, True
            path.life.last_ping = now
            self._sender.resumed(now)
            self._watch.relay_opened(now)
            if path.ack_owed:  # what a handshake carried is acknowledged with its answer, or it would be sent again
                self._unsequenced.ack_by(now)

    def path_ended(self, instance: Instance, now: float) -> None:
        """A path has ended. What it alone carried goes by another."""
        path = self._routes.end(instance)
        if path is not None:
            self._sender.path_ended(path)
            self._moved()

    def path_waiting(self, instance: Instance, waiting: int, now: float) -> None:
        """How many bytes wait in a path's send buffer now; on the relay, how many the server has not acknowledged.

        To be told after sending, and when it falls. Between two calls the session adds what it gave out itself.
        """
        path = self._routes.paths.get(instance)
        if path is not None:
            path.waiting = waiting

    def refused(self, flight: Flight, code: str, now: float) -> None:
        """The server did not pass this flight on."""
        path = self._routes.paths.get(flight.instance)
        if path is not None:
            if code in ("away", "unknown-peer"):
                self._routes.gone(path, now)
            else:
                self._routes.busy(path, now)
        self._sender.lost(flight.items, path)

    def lost(self, flight: Flight, now: float) -> None:
        """This flight did not arrive (a handshake's first message that is repeated): its frames go out again."""
        self._sender.lost(flight.items, self._routes.paths.get(flight.instance))

    def _moved(self) -> None:
        """Tell if new reliable frames go by another path now."""
        path = self._routes.route(Lane.RELIABLE, self._now)
        name: PathName | None = None if path is None else "relay" if path.is_relay else "direct"
        if name != self._path:
            self._path = name
            self._events.append(PathChanged(name))

    @property
    def path(self) -> PathName | None:
        """Where a new reliable frame would go now."""
        return self._path

    @property
    def direct_proved(self) -> bool:
        """Whether there is a direct path that is not suspect (rule S7)."""
        direct = self._routes.direct
        return direct is not None and not direct.life.suspect

    @property
    def direct_silent(self) -> bool:
        """Whether there is a direct path that is suspect and has answered no ping since."""
        direct = self._routes.direct
        return direct is not None and direct.life.suspect and direct.life.pongs == 0

    # ---- receiving

    def receive(self, instance: Instance, frames: Iterable[Frame], now: float) -> None:
        """One packet's frames have arrived by a path."""
        path = self._routes.paths.get(instance)
        if path is None or self._over:
            return
        self._now = now
        if not path.is_relay:
            path.life.hear(now)
        size = 0
        self._receiver.path = "relay" if path.is_relay else "direct"
        sequenced = self._receiver.sequenced
        try:
            for frame in frames:
                if frame.seq:
                    size += len(frame.payload) + HEADER_SIZE
                    sequenced(frame)
                else:
                    self._take(path, frame, now)
            if size:
                self._unsequenced.received(path, size, now)
        except (PeerLied, FrameError) as error:
            self.fail(str(error))
            return
        if self._byes.check(now):
            self._unsequenced.last_word(now)

    def _take(self, path: Path, frame: Frame, now: float) -> None:
        kind = frame.type
        if kind is FrameType.ACK:
            self._acknowledged(decode_ack(frame.payload), path, False, now)
        elif kind is FrameType.PING:
            self._watch.pinged(path, *decode_ping(frame.payload), now)
            self._moved()
        elif kind is FrameType.PONG:
            number, told = decode_pong(frame.payload)
            self._acknowledged(told, path, True, now)
            self._watch.ponged(path, number, now)
            self._moved()
        elif kind is not FrameType.SIGNAL:
            self._receiver.datagram(frame)

    def _acknowledged(self, told: Acknowledgement, path: Path, whole: bool, now: float) -> None:
        moved = self._sender.acknowledged(told, path, whole, now)
        if moved and path.is_relay:
            self._routes.progress(path, moved)

    def fail(self, reason: str) -> None:
        """The peer broke the protocol: the session is over. `end` still reports what was not acknowledged."""
        if not self._over:
            self._over = True
            self._events.append(SessionFailed(reason))

    # ---- sending

    def frames_to_send(self, now: float) -> list[Flight]:
        """What goes out now, a packet each."""
        flights: list[Flight] = []
        if self._over:
            return flights
        self._now = now
        self._sender.fill(self._routes, now, flights)
        self._unsequenced.fill(now, flights)
        return flights

    # ---- timers and events

    def next_timeout(self) -> float | None:
        """When to call `handle_timeout`; None if nothing is due unless something happens."""
        if self._over:
            return None
        now = self._now
        due = min(self._unsequenced.next_timeout(), self._watch.next_timeout(now))
        relay = self._routes.relay
        if relay is not None and relay.busy_until > now and self._sender.waits_to_go:
            due = min(due, relay.busy_until)
        if self._sender.waits_for_budget:
            due = min(due, now + BUDGET_POLL)
        self._armed = max(due, now)
        return None if due == FOREVER else self._armed

    def handle_timeout(self, now: float) -> None:
        """Do what is due."""
        if self._over:
            return
        self._now = now
        self._watch.handle_timeout(now, now - self._armed)
        self._armed = FOREVER
        if self._sender.waits_for_budget:
            self._sender.wake()
        self._moved()

    def next_event(self) -> Event | None:
        """What has happened, oldest first; None when all has been told."""
        return self._events.popleft() if self._events else None

    # ---- the application

    def open(self, label: str, lane: Lane, kind: str = "", settings: dict[str, Any] | None = None) -> int:
        """Open our direction of a channel and return its number. Channel 0, reliable, is always open.

        Raises ValueError if this channel is open already, too many are, or the label is too long; TypeError for
        settings that are no value.
        """
        return self._sender.open(Opening(label, kind, lane, settings or {}))

    def can_send(self, channel: int, size: int) -> bool:
        """Whether a message of `size` bytes has room now. If not, a SendReady event comes when it may."""
        return self._sender.can_send(channel, size)

    def send(self, channel: int, kind: FrameType, payload: bytes, now: float, context: object = None) -> Outbound:
        """Queue a message, whether there is room or not.

        Raises ValueError if it is too large for its lane, or the channel is closed.
        """
        self._now = now
        return self._sender.send(channel, kind, payload, context)

    def send_datagram(self, channel: int, kind: FrameType, payload: bytes, now: float) -> bool:
        """Send a datagram, at most 16,380 bytes; False if it was dropped: no path has room now, or it is closed."""
        if len(payload) > MAX_DATAGRAM:
            raise ValueError(f"{len(payload)} bytes are too large for a datagram ({MAX_DATAGRAM})")
        self._now = now
        known = self._sender.channels.get(channel)
        if self._over or known is None or known.closed:
            return False
        return self._unsequenced.datagram(known, kind, payload, now)

    def close_channel(self, channel: int, now: float) -> None:
        """Say that we send no more on this channel, after what is queued on it. The peer's direction stays."""
        self._now = now
        self._sender.close_channel(channel)

    def listen(self, channel: int, now: float) -> None:
        """Something listens on the peer's `channel`: its credit window grows to its full size."""
        self._now = now
        if self._receiver.listen(channel):
            self._unsequenced.ack_by(now)

    def handled(self, channel: int, charge: int, now: float) -> None:
        """The oldest message of the peer's `channel` has been handled; `charge` is its MessageReceived's."""
        self._now = now
        self._receiver.handled(channel, charge)
        self._unsequenced.ack_by(now + self._rules.ack_delay)

    def flush(self, now: float) -> int:
        """A mark; a Flushed event follows once the peer has handled everything sent before."""
        self._now = now
        return self._sender.flush()

    def ping(self, now: float) -> int | None:
        """Ping the peer by the path in use: the number that PingAnswered will name. None: there is no path."""
        path = self._routes.route(Lane.RELIABLE, now)
        return None if path is None or self._over else self._watch.probe(path, now)

    @property
    def queued(self) -> int:
        """Bytes that have not gone out yet for want of credit, window or path."""
        return sum(lane.queued for lane in self._sender.lanes)

    def close(self, now: float) -> None:
        """Send our bye. What has not gone out yet stays behind: flush before. A ByeDone event follows."""
        self._now = now
        if not self._over:
            self._byes.say(now)

    def end(self) -> list[Outbound]:
        """End the session: everything that was not acknowledged, in order within each channel."""
        self._over = True
        return self._sender.end()

    def stats(self) -> SessionStats:
        """Figures for people."""
        return session_stats(self._path, self._routes, self._sender, self._watch)
