"""One attempt as the negotiation sees it, and the candidates that wait for a description."""

import enum
import math
from typing import Any, Final

DEADLINE: Final = 15.0
"""Seconds that an attempt has, from its beginning until it is adopted."""
GRACE: Final = 1.0
"""Seconds that are left to an attempt that is connecting when signals get through after a time in which they did not:
those that it still needs may be lost."""
SAY_AGAIN: Final = 1.0
"""Seconds after which an offer without an answer is sent again; doubled each time. Signals may be lost or overtaken."""
MAX_CANDIDATES: Final = 64
"""Candidates of one attempt that are taken from the peer, and as many that are sent."""
MAX_HELD_ATTEMPTS: Final = 2
"""Attempts whose candidates may wait for an offer that they have overtaken."""

Candidate = dict[str, Any] | None
"""An RTCIceCandidateInit; None: there are no more."""


class Phase(enum.Enum):
    """How far an attempt has come."""

    DESCRIBING = enum.auto()
    OFFERED = enum.auto()
    CONNECTING = enum.auto()
    OPEN = enum.auto()


class Queue:
    """Candidates on their way, in one direction: they wait for a description, and are bounded in number."""

    def __init__(self, waiting: list[Candidate] | None = None) -> None:
        self._waiting = waiting or []
        self._taken: list[Candidate] = []
        self._left = MAX_CANDIDATES - len(self._waiting)

    def put(self, candidate: Candidate) -> bool:
        """Add one; False if there have been too many."""
        if self._left <= 0:
            return False
        self._left -= 1
        self._waiting.append(candidate)
        return True

    def take(self) -> list[Candidate]:
        """All that wait."""
        waiting, self._waiting = self._waiting, []
        self._taken += waiting
        return waiting

    def take_again(self) -> list[Candidate]:
        """All that there have been so far."""
        self._waiting, self._taken = self._taken + self._waiting, []
        return self.take()


class Attempt:
    """The attempt in progress."""

    def __init__(self, number: int, now: float, theirs: list[Candidate], offer_hash: str = "") -> None:
        self.number = number
        self.deadline = now + DEADLINE
        self.hurried = False
        self.phase = Phase.DESCRIBING
        self.offer_hash = offer_hash
        """What the answer must say of the offer (K5)."""
        self.description: dict[str, Any] = {}
        """What was sent: our offer or answer."""
        self.again_at = math.inf
        """When to send it again."""
        self._pause = SAY_AGAIN
        self.theirs = Queue(theirs)
        self.ours = Queue()

    def said(self, now: float) -> None:
        """Our offer leaves: it is sent again if no answer comes."""
        self.again_at, self._pause = now + self._pause, self._pause * 2

    def hurry(self, now: float) -> None:
        """Leave it no more than `GRACE`."""
        if now + GRACE < self.deadline:
            self.deadline, self.hurried = now + GRACE, True


class Overtakers:
    """Candidates of attempts to come: a signal may overtake the offer that it belongs to."""

    def __init__(self) -> None:
        self._of: dict[int, Queue] = {}

    def put(self, attempt: int, candidate: Candidate) -> bool:
        """Keep one; False if there are too many."""
        if attempt not in self._of and len(self._of) >= MAX_HELD_ATTEMPTS:
            return False
        return self._of.setdefault(attempt, Queue()).put(candidate)

    def take(self, attempt: int) -> list[Candidate]:
        """Those of an attempt that begins. Those of earlier ones are forgotten: they will not come any more."""
        queue = self._of.get(attempt)
        self._of = {number: held for number, held in self._of.items() if number > attempt}
        return queue.take() if queue is not None else []

    def clear(self) -> None:
        """Forget them all."""
        self._of.clear()
