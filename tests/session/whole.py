"""Two whole links in simulated time: link cores and negotiations, over a server and attempts that fail as told."""

import random

from tests.session.network import Clock, Relay, Wire
from tests.session.pair import Program
from tests.session.tries import Try
from tests.session.whole_side import Side

RATE = 1e6
"""Bytes a second, where nothing else is said."""


class World:
    """Two programs, the server between them, and what the network is like. `tune` is called when that changes."""

    def __init__(self, seed: str, names: tuple[str, str], delays: tuple[float, float]) -> None:
        self.clock, self.rng = Clock(), random.Random(seed)
        one, two = (Program(f"{name} {seed}") for name in names)
        one.name, two.name = names
        self.tries: list[Try] = []
        self.sides = (Side(self, 0, one, two), Side(self, 1, two, one))
        self.relay = Relay(self.sides, self.clock, self.rng, RATE, max(delays))

    def passable(self, attempt: Try) -> bool:
        """Whether packets get through both ways at present."""
        return not any(wire.is_cut for wire in attempt.wires)

    def direct_wires(self) -> tuple[Wire, Wire]:
        """Those of a new attempt."""
        return (Wire(self.clock, self.rng, RATE, 0.0), Wire(self.clock, self.rng, RATE, 0.0))

    def tune(self) -> None:
        """Bring all wires in line with the weather."""
