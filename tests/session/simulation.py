"""Two programs and the paths between them, in simulated time."""

import random
from collections.abc import Callable
from itertools import pairwise

from peers.session.events import RelayInstance
from peers.session.routing import Flight
from peers.session.rules import Rules
from peers.session.session import Session
from tests.session.channels import Broken
from tests.session.network import KIB, Clock, Direct, Relay, Wire
from tests.session.side import Side

SMALL = Rules(
    chunk=1_000,
    frame_window=512,
    reliable_window=32 * KIB,
    bulk_window=64 * KIB,
    bulk_window_most=64 * KIB,
    reliable_message=32 * KIB,
    bulk_message=128 * KIB,
    first_credit=4 * KIB,
    reliable_credit=36 * KIB,
    bulk_credit=144 * KIB,
    timeout_burst=8 * KIB,
    relay_unacked=16 * KIB,
    relay_unacked_least=4 * KIB,
    relay_unacked_most=64 * KIB,
    queue_least=2 * KIB,
    queue_most=32 * KIB,
    relay_queue_least=8 * KIB,
    direct_packet=2 * KIB,
    relay_packet=6 * KIB,
    ack_bytes=2 * KIB,
)
"""The protocol's rules with smaller windows: the same things happen with fewer bytes."""


class World:
    """Two sides, and the paths between them."""

    def __init__(
        self,
        seed: int = 0,
        rules: Rules | None = None,
        *,
        rate: float = 1e6,
        delay: float = 0.01,
        listens: bool = True,
    ) -> None:
        self.clock, self.rng, self.rules = Clock(), random.Random(seed), rules or SMALL
        self.rate, self.delay, self.jitter = rate, delay, 0.0
        self.listens = listens
        self.on_ready: Callable[[Side, int], None] | None = None
        self.attempts: dict[int, Direct] = {}
        self.flights: list[tuple[float, int, Flight]] = []
        self.sides = (Side(self, 0, self.make_session()), Side(self, 1, self.make_session()))
        self.relay = Relay(self.sides, self.clock, self.rng, rate, delay / 2)

    def make_session(self) -> Session:
        """A session of one side."""
        return Session(self.clock.now, rules=self.rules)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.run(self.clock.now + seconds)

    def connect(self) -> None:
        """Both sides connect to the server."""
        for index in (0, 1):
            self.relay.connect(index)

    def attempt(self, *, rate: float | None = None, delay: float | None = None) -> Direct:
        """A new direct attempt opens, at each side at its time."""
        wires = (self._wire(rate, delay), self._wire(rate, delay))
        direct = Direct(self.sides, len(self.attempts) + 1, wires, self.rng)
        self.attempts[direct.instance.attempt] = direct
        for side in self.sides:
            self.clock.after(self.rng.uniform(0, 0.1), side.direct_opened, direct)
        return direct

    def _wire(self, rate: float | None, delay: float | None) -> Wire:
        return Wire(self.clock, self.rng, rate or self.rate, delay or self.delay, self.jitter)

    @property
    def direct(self) -> Direct | None:
        """The newest attempt that lives."""
        return next((direct for direct in reversed(self.attempts.values()) if direct.alive), None)

    def adopted(self, attempt: int) -> None:
        """A side has adopted an attempt: older ones end."""
        for number, direct in self.attempts.items():
            if number < attempt:
                direct.end()

    def every(self, interval: float, call: Callable[[], object], until: float) -> None:
        """Call again and again, from a random moment within the interval on."""

        def again() -> None:
            call()
            if self.clock.now + interval < until:
                self.clock.after(interval, again)

        self.clock.after(interval * self.rng.random(), again)

    def check(self, side: Side, flight: Flight) -> None:
        """What holds for every packet."""
        encoded = sum(len(frame.payload) + 12 for frame in flight.frames)
        most = self.rules.relay_packet if isinstance(flight.instance, RelayInstance) else self.rules.direct_packet
        if flight.size != encoded or encoded > most:
            raise Broken(f"a packet of {encoded} bytes that says {flight.size}, at most {most}")
        self.flights.append((self.clock.now, side.index, flight))

    def pending(self) -> list[tuple[int, str, int, int]]:
        """What was sent and not handled: side, label, sent, handled by its peer."""
        return [
            (side.index, label, len(outlet.sizes), side.peer.inlets[label].count if label in side.peer.inlets else 0)
            for side in self.sides
            for label, outlet in side.outlets.items()
            if outlet.sizes and (label not in side.peer.inlets or side.peer.inlets[label].count < len(outlet.sizes))
        ]

    def settle(self, most: float = 60.0) -> None:
        """Let time pass until everything sent is handled. Raises Broken if it isn't in time."""
        end = self.clock.now + most
        while self.pending():
            if self.clock.now >= end:
                raise Broken(f"not everything was handled: {self.pending()[:4]}")
            self.run(0.25)


def longest_gap(times: list[float], start: float, end: float) -> float:
    """The longest time without one of `times` between two moments."""
    inside = [start, *(t for t in times if start < t < end), end]
    return max(b - a for a, b in pairwise(inside))
