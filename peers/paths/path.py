"""What a path promises: a dumb pipe of packets."""

from typing import Protocol

from peers.codec.frames import Lane

MAX_PATH_PACKET = 65_536
"""Bytes in the largest packet that a direct path carries; a relay path carries less (`limits.MAX_PACKET`)."""


class Path(Protocol):
    """One way for packets to travel between two programs, for as long as this instance lives.

    Packets of one lane arrive in order, whole and once; those of the datagram lane may also be missing or swapped.
    When a path has ended, an unknown tail of what was sent is missing: whoever needs it sends it again, elsewhere.

    The owner gives its callbacks when it makes the path, and none of them may raise:

    * ``on_packet(lane, packet)``: one packet from the other side.
    * ``on_drain()``: `waiting` has fallen, to a low mark or to nothing, so there is room again.
    * ``on_ended(reason)``: exactly once, whatever ended the path, `close` included. Nothing is called after it.
    """

    @property
    def waiting(self) -> int:
        """Bytes in this path's send buffer: taken by `send`, not yet handed on."""
        ...

    def send(self, lane: Lane, packet: bytes) -> None:
        """Queue one packet, of 1 byte or more. What is sent on a path that has ended is dropped.

        Raises:
            ValueError: the packet is empty, or too large for this path.
        """
        ...

    async def close(self) -> None:
        """End the path and give back its sockets and tasks. May be called at any time, and again."""
        ...
