"""How much may be on its way, judged by delay.

aiortc's SCTP sends more and more until packets are lost (RFC 9260 section 7.2). On a slow link that fills the queue
before it, and when that overflows it takes 1 s or more to mend, in which nothing gets through: neither a small message
nor the ping that proves the path alive. So the window shrinks as soon as packets queue for longer than `MOST_QUEUED`,
as with LEDBAT (RFC 6817), but never below a floor. At 1 Mbit/s with bulk both ways that makes the difference between
three suspicions in 25 s and none in 15.
"""

import math
from typing import Final

MOST_QUEUED: Final = 0.1
"""Seconds that packets may wait in the queues of the path."""
FLOOR: Final = 9_600
"""Bytes that may always be on their way: 8 packets."""
FORGET: Final = 30.0
"""Seconds for which the shortest round trip holds: the route may become longer."""
DRAINED: Final = 2_400
"""Bytes on their way while the queue is let run dry, so that the shortest round trip can be measured again."""


class DelayLimit:
    """Says how large the congestion window may be. Times in seconds, `now` monotonic."""

    def __init__(self) -> None:
        self._shortest = math.inf
        """What a round trip takes when nothing queues, as far as is known."""
        self._holds_until = 0.0
        self._last = 0.0
        self._rest_until = -math.inf
        self._kept: int | None = None
        """The window as it was; not None while the queue is let run dry."""
        self._drain_until = 0.0
        self._shortest_drained = math.inf

    def measured(self, round_trip: float, now: float) -> None:
        """A round trip as long as it really took: a smoothed one would be late."""
        self._last = round_trip
        if round_trip <= self._shortest:
            self._shortest = round_trip
            self._holds_until = now + FORGET
        if self._kept is not None:
            self._shortest_drained = min(self._shortest_drained, round_trip)

    def limit(self, window: int, now: float) -> tuple[int, bool]:
        """The window in bytes as it should be, and whether that is where its slow start should end.

        To be called for each acknowledgement, while the window is in use.
        """
        if self._kept is not None:
            return self._drain(now)
        if self._shortest == math.inf:
            return window, False
        if now >= self._holds_until:
            # Packets may have queued all this time: what round trips took then says nothing of the route.
            self._kept, self._drain_until = window, now + 2 * self._last
            self._shortest_drained = math.inf
            return DRAINED, False
        allowed = self._shortest + MOST_QUEUED
        if self._last <= allowed or window <= FLOOR or now < self._rest_until:
            return window, False
        # Once in a round trip: only then has it had an effect.
        self._rest_until = now + self._last
        return max(FLOOR, int(window * allowed / self._last)), True

    def _drain(self, now: float) -> tuple[int, bool]:
        if now < self._drain_until or self._kept is None:
            return DRAINED, False
        window, self._kept = self._kept, None
        self._shortest = min(self._shortest_drained, self._last)
        self._holds_until = now + FORGET
        return window, False
