"""How much may be on its way, judged by delay.

aiortc's SCTP sends more and more until packets are lost (RFC 9260 section 7.2). On a slow link that fills the queue
before it, and when that overflows it takes 1 s or more to mend, in which nothing gets through: neither a small message
nor the ping that proves the path alive. So the window shrinks as soon as packets queue for longer than `MOST_QUEUED`,
as with LEDBAT (RFC 6817), but never below a floor. At 1 Mbit/s with bulk both ways that makes the difference between
three suspicions in 25 s and none in 15.
"""

from typing import Final

MOST_QUEUED: Final = 0.1
"""Seconds that packets may wait in the queues of the path."""
FLOOR: Final = 9_600
"""Bytes that may always be on their way: 8 packets."""
FORGET: Final = 60.0
"""Seconds after which the shortest round trip is measured anew: the route may have become longer."""


class DelayLimit:
    """Says by how much to shrink the congestion window. Times in seconds, `now` monotonic."""

    def __init__(self) -> None:
        self._shortest: float | None = None
        self._shortest_before: float | None = None
        self._renew_at = 0.0
        self._rest_until = 0.0
        self._last = 0.0

    def measured(self, round_trip: float, now: float) -> None:
        """A round trip, as long as it really took: not smoothed, which would be late."""
        self._last = round_trip
        if self._shortest is None or now >= self._renew_at:
            self._shortest_before, self._shortest = self._shortest, round_trip
            self._renew_at = now + FORGET
        self._shortest = min(self._shortest, round_trip)

    def limit(self, window: int, now: float) -> int:
        """The window in bytes, smaller if packets have queued for too long. At most once in a round trip."""
        if self._shortest is None or now < self._rest_until:
            return window
        shortest = min(self._shortest, self._shortest_before or self._shortest)
        allowed = shortest + MOST_QUEUED
        if self._last <= allowed or window <= FLOOR:
            return window
        self._rest_until = now + self._last
        return max(FLOOR, int(window * allowed / self._last))
