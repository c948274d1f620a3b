"""An attempt at a direct path between two whole links of a simulation, and what travels over it."""

from typing import TYPE_CHECKING, Any, NamedTuple

from peers.codec.frames import Lane
from peers.session.link_core import Outgoing
from tests.session.network import Direct, Wire

if TYPE_CHECKING:
    from tests.session.whole import World

CHECKS = 0.2
"""Seconds between two tries to open a connection."""
GIVEN_UP = (20.0, 32.0)
"""Seconds until a side gives up a direct path that is dead (consent, RFC 7675)."""


class Sealed(NamedTuple):
    """A packet on its way."""

    outgoing: Outgoing

    @property
    def lane(self) -> Lane:
        """Its lane."""
        return self.outgoing.lane

    def encode(self) -> bytes:
        """The packet."""
        return self.outgoing.packet


class Try(Direct):
    """One attempt at a direct path, which both sides hold, and its path once it is open."""

    def __init__(self, world: "World", attempt: int, wires: tuple[Wire, Wire]) -> None:
        super().__init__(world.sides, attempt, wires, world.rng)
        self.world, self.attempt = world, attempt
        self.ready = [False, False]
        self.dead = False
        """Its addresses are gone: nothing of it comes back."""
        self.is_open = False

    @property
    def is_over(self) -> bool:
        """Neither side holds it."""
        return all(side.tries.get(self.attempt) is not self for side in self.world.sides)

    def check(self) -> None:
        """Both have the other's description: it opens as soon as the network lets it."""
        world = self.world
        if not all(side.tries.get(self.attempt) is self for side in world.sides):
            return
        if world.passable(self) and not any(side.asleep for side in world.sides):
            self.is_open = True
            for side in world.sides:
                trip = 4 * self.wires[side.index].delay
                world.clock.after(trip + world.rng.uniform(0.0, 0.1), side.opened, self)
        else:
            world.clock.after(CHECKS, self.check)

    def _arrived(self, to: Any, packet: bytes) -> None:
        if to.tries.get(self.attempt) is self:
            super()._arrived(to, packet)

    def left_by(self, index: int) -> None:
        """A side has closed it: the other learns of that if it can hear it, else when it gives up."""
        other = self.world.sides[1 - index]
        heard = self.is_open and self.world.passable(self)
        wait = 2 * self.wires[index].delay if heard else self.world.rng.uniform(*GIVEN_UP)
        self.world.clock.after(wait, other.path_gone, self)
