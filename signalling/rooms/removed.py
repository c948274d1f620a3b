"""Who was removed from a room: a program that has not heard of it, or that hears of it too late, stays out."""

from typing import Final

from signalling.protocol.errors import ProtocolError

MOST: Final = 16_384
"""Removals that are remembered; beyond that the oldest are forgotten."""


class Removed:
    """The incarnations that were removed. A higher one is a new decision to join, and is let in."""

    def __init__(self) -> None:
        self._incarnations: dict[tuple[str, str], int] = {}

    def add(self, room: str, peer: str, incarnation: int) -> None:
        """Remembers one that was removed."""
        self._incarnations.pop((room, peer), None)
        if len(self._incarnations) >= MOST:
            del self._incarnations[next(iter(self._incarnations))]
        self._incarnations[room, peer] = incarnation

    def check(self, room: str, peer: str, incarnation: int) -> None:
        """Raises ProtocolError `forbidden` for one that was removed, or that is older."""
        if incarnation <= self._incarnations.get((room, peer), -1):
            raise ProtocolError("forbidden", "this peer has been removed from the room: join it anew to come back")
