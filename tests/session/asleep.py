"""A program of a simulation that stalls: what happens to it meanwhile happens when it goes on, in the same order."""

from collections import deque
from collections.abc import Callable

from tests.session.network import Clock


class Asleep:
    """Whether one program is stalled, and what waits until it is not."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = 0.0
        self._waiting: deque[Callable[[], object]] = deque()
        self._catching_up = False

    def __bool__(self) -> bool:
        return self._clock.now < self._until

    def sleep(self, seconds: float) -> None:
        """Stall for so long from now on, or for longer if that was said already."""
        self._until = max(self._until, self._clock.now + seconds)
        self._clock.at(self._until, self._wake)

    def puts_off(self, call: Callable[[], object]) -> bool:
        """Whether `call` has to wait; then it is called in its turn."""
        if not self and (self._catching_up or not self._waiting):
            return False
        self._waiting.append(call)
        return True

    def _wake(self) -> None:
        if self:  # it was put to sleep for longer since
            return
        self._catching_up = True
        for _ in range(len(self._waiting)):
            self._waiting.popleft()()
        self._catching_up = False
