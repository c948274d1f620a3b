"""Numbered frames on their way, and the packing of them."""

from typing import Final

import msgspec

from peers.codec.frames import Frame, Lane
from peers.session.events import Outbound
from peers.session.routing import Flight, Path

LOST: Final = 1
"""A frame is to be sent again by any path."""
DOUBTED: Final = 2
"""A frame is to be sent again, but only by a path that it has not taken yet."""


class Sent(msgspec.Struct):
    """A numbered frame until it is acknowledged."""

    frame: Frame
    cost: int
    charge: int
    message: Outbound
    by: tuple[Path, ...]
    """The path instances that carry it."""
    at: float
    done_before: int
    alone: bool = True
    """Sent once: its acknowledgement measures its path."""
    wanted: int = 0


class Packer:
    """Fills packets for one path."""

    __slots__ = ("_flights", "_frames", "_items", "_lane", "_path", "_size", "room")

    def __init__(self, path: Path, lane: Lane, room: float, flights: list[Flight]) -> None:
        self._path = path
        self._lane = lane
        self._flights = flights
        self._frames: list[Frame] = []
        self._items: list[Sent] = []
        self._size = 0
        self.room = room

    def add(self, item: Sent) -> None:
        """Put a frame into the packet, or into the next one if this one is full."""
        cost = item.cost
        if self._size + cost > self._path.packet and self._items:
            self.flush()
        self._frames.append(item.frame)
        self._items.append(item)
        self._size += cost
        self.room -= cost

    def flush(self) -> None:
        """End the packet."""
        if self._items:
            self._flights.append(Flight(self._path.instance, self._lane, self._frames, self._items, self._size))
            self._path.gave(self._size)
            self._frames, self._items, self._size = [], [], 0
