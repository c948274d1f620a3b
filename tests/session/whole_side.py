"""One program of a simulation of whole links: a link core, a negotiation, and an application that keeps books.

It drives them as `peers.link` does, in simulated time.
"""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from peers.codec.frames import FrameType, Lane
from peers.negotiation import Abandon, MakeAnswer, MakeOffer, Negotiation, SendSignal, TakeAnswer
from peers.session.credit import Budget
from peers.session.events import ChannelOpened, DirectAdopted, DirectInstance, MessageReceived, Suspected
from peers.session.link_core import DirectEnded, LinkCore, Ready, SessionEnded, SessionStarted
from peers.session.rules import Rules
from tests.session.asleep import Asleep
from tests.session.books import Books, content
from tests.session.channels import Broken
from tests.session.pair import ROOM, Program
from tests.session.tries import Sealed, Try

if TYPE_CHECKING:
    from tests.session.whole import World

GATHERING = (0.02, 0.2)
"""Seconds that a description takes."""
DIRECT_DELAY = 0.1
"""Seconds from knowing the peer to wanting a direct path to it."""


class Side:
    """One program's link to the other, and what its application has seen."""

    def __init__(self, world: "World", index: int, program: Program, peer: Program) -> None:
        self.world, self.index, self.clock = world, index, world.clock
        self.program, self.remote = program, peer
        self.asleep = Asleep(world.clock)
        self.core: LinkCore | None = None
        self.tries: dict[int, Try] = {}
        self.books = Books(program.name)
        self.suspicions = self.attempts = self.sessions = 0
        self.negotiation: Negotiation
        self._signals: deque[tuple[str, int, dict[str, Any]]] = deque(maxlen=64)
        self._bulk: int | None = None
        self._wake_at = float("inf")

    @property
    def peer(self) -> "Side":
        """The other program."""
        return self.world.sides[1 - self.index]

    # ---- what the network calls

    def _awake(self, again: Callable[[], object]) -> bool:
        """Whether this program runs now; if it is stopped, the call comes when it goes on."""
        return not self.asleep.puts_off(again)

    def arrived(self, instance: DirectInstance | None, packet: bytes) -> None:
        """A packet came."""
        if not self._awake(lambda: self.arrived(instance, packet)) or self.core is None:
            return
        now = self.clock.now
        if instance is None:
            self.core.receive_relay(packet, now)
        else:
            self.core.receive_direct(instance.attempt, packet, now)
            if self.negotiation.silent and not self.core.session.direct_silent:
                self.negotiation.answers(instance.attempt, now)
        self.turn()

    def signalled(self, kind: str, attempt: int, packet: bytes) -> None:
        """A signal came."""
        if not self._awake(lambda: self.signalled(kind, attempt, packet)) or self.core is None:
            return
        signal = self.core.receive_signal(packet, self.clock.now)
        if signal is not None and signal[:2] == (kind, attempt):
            self.negotiation.receive(kind, attempt, signal[2], self.clock.now)
        self.turn()

    def drained(self) -> None:
        """A send buffer may have room again."""
        if self._awake(self.drained) and self.core is not None:
            self._tell_waiting()
            self.turn()

    def relay_changed(self, mine: int | None, theirs: int | None) -> None:
        """Who is connected has changed."""
        if not self._awake(lambda: self.relay_changed(mine, theirs)):
            return
        if self.core is None:
            if theirs is None or mine is None:
                return
            self._new_link()
        assert self.core is not None
        if self.core.relay_changed(mine, theirs, self.clock.now):
            self.negotiation.reachable(self.clock.now)
        self.turn()

    def refused(self, sealed: Sealed, code: str) -> None:
        """The server did not pass a packet on."""
        if self._awake(lambda: self.refused(sealed, code)) and self.core is not None:
            self.core.relay_refused(sealed.outgoing, code, self.clock.now)
            self.turn()

    # ---- attempts

    def opened(self, attempt: Try) -> None:
        """The connection of an attempt is open."""
        if self._awake(lambda: self.opened(attempt)) and self.tries.get(attempt.attempt) is attempt:
            assert self.core is not None
            self.negotiation.opened(attempt.attempt, self.clock.now)
            self.core.direct_opened(attempt.attempt, self.clock.now)
            self.turn()

    def path_gone(self, attempt: Try) -> None:
        """A direct path has ended, or an attempt has failed."""
        if not self._awake(lambda: self.path_gone(attempt)) or self.tries.get(attempt.attempt) is not attempt:
            return
        del self.tries[attempt.attempt]
        attempt.left_by(self.index)
        if self.core is not None:
            self.negotiation.ended(attempt.attempt, self.clock.now)
            self.core.direct_ended(attempt.attempt, self.clock.now)
            self.turn()

    def direct_ended(self, instance: DirectInstance) -> None:
        """Never called: each side of a `Try` learns of its end by `path_gone`."""
        raise NotImplementedError

    def _close(self, attempt: int) -> None:
        if attempt in self.tries:
            self.clock.after(0.005, self.path_gone, self.tries[attempt])

    def _described(self, attempt: Try, serial: int) -> None:
        """Our description is ready."""
        if not self._awake(lambda: self._described(attempt, serial)) or self.core is None:
            return
        if self.tries.get(attempt.attempt) is not attempt:
            return
        kind = "offer" if self.offers else "answer"
        ready = self.negotiation.offer_ready if self.offers else self.negotiation.answer_ready
        ready(attempt.attempt, {"type": kind, "sdp": f"v=0 {serial}"}, self.clock.now)
        if not self.offers:
            self._connect(attempt)
        self.turn()

    def _connect(self, attempt: Try) -> None:
        attempt.ready[self.index] = True
        if all(attempt.ready):
            attempt.check()

    def _decided(self, now: float) -> None:
        """Carry out what the negotiation has decided."""
        world = self.world
        while (event := self.negotiation.next_event()) is not None:
            match event:
                case MakeOffer(attempt):
                    self.attempts += 1
                    made = self.tries[attempt] = Try(world, attempt, world.direct_wires())
                    world.tries.append(made)
                    world.tune()
                    self.clock.after(world.rng.uniform(*GATHERING), self._described, made, len(world.tries) - 1)
                case MakeAnswer(attempt, offer):
                    serial = int(offer["sdp"].split()[1])
                    self.tries[attempt] = world.tries[serial]
                    self.clock.after(world.rng.uniform(*GATHERING), self._described, world.tries[serial], serial)
                case TakeAnswer(attempt, answer):
                    if self.tries.get(attempt) is world.tries[int(answer["sdp"].split()[1])]:
                        self._connect(self.tries[attempt])
                case SendSignal(kind, attempt, payload):
                    self._signal(kind, attempt, payload, now)
                case Abandon(attempt, _):
                    self._close(attempt)

    def _signal(self, kind: str, attempt: int, payload: dict[str, Any], now: float) -> None:
        assert self.core is not None
        packet = self.core.seal_signal(kind, attempt, payload, now)
        if packet is None:
            self._signals.append((kind, attempt, payload))
        else:
            sealed = packet
            self.world.relay.signal(self.index, len(sealed), lambda: self.peer.signalled(kind, attempt, sealed))

    # ---- the link

    @property
    def offers(self) -> bool:
        """Whether this side makes the attempts."""
        return self.program.id < self.remote.id

    def _new_link(self) -> None:
        now = self.clock.now
        self.core = LinkCore(
            room=ROOM,
            me=self.program.me,
            peer=self.remote.remote,
            ended=self.program.ended,
            next_number=self.program.numbers.__next__,
            random=self.program.random,
            settings={"direct": True},
            rules=Rules(),
            budget=Budget(),
            now=now,
        )
        self.negotiation = Negotiation(offers=self.offers, rng=self.world.rng, now=now)
        self._begin()
        self.clock.after(DIRECT_DELAY, self._want_direct, self.core)

    def _want_direct(self, core: LinkCore) -> None:
        if self._awake(lambda: self._want_direct(core)) and self.core is core:
            self.core.start(self.clock.now)
            self.negotiation.want(self.clock.now)
            self.turn()

    def _begin(self) -> None:
        """A session begins: nothing is open in it, and nothing listened to."""
        assert self.core is not None
        self.sessions += 1
        self._bulk = None
        self.core.session.listen(0, self.clock.now)

    def lost(self) -> None:
        """The peer is off the roster past its grace time: the link ends."""
        if not self._awake(self.lost) or self.core is None:
            return
        self._events(self.clock.now)
        self.books.report(self.core.end(self.clock.now))
        for attempt in list(self.tries):
            self._close(attempt)
        self.core = None
        self._signals.clear()

    def turn(self) -> None:
        """Take what happened, send what is due, set the timer."""
        if self.core is None:
            return
        now = self.clock.now
        self._events(now)
        for outgoing in self.core.packets_to_send(now):
            if outgoing.attempt is None:
                self.world.relay.send(self.index, Sealed(outgoing))
            elif (path := self.tries.get(outgoing.attempt)) is not None:
                path.send(self.index, Sealed(outgoing))
        self._tell_waiting()
        self._events(now)
        self._decided(now)
        times = (self.core.next_timeout(), self.negotiation.next_timeout())
        due = min((time for time in times if time is not None), default=None)
        if due is not None and due < self._wake_at:
            self._wake_at = max(due, now)
            self.clock.at(self._wake_at, self._wake, self._wake_at)

    def _wake(self, when: float) -> None:
        if when != self._wake_at or not self._awake(lambda: self._wake(when)):
            return  # an earlier timer has taken this one's place, or the program is stopped
        self._wake_at = float("inf")
        if self.core is not None:
            self.core.handle_timeout(self.clock.now)
            self.negotiation.handle_timeout(self.clock.now)
            self.turn()

    def _tell_waiting(self) -> None:
        assert self.core is not None
        now = self.clock.now
        self.core.relay_waiting(self.world.relay.waiting(self.index), now)
        for attempt, path in self.tries.items():
            self.core.direct_waiting(attempt, path.wires[self.index].waiting, now)

    def _events(self, now: float) -> None:
        core = self.core
        assert core is not None
        while (event := core.next_event()) is not None:
            match event:
                case MessageReceived():
                    self.books.take(event.lane, event.payload, self.peer.books)
                    core.session.handled(event.channel, event.charge, now)
                case ChannelOpened(channel, _, _):
                    core.session.listen(channel, now)
                case DirectAdopted(attempt):
                    self.negotiation.adopted(attempt, now)
                    for older in [number for number in self.tries if number < attempt]:
                        self._close(older)
                case DirectEnded(attempt):
                    self._close(attempt)
                case Suspected(attempt):
                    self.suspicions += 1
                    self.negotiation.suspected(attempt, now)
                case Ready():
                    self.negotiation.set_allowed(True, now)
                    waiting, self._signals = self._signals, deque(maxlen=64)
                    for kind, attempt, payload in waiting:
                        self._signal(kind, attempt, payload, now)
                case SessionEnded(undelivered, reason):
                    if "protocol" in reason:
                        raise Broken(f"{self.program.name}: an honest session failed: {reason}")
                    for attempt in list(self.tries):
                        self._close(attempt)
                    self.books.report(undelivered)
                case SessionStarted():
                    self._begin()
                    self.negotiation.reset(now)

    # ---- the application

    def send(self, lane: Lane, size: int) -> bool:
        """Send the next message of a lane, if there is room for it."""
        if self.asleep or self.core is None:
            return False
        session = self.core.session
        channel = 0
        if lane is Lane.BULK:
            if self._bulk is None:
                self._bulk = session.open("bulk", Lane.BULK)
            channel = self._bulk
        if not session.can_send(channel, size):
            return False
        number = self.books.next(lane)
        session.send(channel, FrameType.BYTES, content(lane, number, size), self.clock.now, (lane, number))
        self.negotiation.traffic(self.clock.now)
        self.turn()
        return True
