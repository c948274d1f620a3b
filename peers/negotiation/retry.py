"""When to try again, and how often the peer may make us try."""

import random
from typing import Final

RETRY: Final = (1.0, 4.0)
"""Seconds, drawn evenly, until the first retry after a failure; doubled with each further failure ..."""
RETRY_MOST: Final = 60.0
"""... up to this many. A link without recent traffic waits that long at once."""
MENDING: Final = 300.0
"""Seconds after the loss of a steady path in which an attempt that came to nothing does not put off the next ..."""
MENDED: Final = (0.5, 2.0)
"""... by more than this: the network may be back at any time, and an attempt is itself the test of that."""
RECENT: Final = 30.0
"""Seconds for which traffic is recent."""
AGAIN: Final = (0.05, 0.25)
"""Seconds until a direct path that ended is replaced: little, but not the same on all links at once."""
DOUBT: Final = (2.0, 3.0)
"""Seconds that a suspect path may stay silent before another one is tried beside it."""
PATIENCE: Final = (0.1, 0.2)
"""Seconds that the answering side waits for an offer before it asks for one: the other side is often as eager."""
STEADY: Final = 10.0
"""Seconds after which a direct path that ends is no failure. Else one that flaps would be retried without end."""


class Retry:
    """The time of the next try on one link."""

    def __init__(self, rng: random.Random, now: float) -> None:
        self._rng = rng
        self._failures = 0
        self._not_before = now
        self._mending_until = now
        self._traffic_at = now - RECENT
        self._idle = False
        self.at: float | None = None
        """When the next try is due; None: not at all."""

    def soon(self, now: float, window: tuple[float, float]) -> None:
        """Try within so many seconds, but not before the last failure allows."""
        self.at = max(now + self._rng.uniform(*window), self._not_before)
        self._idle = False

    def failed(self, now: float) -> None:
        """Try later, and later each time."""
        self._failures += 1
        # The exponent is bounded as well: failures grow for as long as the program lives.
        self._wait(min(self._rng.uniform(*RETRY) * 2.0 ** min(self._failures - 1, 10), RETRY_MOST), now)

    def timed_out(self, now: float) -> None:
        """An attempt had all its time, in vain. That is no failure while a network is mended; one that is quick is."""
        if now < self._mending_until:
            self._wait(self._rng.uniform(*MENDED), now)
        else:
            self.failed(now)

    def lost(self, now: float) -> None:
        """A steady path has gone, or does not answer."""
        self._mending_until = now + MENDING

    def flapped(self, now: float) -> None:
        """A path has gone that was not steady: to be quick would only bring the next of its kind."""
        self._mending_until = now
        self.failed(now)

    def _wait(self, seconds: float, now: float) -> None:
        self._not_before = now + seconds
        self._idle = now - self._traffic_at >= RECENT
        self.at = now + RETRY_MOST if self._idle else self._not_before

    def heard(self) -> None:
        """The peer took up what was asked of it: asking was no failure."""
        self._failures = max(0, self._failures - 1)
        self.at = None

    def succeeded(self, now: float) -> None:
        """There is nothing to make up for any more."""
        self._failures = 0
        self._not_before = now

    def traffic(self, now: float) -> None:
        """Something went over this link. A try that was put off for want of traffic comes forward."""
        self._traffic_at = now
        if self._idle and self.at is not None:
            self.at = max(now, self._not_before)
            self._idle = False


class Allowance:
    """How many attempts the peer may bring about: a burst, then one a second (S10)."""

    BURST: Final = 4.0

    def __init__(self, now: float) -> None:
        self._left, self._at = self.BURST, now

    def take(self, now: float) -> bool:
        """Whether one more is allowed now."""
        self._left = min(self.BURST, self._left + max(0.0, now - self._at))
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
