"""How long to wait before trying again."""

import random


class Backoff:
    """Delays between tries to reach a server: their bound doubles from `first` seconds on, each is drawn below it.

    `nobody` was there: that costs a server nothing, so the bound ends at `soon`, or at `late` once the outage has
    lasted for `patience` seconds. Somebody was there, who may have too much to do: it ends at `most`.

    The draw is uniform from a quarter of the bound to all of it: so a thousand clients of a restarted server come back
    over a second rather than at once, or over `late` seconds after a long outage.
    """

    def __init__(
        self,
        first: float = 0.25,
        soon: float = 1.0,
        late: float = 2.5,
        most: float = 5.0,
        patience: float = 10.0,
        rng: random.Random | None = None,
    ) -> None:
        self._first, self._soon, self._late, self._most, self._patience = first, soon, late, most, patience
        self._rng = rng or random.Random()
        self._bound = first

    def next(self, *, nobody: bool, outage: float = 0.0) -> float:
        """The next delay in seconds, `outage` seconds after the connection was lost."""
        most = self._most if not nobody else self._soon if outage < self._patience else self._late
        bound = min(self._bound, most)
        self._bound = min(bound * 2, most)
        return self._rng.uniform(bound / 4, bound)

    def after(self, asked: float) -> float:
        """The delay when the server has asked all its clients to stay away for so long: they do not end it at once."""
        return asked + self._rng.uniform(0.0, max(self._soon, asked / 2))

    def reset(self) -> None:
        """Start over: a connection has lasted."""
        self._bound = self._first
