"""What an application of a simulation knows of its channels."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from peers.codec.frames import Lane
from peers.session.events import MessageReceived
from tests.session.network import KIB

_BLOB = random.Random(7).randbytes(256 * KIB)


class Broken(AssertionError):
    """A promise was not kept."""


@dataclass
class Outlet:
    """Our direction of a channel."""

    label: str
    lane: Lane
    channel: int
    sizes: list[int] = field(default_factory=list)

    def payload(self, number: int) -> bytes:
        """Message `number`: no two are alike, wherever they are cut."""
        size = self.sizes[number]
        start = (number * 37 + len(self.label)) % 1_000
        return (number.to_bytes(4) + _BLOB[start : start + max(0, size - 4)])[:size]


@dataclass
class Inlet:
    """The peer's direction of a channel, its messages handled one after another."""

    label: str
    channel: int
    handler: "Callable[[Inlet, MessageReceived], None]"
    queue: deque[MessageReceived] = field(default_factory=deque)
    received: int = 0
    count: int = 0
    busy: bool = False
    listening: bool = False
    times: list[float] = field(default_factory=list)
