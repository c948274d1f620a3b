"""When a webhook that failed is tried again."""

from collections.abc import Callable
from typing import Final

FIRST: Final = 1.0
"""Seconds after the first failure; doubled with each ..."""
LONGEST: Final = 3_600.0
"""... up to so many."""
MOST_ASKED: Final = 86_400.0
"""A receiver may ask for a longer wait (`Retry-After`), up to so many seconds."""
MOST_FAILURES: Final = 86
"""After so many a webhook is a dead letter: three days, as in the specification's example of a schedule."""
STEADY: Final = 13
"""After so many failures the wait is the longest one."""
SPREAD: Final = 0.2
"""Each wait is longer or shorter by up to this part, so that what failed together doesn't come again together."""


def wait(failures: int, asked: float, draw: Callable[[], float]) -> float | None:
    """Seconds until the next try after so many failures; None: it was the last. `draw` gives a number from 0 to 1."""
    if failures >= MOST_FAILURES:
        return None
    seconds = min(FIRST * 2.0 ** (min(failures, STEADY) - 1), LONGEST) * (1 + SPREAD * (2 * draw() - 1))
    return max(seconds, min(asked, MOST_ASKED))
