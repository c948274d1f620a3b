"""What one side knows of one path: round trip, rate, when it was last heard and last proved (rule S7).

*Proof* is a pong to a ping sent on the path, or an acknowledgement that arrived on it and covers frames sent on it.
Just hearing the peer proves only that its direction works.
"""

from collections import deque

from peers.session.rules import Rules

NEVER = float("-inf")


class Longest:
    """The longest of the times noted in the last while: a queue whose values fall from its head on."""

    __slots__ = ("_keep", "_noted")

    def __init__(self, keep: float) -> None:
        self._keep = keep
        self._noted: deque[tuple[float, float]] = deque()

    def note(self, value: float, now: float) -> None:
        """Remember `value`."""
        noted = self._noted
        while noted and noted[-1][1] <= value:
            noted.pop()
        noted.append((now, value))
        while noted[0][0] < now - self._keep:
            noted.popleft()

    @property
    def value(self) -> float | None:
        """The longest, or None if nothing has been noted yet."""
        return self._noted[0][1] if self._noted else None


class Liveness:
    """The clocks of one path instance."""

    __slots__ = (
        "_rate_at",
        "_silences",
        "_unproved",
        "asked",
        "begun",
        "datagram_at",
        "done",
        "heard",
        "in_flight",
        "last_ping",
        "least",
        "pings",
        "pongs",
        "proof",
        "rate",
        "rules",
        "shortest",
        "since",
        "srtt",
        "suspect",
        "suspected_proof",
        "suspected_silence",
        "trusted",
    )

    def __init__(self, rules: Rules, now: float) -> None:
        self.rules = rules
        self.srtt: float | None = None
        self.least: float | None = None
        """The shortest round trip of a frame."""
        self.shortest: float | None = None
        """The shortest of any, pings' too."""
        self.rate = 0.0
        """Bytes a second that were acknowledged, at best in the last seconds."""
        self.begun = self.heard = self.proof = now
        self.asked: float | None = None
        """The oldest moment from which an answer is due, or None if nothing waits for one."""
        self.in_flight = 0
        """Bytes of frames sent by this instance and not acknowledged."""
        self.done = 0
        """Bytes of frames sent by this instance and acknowledged, ever."""
        self.pings: dict[int, float] = {}
        self.last_ping = NEVER
        self.datagram_at: float | None = None
        self.suspect = False
        self.since = NEVER
        self.trusted = NEVER
        """When it was trusted again."""
        self.pongs = 0
        self.suspected_silence: float | None = None
        self.suspected_proof: float | None = None
        self._rate_at = NEVER
        self._silences = Longest(rules.learned_for)
        self._unproved = Longest(rules.learned_for)

    def sent(self, now: float) -> None:
        """Something that the peer will answer was sent."""
        if self.asked is None:
            self.asked = now

    def hear(self, now: float) -> None:
        """Something arrived by this path."""
        if self.suspect:
            # The silence that made us suspicious ends well after all: the next one may be as long.
            if self.suspected_silence is not None:
                self._silences.note(now - self.suspected_silence, now)
                self.suspected_silence = None
        elif self.asked is not None:
            self._silences.note(now - max(self.asked, self.heard), now)
        self.heard = now

    def prove(self, now: float) -> None:
        """The peer has shown that what we send by this path arrives."""
        if self.suspect:
            if self.suspected_proof is not None:
                self._unproved.note(now - self.suspected_proof, now)
                self.suspected_proof = None
        elif self.asked is not None:
            self._unproved.note(now - max(self.asked, self.proof), now)
        self.proof = now
        self.asked = now if self.in_flight > 0 or self.pings or self.datagram_at is not None else None

    def released(self, cost: int) -> None:
        """Frames were acknowledged, by whatever path. `prove` or `quieten` comes next."""
        self.in_flight -= cost
        self.done += cost

    def quieten(self) -> None:
        """Forget the question if nothing waits for an answer any more."""
        if self.in_flight <= 0 and not self.pings and self.datagram_at is None:
            self.asked = None

    def sample(self, rtt: float) -> None:
        """A round trip was measured."""
        self.shortest = rtt if self.shortest is None else min(rtt, self.shortest)
        self.srtt = rtt if self.srtt is None else self.srtt + (rtt - self.srtt) / 8

    def measured(self, sent: float, done_before: int, now: float) -> None:
        """A frame sent once, by this path alone, was acknowledged on it: a round trip and a rate."""
        rtt = now - sent
        self.sample(rtt)
        if self.least is None or rtt < self.least:
            self.least = rtt
        rate = (self.done - done_before) / max(1e-3, rtt)
        if rate > self.rate or now - self._rate_at > 5:
            self.rate, self._rate_at = rate, now

    def ping(self, number: int, now: float) -> None:
        """A ping goes out."""
        self.pings[number] = now
        if len(self.pings) > self.rules.pongs_most:
            del self.pings[next(iter(self.pings))]
        self.last_ping = now
        if not self.suspect:
            self.sent(now)

    def pong(self, number: int, now: float) -> float | None:
        """A pong came in; when its ping was sent, or None for a pong to nothing. Pings before it were lost."""
        sent = self.pings.pop(number, None)
        if sent is None:
            return None
        for older in [n for n in self.pings if n < number]:
            del self.pings[older]
        self.sample(now - sent)
        if self.datagram_at is not None and sent >= self.datagram_at:
            self.datagram_at = None
        self.prove(now)
        return sent

    def late(self, by: float, now: float) -> None:
        """A timer came `by` seconds late: our own program stalled, which is not the peer's silence."""
        asked = self.asked if self.asked is not None else NEVER
        self.heard = min(now, max(asked, self.heard) + by)
        self.proof = min(now, max(asked, self.proof) + by)

    def _far(self) -> tuple[float, float]:
        """How long a silence, and how long a time without proof, is nothing unusual this far away."""
        far = self.rules.far_rtts * (self.shortest or 0.0)
        return far, 2 * far

    def _most(self) -> tuple[float, float]:
        """How long a silence, and how long a time without proof, may be learned."""
        silence, no_proof = self._far()
        return max(self.rules.silence_most, silence), max(self.rules.no_proof_most, no_proof)

    def patience(self) -> tuple[float, float]:
        """How long a silence, and how long a time without proof, is not yet suspicious once the path is not new."""
        rules = self.rules
        silence_most, no_proof_most = self._most()
        unlearned = rules.unlearned_rtts * (self.srtt if self.srtt is not None else rules.unknown_rtt)
        longest = self._silences.value
        learned = unlearned if longest is None else min(silence_most, rules.learned_factor * longest)
        silence = max(rules.silence, learned)
        longest = self._unproved.value
        learned = unlearned if longest is None else min(no_proof_most, rules.learned_factor * longest)
        no_proof = max(rules.no_proof, learned)
        if self.in_flight > rules.full:
            # What bulk has overfilled loses much at once, and its transport says nothing before its own timer has run
            # out. That comes too seldom to be learned.
            far = self._far()
            silence, no_proof = max(silence, far[0]), max(no_proof, far[1])
        return silence, no_proof

    def suspicious_at(self) -> float | None:
        """When this path becomes suspect if nothing more is heard; None while nothing is asked."""
        asked = self.asked
        if asked is None:
            return None
        heard, proof = max(asked, self.heard), max(asked, self.proof)
        silence, no_proof = self.patience()
        new = self.begun + self.rules.new_rtts * (self.shortest or 0.0)
        if heard < new or proof < new:
            # A transport begins slowly, and in a network that is full it loses its first packets.
            silence_most, no_proof_most = self._most()
            silence = max(silence, silence_most) if heard < new else silence
            no_proof = max(no_proof, no_proof_most) if proof < new else no_proof
        return min(heard + silence, proof + no_proof)

    def unproved_at(self) -> float | None:
        """When a ping is due because what is outstanding lacks proof; None while nothing is asked."""
        if self.asked is None:
            return None
        rules = self.rules
        wait = max(rules.ping_unproved, rules.ping_unproved_rtts * (self.srtt or 0.0))
        return max(self.asked, self.proof, self.last_ping) + wait

    def doubt(self, now: float) -> None:
        """Suspect this path from now on."""
        asked = self.asked if self.asked is not None else now
        self.suspected_silence = max(asked, self.heard)
        self.suspected_proof = max(asked, self.proof)
        self.suspect, self.since, self.pongs = True, now, 0
        self.pings.clear()

    def trust(self, now: float) -> None:
        """Suspect it no longer."""
        self.suspect, self.heard, self.proof, self.asked, self.trusted = False, now, now, None, now
        self.pings.clear()
