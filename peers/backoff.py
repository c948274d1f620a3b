"""How long to wait before trying again."""

import random


class Backoff:
    """Delays that double from `first` to `most` seconds, each drawn with full jitter.

    Full jitter (a uniform draw from nothing to the current bound) keeps a thousand clients of a restarted server
    from coming back at once. `first` is also the least bound, so that the first retry is quick.
    """

    def __init__(self, first: float = 0.25, most: float = 5.0, rng: random.Random | None = None) -> None:
        self._first, self._most = first, most
        self._rng = rng or random.Random()
        self._bound = first

    def next(self) -> float:
        """The next delay in seconds."""
        bound, self._bound = self._bound, min(self._most, self._bound * 2)
        return self._rng.uniform(bound / 4, bound)

    def reset(self) -> None:
        """Start over, after a success."""
        self._bound = self._first
