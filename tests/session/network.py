"""A deterministic network for simulations: a clock, wires, a direct path and a relay that fail as they are told.

Sizes are bytes, times seconds of simulated time. The same seed gives the same run.
"""

import heapq
import random
from collections.abc import Callable
from typing import Any, Protocol

from peers.codec.frames import Lane
from peers.session.events import DirectInstance

KIB = 1024


class Clock:
    """Simulated time: calls in order of their moments, and of their making where moments are equal."""

    def __init__(self) -> None:
        self.now = 0.0
        self._calls: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self._count = 0

    def at(self, when: float, call: Callable[..., object], *args: Any) -> None:
        """Call then."""
        self._count += 1
        heapq.heappush(self._calls, (max(when, self.now), self._count, call, args))

    def after(self, delay: float, call: Callable[..., object], *args: Any) -> None:
        """Call so much later."""
        self.at(self.now + delay, call, *args)

    def run(self, until: float) -> None:
        """Let time pass until then."""
        while self._calls and self._calls[0][0] <= until:
            self.now, _, call, args = heapq.heappop(self._calls)
            call(*args)
        self.now = until


class Wire:
    """One direction. Reliable lanes keep their order and wait while it is cut; datagrams are lost then."""

    def __init__(self, clock: Clock, rng: random.Random, rate: float, delay: float, jitter: float = 0.0) -> None:
        self.clock, self._rng = clock, rng
        self.rate, self.delay, self.jitter = rate, delay, jitter
        self._network = rate * 2 * delay + 4 * KIB
        """Bytes that the network itself holds: what is beyond waits in the send buffer."""
        self.inside = 0
        """Bytes in the send buffer and in the network."""
        self._busy = 0.0
        self._last: dict[Lane, float] = {}
        self._held: list[tuple[int, Lane, Callable[[], object]]] = []
        self.is_cut = False
        self.dead = False
        self.lose = 0.0
        """The share of datagrams that is lost."""
        self.late = 0.0
        """The share of other packets that is lost once, sent again by the transport, and holds up its lane."""
        self.overtake = 0.0
        """The share of datagrams that skips the delay."""

    @property
    def waiting(self) -> int:
        """Bytes in the send buffer."""
        return max(0, int(self.inside - self._network))

    def put(self, size: int, lane: Lane, arrive: Callable[[], object]) -> None:
        """Send a packet."""
        if not self.dead:
            self.inside += size
            self._go(size, lane, arrive)

    def _go(self, size: int, lane: Lane, arrive: Callable[[], object]) -> None:
        if self._stopped(size, lane, arrive):
            return
        self._busy = max(self.clock.now, self._busy) + size / self.rate
        when = self._busy + self.delay + (self._rng.random() * self.jitter if self.jitter else 0.0)
        if lane is not Lane.DATAGRAM:
            if self.late and self._rng.random() < self.late:
                when += self._rng.uniform(0.2, 1.2)
            when = self._last[lane] = max(when, self._last.get(lane, 0.0))
        elif self.lose and self._rng.random() < self.lose:
            self.inside -= size
            return
        elif self.overtake and self._rng.random() < self.overtake:
            when -= self.delay
        self.clock.at(when, self._come, size, lane, arrive)

    def _come(self, size: int, lane: Lane, arrive: Callable[[], object]) -> None:
        if not self.dead and not self._stopped(size, lane, arrive):
            self.inside -= size
            arrive()

    def _stopped(self, size: int, lane: Lane, arrive: Callable[[], object]) -> bool:
        if self.is_cut and lane is Lane.DATAGRAM:
            self.inside -= size
        elif self.is_cut:
            self._held.append((size, lane, arrive))
        return self.is_cut

    def hold(self, seconds: float) -> None:
        """Nothing gets through for so long, then all of it."""
        self._busy = max(self._busy, self.clock.now + seconds)

    def cut(self) -> None:
        """Nothing arrives from now on."""
        self.is_cut = True

    def restore(self) -> None:
        """What was held goes on."""
        if self.is_cut:
            self.is_cut = False
            held, self._held = self._held, []
            self._busy, self._last = self.clock.now, {}
            for item in held:
                self._go(*item)


class Parcel(Protocol):
    """What is sent: a flight of a session, or what a link has sealed."""

    @property
    def lane(self) -> Lane:
        """Its lane."""

    def encode(self) -> bytes:
        """The packet."""


class End(Protocol):
    """What the network needs of a side."""

    index: int
    clock: Clock

    def arrived(self, instance: DirectInstance | None, packet: bytes) -> None:
        """A packet came, by an attempt or (None) by the relay."""

    def drained(self) -> None:
        """A send buffer may have room again."""

    def direct_ended(self, instance: DirectInstance) -> None:
        """A direct path has ended."""

    def relay_changed(self, mine: int | None, theirs: int | None) -> None:
        """Who is connected to the server has changed, as far as this side has been told."""

    def refused(self, flight: Any, code: str) -> None:
        """The server did not pass on what this side sent."""


class Direct:
    """One direct attempt between two sides."""

    def __init__(self, ends: tuple[End, End], attempt: int, wires: tuple[Wire, Wire], rng: random.Random) -> None:
        self.instance = DirectInstance(attempt)
        self.wires = wires
        self.alive = True
        self.stays_cut = False
        """What is cut is never restored."""
        self._ends, self._rng = ends, rng

    def send(self, index: int, flight: Parcel) -> None:
        """A side sends a packet."""
        if self.alive:
            packet = flight.encode()
            to = self._ends[1 - index]
            self.wires[index].put(len(packet), flight.lane, lambda: self._arrived(to, packet))

    def _arrived(self, to: End, packet: bytes) -> None:
        if self.alive:
            to.arrived(self.instance, packet)
            self._ends[1 - to.index].drained()

    def cut(self, ab: bool = True, ba: bool = True) -> None:
        """Cut one direction or both. The other one of an ordered transport stalls a little later: its acknowledgements
        are gone."""
        clock = self.wires[0].clock
        for wire, on in zip(self.wires, (ab, ba), strict=True):
            if on:
                wire.cut()
            else:
                clock.after(self._rng.uniform(0.4, 1), lambda wire=wire: self._cut_still() and wire.cut())

    def _cut_still(self) -> bool:
        return any(wire.is_cut for wire in self.wires)

    def restore(self) -> None:
        """Both directions work again."""
        if not self.stays_cut:
            for wire in self.wires:
                wire.restore()

    def end(self) -> None:
        """The path ends; both sides learn of it, not at the same time."""
        if self.alive:
            self.alive = False
            for wire in self.wires:
                wire.dead = True
            for side in self._ends:
                side.clock.after(self._rng.uniform(0, 0.05), side.direct_ended, self.instance)


class Relay:
    """The server, and both sides' connections to it."""

    def __init__(self, ends: tuple[End, End], clock: Clock, rng: random.Random, rate: float, delay: float) -> None:
        self._ends, self._clock, self._rng = ends, clock, rng
        self._rate, self._delay = rate, delay
        self.connection: list[int | None] = [None, None]
        self._count = [0, 0]
        self._up = [self._wire(), self._wire()]
        self._down = [self._wire(), self._wire()]
        self._unacked = [0, 0]
        self._owed = [0, 0]
        self.outbox = 512 * KIB
        """Bytes that may wait for one side; beyond, senders are told `busy`."""
        self.dropping = self.refusing = self.doubling = 0.0
        """Shares of the packets that are silently dropped, refused as `busy`, and passed on twice."""
        self.packets: list[tuple[int, Any]] = []
        """Everything that was ever handed to the relay, with the side that sent it."""

    def _wire(self) -> Wire:
        return Wire(self._clock, self._rng, self._rate, self._delay)

    def wires(self, index: int) -> tuple[Wire, Wire]:
        """Between a side and the server: up and down. A new connection has new ones."""
        return self._up[index], self._down[index]

    def signal(self, index: int, size: int, arrive: Callable[[], object]) -> None:
        """A side sends a signal, which arrives if the other is connected."""
        if self.connection[index] is not None:
            self._up[index].put(size, Lane.RELIABLE, lambda: self._pass_on(1 - index, size, arrive))

    def _pass_on(self, index: int, size: int, arrive: Callable[[], object]) -> None:
        if self.connection[index] is not None:
            self._down[index].put(size, Lane.RELIABLE, arrive)

    def connect(self, index: int) -> None:
        """A side connects."""
        if self.connection[index] is None:
            self._count[index] += 1
            self.connection[index] = self._count[index]
            self._up[index], self._down[index] = self._wire(), self._wire()
            self._unacked[index] = self._owed[index] = 0
            self._tell_rosters()

    def disconnect(self, index: int, notice: float = 0.0) -> None:
        """A side's connection drops; it notices after `notice` seconds."""
        if self.connection[index] is None:
            return
        number = self.connection[index]
        self.connection[index] = None
        self._up[index].dead = self._down[index].dead = True
        self._clock.after(notice, self._noticed, index, number)
        self._tell_rosters()

    def _noticed(self, index: int, number: int) -> None:
        if self._count[index] == number and self.connection[index] is None:
            self._ends[index].relay_changed(None, None)

    def _tell_rosters(self) -> None:
        for index in (0, 1):
            mine, theirs = self.connection[index], self.connection[1 - index]
            if mine is not None:
                self._tell(index, self._ends[index].relay_changed, mine, theirs)

    def _tell(self, index: int, call: Callable[..., object], *args: Any) -> None:
        self._down[index].put(64, Lane.RELIABLE, lambda: call(*args))

    def send(self, index: int, flight: Parcel) -> None:
        """A side sends a packet."""
        if self.connection[index] is None:
            return
        self.packets.append((index, flight))
        packet = flight.encode()
        self._unacked[index] += len(packet)
        number = self.connection[index]
        self._up[index].put(len(packet), Lane.RELIABLE, lambda: self._at_server(index, number, flight, packet))

    def _at_server(self, index: int, number: int | None, flight: Parcel, packet: bytes) -> None:
        self._owed[index] += len(packet)
        if self._owed[index] >= 64 * KIB:
            self._acknowledge(index, number)
        else:
            self._clock.after(0.05, self._acknowledge, index, number)
        other = 1 - index
        away = self.connection[other] is None
        full = self._down[other].inside + len(packet) > self.outbox
        if away or full or self._rng.random() < self.refusing:
            self._tell(index, self._ends[index].refused, flight, "away" if away else "busy")
        elif self._rng.random() >= self.dropping:
            for _ in range(2 if self._rng.random() < self.doubling else 1):
                self._down[other].put(len(packet), Lane.RELIABLE, lambda: self._ends[other].arrived(None, packet))

    def _acknowledge(self, index: int, number: int | None) -> None:
        if self.connection[index] == number and self._owed[index]:
            size, self._owed[index] = self._owed[index], 0
            self._tell(index, self._acknowledged, index, size)

    def _acknowledged(self, index: int, size: int) -> None:
        self._unacked[index] -= size
        self._ends[index].drained()

    def waiting(self, index: int) -> int:
        """Bytes that a side sent and the server has not acknowledged."""
        return self._unacked[index]
