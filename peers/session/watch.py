"""When to ping, when to suspect the direct path, and when to trust it again (rules S5 and S7)."""

from collections import deque

from peers.codec.frames import Frame, FrameType, Lane
from peers.codec.payloads import encode_ping
from peers.session.events import DirectAdopted, DirectInstance, Event, PingAnswered, Suspected, Trusted
from peers.session.routing import FOREVER, Path, Routes
from peers.session.rules import Rules
from peers.session.sender import Sender


class Watch:
    """Watches the paths, for the sender's sake."""

    def __init__(self, rules: Rules, routes: Routes, sender: Sender, events: deque[Event]) -> None:
        self._rules = rules
        self._routes = routes
        self._sender = sender
        self._events = events
        self._next_ping = 1
        self._probes: dict[int, None] = {}
        self._recent: deque[float] = deque()
        """When the direct path became suspect, in the last minute."""
        self._bulk_waits = False
        """The direct path is suspect, and bulk has not followed over the relay yet."""
        self.suspicions = 0

    # ---- timers

    def next_timeout(self, now: float) -> float:
        """When something is due here; FOREVER if nothing is."""
        rules, routes = self._rules, self._routes
        due = FOREVER
        for fresh in routes.fresh:
            due = min(due, fresh.life.last_ping + rules.ping_suspect)
        direct = routes.direct
        if direct is not None:
            life = direct.life
            if life.suspect:
                due = min(due, life.last_ping + rules.ping_suspect)
                if self._bulk_waits:
                    due = min(due, life.since + rules.bulk_pause)
            elif life.asked is not None:
                due = min(due, life.suspicious_at() or FOREVER, life.unproved_at() or FOREVER)
        path = routes.route(Lane.RELIABLE, now)
        if path is not None and path.confirmed:
            outstanding = self._sender.outstanding or path.life.datagram_at is not None
            due = min(due, path.life.last_ping + (rules.ping_outstanding if outstanding else rules.ping_idle))
            due = min(due, self._lanes_due(path, now))
        return due

    def _lanes_due(self, path: Path, now: float) -> float:
        """When a lane has waited too long for acknowledgements."""
        due = FOREVER
        for lane in self._sender.lanes:
            if lane.unacked and self._routes.route(lane.lane, now) is not None:
                due = min(due, lane.timeout_at(path))
        return due

    def handle_timeout(self, now: float, late: float) -> None:
        """Do what is due. `late`: by how much the timer that should have called this was late."""
        rules, routes = self._rules, self._routes
        if late > rules.late:
            for one in routes.paths.values():
                one.life.late(late, now)
        for fresh in routes.fresh:
            if now >= fresh.life.last_ping + rules.ping_suspect:
                self.ping(fresh, now)
        direct = routes.direct
        if direct is not None:
            self._check_direct(direct, now)
        path = routes.route(Lane.RELIABLE, now)
        if path is None or not path.confirmed:
            return
        outstanding = self._sender.outstanding or path.life.datagram_at is not None
        if now >= path.life.last_ping + (rules.ping_outstanding if outstanding else rules.ping_idle):
            self.ping(path, now)
        for lane in self._sender.lanes:
            if lane.unacked and routes.route(lane.lane, now) is not None and now >= lane.timeout_at(path):
                lane.timed_out(path, now)

    def _check_direct(self, direct: Path, now: float) -> None:
        life, rules = direct.life, self._rules
        if life.suspect:
            if now >= life.last_ping + rules.ping_suspect:
                self.ping(direct, now)
            if self._bulk_waits and now >= life.since + rules.bulk_pause:
                self._bulk_waits = False
                if self._routes.relay is not None:
                    self._sender.lanes[1].doubt(direct)
            return
        suspicious = life.suspicious_at()
        if suspicious is not None and now >= suspicious:
            self.suspect(direct, now)
            return
        unproved = life.unproved_at()
        if unproved is not None and now >= unproved:
            self.ping(direct, now)

    # ---- pings

    def ping(self, path: Path, now: float, suspect: int = 0) -> int:
        """Send a ping by `path` in the next turn, and return its number."""
        number = self._next_ping
        self._next_ping = number % 0xFFFFFFFF + 1
        path.life.ping(number, now)
        path.control.append(Frame(FrameType.PING, Lane.DATAGRAM, False, 0, 0, encode_ping(number, suspect)))
        return number

    def probe(self, path: Path, now: float) -> int:
        """A ping whose answer the application wants to know of. Of the last 64 it is told."""
        number = self.ping(path, now)
        self._probes[number] = None
        if len(self._probes) > 64:
            del self._probes[next(iter(self._probes))]
        return number

    def pinged(self, path: Path, number: int, suspect: int, now: float) -> None:
        """The peer's ping came by `path`; with `suspect`, it has begun to suspect that attempt."""
        path.pongs_owed.append(number)
        direct = self._routes.direct
        if direct is None or direct.life.suspect or not path.is_relay:
            return
        if direct.instance == DirectInstance(suspect) and now >= direct.life.trusted + self._rules.no_proof:
            # (What came sooner was said before the path was trusted again: a relay that has just begun is told so by
            # both.) It no longer sends by the direct path, and cannot tell there what of ours has arrived.
            self.suspect(direct, now)

    def ponged(self, path: Path, number: int, now: float) -> None:
        """A pong came by `path`."""
        sent = path.life.pong(number, now)
        if sent is None:
            return
        if number in self._probes:
            del self._probes[number]
            self._events.append(PingAnswered(number, now - sent, "relay" if path.is_relay else "direct"))
        if path in self._routes.fresh:
            self._routes.adopt(path)
            assert isinstance(path.instance, DirectInstance)
            self._events.append(DirectAdopted(path.instance.attempt))
            self._bulk_waits = False
            self._recent.clear()
        life = path.life
        if life.suspect and sent >= life.since:
            life.pongs += 1
            if life.pongs >= self._rules.pongs_back and now >= life.since + self._hold_back():
                self._trust(path, now)

    # ---- suspicion

    def suspect(self, direct: Path, now: float) -> None:
        """The direct path is suspect: the relay carries on, and the peer is told."""
        direct.life.doubt(now)
        self.suspicions += 1
        self._recent.append(now)
        while self._recent[0] < now - self._rules.hold_back_within:
            self._recent.popleft()
        assert isinstance(direct.instance, DirectInstance)
        self._events.append(Suspected(direct.instance.attempt))
        self._bulk_waits = True
        self.ping(direct, now)
        if self._routes.relay is not None:
            self._tell(direct, now)

    def relay_opened(self, now: float) -> None:
        """There is a relay (again): what only the suspect path carries can go by it."""
        direct = self._routes.suspect()
        if direct is not None:
            self._tell(direct, now)
            if not self._bulk_waits:
                self._sender.lanes[1].doubt(direct)

    def _tell(self, direct: Path, now: float) -> None:
        relay = self._routes.relay
        assert relay is not None
        assert isinstance(direct.instance, DirectInstance)
        if relay.confirmed:
            self.ping(relay, now, direct.instance.attempt)
        self._sender.lanes[0].doubt(direct)

    def _hold_back(self) -> float:
        """How long a suspect path is not trusted: the oftener it was suspect lately, the longer."""
        earlier = len(self._recent) - 1
        if earlier <= 0:
            return 0.0
        return min(self._rules.hold_back_most, self._rules.hold_back * 2.0**earlier)

    def _trust(self, direct: Path, now: float) -> None:
        direct.life.trust(now)
        self._bulk_waits = False
        assert isinstance(direct.instance, DirectInstance)
        self._events.append(Trusted(direct.instance.attempt))
        for lane in self._sender.lanes:
            lane.trust(direct)
