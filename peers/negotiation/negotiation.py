"""The core of S9. The side with the lower id offers, so there is no glare; each attempt is a fresh connection.

    ============ ============================== ==============================
    phase        the offering side waits for    the answering side waits for
    ============ ============================== ==============================
    (none)       the time of the next try       an ``offer``, asking by ``request``
    DESCRIBING   `offer_ready`                  `answer_ready`
    OFFERED      an ``answer``
    CONNECTING   `opened`                       `opened`
    OPEN         `adopted`                      `adopted`
    ============ ============================== ==============================

`adopted` makes an attempt the live one, and only then is the one before it abandoned. `ended` and the deadline lead
back to (none), and to another try after a while.
"""

import random
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from peers.negotiation import signals
from peers.negotiation.attempt import DEADLINE, GRACE, Attempt, Candidate, Overtakers, Phase
from peers.negotiation.events import Abandon, Event, MakeAnswer, MakeOffer, SendSignal, TakeAnswer, TakeCandidate
from peers.negotiation.retry import AGAIN, DOUBT, PATIENCE, RETRY, STEADY, Allowance, Retry


class Negotiation:
    """The attempts of one link. Any call that takes `now` may leave events for `next_event`."""

    def __init__(self, *, offers: bool, rng: random.Random, now: float) -> None:
        self._offers = offers
        self._allowed = False
        self._wanted = False
        self._unreachable = False
        self._last = 0  # number of the last attempt made or seen in this session
        self._current: Attempt | None = None
        self._live: int | None = None
        self._live_since = now
        self.silent = False
        """The live path is suspect, and has not answered since."""
        self._retry = Retry(rng, now)
        self._allowance = Allowance(now)
        self._overtakers = Overtakers()
        self._events: deque[Event] = deque()
        self.begun = 0  # attempts, in all sessions
        self.ignored: Counter[str] = Counter()
        """Signals of the peer's that were dropped, by reason."""

    @property
    def live(self) -> int | None:
        """The attempt whose path is in use."""
        return self._live

    @property
    def in_progress(self) -> int | None:
        """The attempt under way, perhaps beside a live one."""
        return None if self._current is None else self._current.number

    # ---- what the owner wishes

    def set_allowed(self, allowed: bool, now: float) -> None:
        """Whether both sides allow direct paths. When they don't any more, those that there are go."""
        if allowed == self._allowed:
            return
        self._allowed = allowed
        if allowed:
            self._try_soon(now)
        else:
            self._abandon_all("direct paths are not allowed")
            self._retry.at = None

    def want(self, now: float) -> None:
        """Get a direct path, and another one whenever it ends."""
        self._wanted = True
        if self._retry.at is None:
            self._try_soon(now)

    def traffic(self, now: float) -> None:
        """Something was sent or received on this link."""
        self._retry.traffic(now)

    def reset(self, now: float) -> None:
        """A new session: the paths of the old one go with it, and attempts are numbered from 1 again."""
        self._abandon_all("the session ended")
        self._overtakers.clear()
        self._last = 0
        self._retry.succeeded(now)
        # Not at once: an end of the old attempt 1 that is still to be told must not be taken for one of the new.
        self._try_again(now)

    def unreachable(self) -> None:
        """Signals do not get through, until `reachable`: whatever were tried would be in vain."""
        self._unreachable = True
        self._retry.at = None

    def reachable(self, now: float) -> None:
        """Signals get through, after a time in which they did not: what was tried meanwhile was in vain.

        It counts as one of the attempts that a peer may bring about, since its coming and going leads here.
        """
        self._unreachable = False
        if not self._wanted:
            return
        if not self._allowance.take(now):
            if self._retry.at is None and self._lacks_path():
                self._retry.soon(now, RETRY)
            return
        self._retry.succeeded(now)
        if self._current is not None and self._current.phase in (Phase.DESCRIBING, Phase.OFFERED):
            self._events.append(Abandon(self._current.number, "its signals were lost"))
            self._current = None
        elif self._current is not None and self._current.phase is Phase.CONNECTING:
            self._current.hurry(now)
        self._try_again(now)

    # ---- what the connection tells

    def offer_ready(self, attempt: int, description: dict[str, Any], now: float) -> None:
        """Our offer can leave."""
        if (current := self._at(attempt, Phase.DESCRIBING)) is not None and self._offers:
            current.offer_hash = signals.hash_of(description)
            current.phase, current.description = Phase.OFFERED, description
            current.said(now)
            self._say(current, "offer")

    def answer_ready(self, attempt: int, description: dict[str, Any], now: float) -> None:
        """The offer has been taken, and our answer can leave."""
        if (current := self._at(attempt, Phase.DESCRIBING)) is not None and not self._offers:
            current.phase = Phase.CONNECTING
            current.description = {**description, "offer": current.offer_hash}
            self._say(current, "answer")
            self._take_candidates(current)

    def candidate_found(self, attempt: int, candidate: Candidate, now: float) -> None:
        """Another candidate of ours; None: there are no more."""
        current = self._current
        if current is not None and current.number == attempt and current.phase is not Phase.OPEN:
            current.ours.put(candidate)
            if current.phase is not Phase.DESCRIBING:
                self._send_candidates(current, current.ours.take())

    def opened(self, attempt: int, now: float) -> None:
        """The connection is open. It is adopted when the session has had an answer on it."""
        if (current := self._at(attempt, Phase.CONNECTING)) is not None:
            current.phase = Phase.OPEN

    def adopted(self, attempt: int, now: float) -> None:
        """The peer has answered on the new path: it is the live one now."""
        if self._current is None or self._current.number != attempt:
            return
        self._current = None
        if self._live is not None:
            self._events.append(Abandon(self._live, f"attempt {attempt} has taken over"))
        self._live, self._live_since, self.silent = attempt, now, False
        self._retry.at = None

    def suspected(self, attempt: int, now: float) -> None:
        """The session suspects the live path: if it stays silent for a while, another one is tried beside it.

        What has changed for good (an address, a router's memory, a TURN server) brings no old path back, and ICE takes
        30 s to give one up (RFC 7675).
        """
        if attempt == self._live:
            self.silent = True
            if now - self._live_since >= STEADY:
                self._retry.lost(now)
            if self._lacks_path():
                self._retry.soon(now, DOUBT)

    def answers(self, attempt: int, now: float) -> None:
        """A path that was suspect has answered: it will be of use again, and no other one is needed."""
        if attempt == self._live and self.silent:
            self.silent = False
            if self._current is None:
                self._retry.at = None

    def ended(self, attempt: int, now: float) -> None:
        """The connection of an attempt is gone, whatever ended it."""
        if self._current is not None and self._current.number == attempt:
            self._current = None
            self._try_later(self._retry.failed, now)
        elif self._live == attempt:
            self._live, self.silent = None, False
            if now - self._live_since < STEADY:
                self._try_later(self._retry.flapped, now)
            else:
                self._retry.lost(now)
                self._retry.succeeded(now)
                self._try_again(now)

    # ---- what the peer says

    def receive(self, kind: str, attempt: int, payload: object, now: float) -> None:
        """Take a signal, unsealed. What is stale, late or nonsense is counted in `ignored`, and has no effect."""
        if not self._allowed:
            reason = "not-allowed"
        elif not signals.is_attempt(attempt):
            reason = "nonsense"
        elif kind == "request" and self._offers:
            reason = self._receive_request(payload, now)
        elif kind == "offer" and not self._offers:
            reason = self._receive_offer(attempt, payload, now)
        elif kind == "answer" and self._offers:
            reason = self._receive_answer(attempt, payload)
        elif kind == "candidate":
            reason = self._receive_candidate(attempt, payload)
        else:
            reason = "nonsense"
        if reason:
            self.ignored[reason] += 1

    def _receive_request(self, payload: object, now: float) -> str:
        seen = payload.get("seen") if isinstance(payload, dict) else None
        if not isinstance(seen, int) or not signals.is_attempt(seen) or seen > self._last:
            return "nonsense"
        if self._current is not None:
            return "in-progress"
        if self._live is not None and self._live > seen:
            return "stale"
        if not self._allowance.take(now):
            return "too-many"
        self._begin(self._last + 1, now)
        return ""

    def _receive_offer(self, attempt: int, payload: object, now: float) -> str:
        copy = self._at(attempt, Phase.CONNECTING)
        if attempt <= self._last and copy is None:
            return "stale"
        if not isinstance(payload, dict) or not signals.is_description(payload, "offer"):
            return "nonsense"
        if copy is not None:
            return self._receive_copy(copy, payload, now)
        if not self._allowance.take(now):
            return "too-many"
        if self._current is not None:
            self._events.append(Abandon(self._current.number, f"the peer has begun attempt {attempt}"))
        self._retry.heard()
        self._begin(attempt, now, payload)
        return ""

    def _receive_copy(self, current: Attempt, payload: dict[str, Any], now: float) -> str:
        """The offer has come before, so the answer to it has not arrived, or not yet."""
        if signals.hash_of(payload) != current.offer_hash:
            return "stale"
        if not self._allowance.take(now):
            return "too-many"
        self._say(current, "answer")
        return ""

    def _receive_answer(self, attempt: int, payload: object) -> str:
        current = self._at(attempt, Phase.OFFERED)
        if current is None:
            return "stale"
        if not isinstance(payload, dict) or not signals.is_description(payload, "answer"):
            return "nonsense"
        if payload.get("offer") != current.offer_hash:
            return "other-offer"
        current.phase = Phase.CONNECTING
        self._events.append(TakeAnswer(attempt, {"type": "answer", "sdp": payload["sdp"]}))
        self._take_candidates(current)
        return ""

    def _receive_candidate(self, attempt: int, payload: object) -> str:
        if not isinstance(payload, dict) or not signals.is_candidate(payload):
            return "nonsense"
        candidate = signals.candidate_of(payload)
        current = self._current
        if current is not None and current.number == attempt and current.phase is not Phase.OPEN:
            if not current.theirs.put(candidate):
                return "too-many"
            if current.phase is Phase.CONNECTING:
                self._take_candidates(current)
            return ""
        if self._offers or attempt <= self._last:
            return "stale"
        return "" if self._overtakers.put(attempt, candidate) else "too-many"

    # ---- time

    def next_timeout(self) -> float | None:
        """When `handle_timeout` wants to be called; None: never, as things are."""
        current = self._current
        if current is None:
            return self._retry.at
        return min(current.deadline, current.again_at) if current.phase is Phase.OFFERED else current.deadline

    def handle_timeout(self, now: float) -> None:
        """Give up what is late, and try what is due."""
        if self._current is not None:
            late = self._current
            if now < late.deadline:
                if late.phase is Phase.OFFERED and now >= late.again_at:
                    late.said(now)
                    self._say(late, "offer")
                return
            self._current = None
            if late.hurried:
                self._events.append(Abandon(late.number, f"not adopted within {GRACE:g} s of signals getting through"))
                self._try_again(now)
            else:
                self._events.append(Abandon(late.number, f"not adopted within {DEADLINE:g} s"))
                self._try_later(self._retry.timed_out, now)
        elif self._retry.at is not None and now >= self._retry.at:
            self._try(now)

    def next_event(self) -> Event | None:
        """The next thing to be done; None: nothing."""
        return self._events.popleft() if self._events else None

    # ---- helpers

    def _at(self, attempt: int, phase: Phase) -> Attempt | None:
        current = self._current
        return current if current is not None and current.number == attempt and current.phase is phase else None

    def _begin(self, number: int, now: float, offer: dict[str, Any] | None = None) -> None:
        self._last = number
        self._retry.at = None
        self.begun += 1
        theirs = self._overtakers.take(number)
        if offer is None:
            self._current = Attempt(number, now, theirs)
            self._events.append(MakeOffer(number))
        else:
            self._current = Attempt(number, now, theirs, signals.hash_of(offer))
            self._events.append(MakeAnswer(number, {"type": "offer", "sdp": offer["sdp"]}))

    def _try(self, now: float) -> None:
        if self._offers:
            self._begin(self._last + 1, now)
        else:
            self._events.append(SendSignal("request", self._last, {"seen": self._last}))
            # Should no offer come of it, this was a failure; if one does, `heard` says that it was none.
            self._retry.failed(now)

    def _lacks_path(self) -> bool:
        wants = self._wanted and self._allowed and not self._unreachable
        return wants and self._current is None and (self._live is None or self.silent)

    def _try_soon(self, now: float) -> None:
        if self._lacks_path():
            self._retry.soon(now, (0.0, 0.0) if self._offers else PATIENCE)
            self.handle_timeout(now)

    def _try_again(self, now: float) -> None:
        if self._lacks_path():
            self._retry.soon(now, AGAIN)

    def _try_later(self, told: Callable[[float], None], now: float) -> None:
        told(now)
        if not self._lacks_path():
            self._retry.at = None

    def _say(self, current: Attempt, kind: str) -> None:
        """Send our description, with every candidate found so far, for the first time or once more."""
        self._events.append(SendSignal(kind, current.number, current.description))
        self._send_candidates(current, current.ours.take_again())

    def _send_candidates(self, current: Attempt, candidates: list[Candidate]) -> None:
        for candidate in candidates:
            payload = signals.NO_MORE if candidate is None else candidate
            self._events.append(SendSignal("candidate", current.number, payload))

    def _take_candidates(self, current: Attempt) -> None:
        for candidate in current.theirs.take():
            self._events.append(TakeCandidate(current.number, candidate))

    def _abandon_all(self, reason: str) -> None:
        for number in (self.in_progress, self._live):
            if number is not None:
                self._events.append(Abandon(number, reason))
        self._current = self._live = None
        self.silent = False
