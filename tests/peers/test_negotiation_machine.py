"""Two negotiations over a network that loses and swaps signals: they agree in the end, and keep their bounds."""

import random
from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from peers.negotiation import Abandon, MakeAnswer, MakeOffer, Negotiation, SendSignal, TakeAnswer, TakeCandidate
from peers.negotiation.attempt import DEADLINE
from peers.negotiation.retry import RETRY_MOST


class Side:
    """A negotiation with a model of its owner: what it was told to connect, and what it has open."""

    def __init__(self, *, offers: bool, seed: int) -> None:
        self.core = Negotiation(offers=offers, rng=random.Random(seed), now=0.0)
        self.core.set_allowed(True, 0.0)
        self.connections: dict[int, dict[str, Any]] = {}
        self.outbox: list[tuple[str, int, dict[str, Any]]] = []
        self.to_describe: list[int] = []

    def run(self) -> None:
        while (event := self.core.next_event()) is not None:
            match event:
                case MakeOffer(attempt):
                    self._connect(attempt, None)
                case MakeAnswer(attempt, offer):
                    self._connect(attempt, offer["sdp"])
                case TakeAnswer(attempt, answer):
                    assert self.connections[attempt]["theirs"] is None
                    self.connections[attempt]["theirs"] = answer["sdp"]
                case TakeCandidate(attempt, _):
                    assert self.connections[attempt]["theirs"] is not None
                case SendSignal(kind, attempt, payload):
                    self.outbox.append((kind, attempt, payload))
                case Abandon(attempt, _):
                    del self.connections[attempt]

    def _connect(self, attempt: int, theirs: str | None) -> None:
        assert attempt not in self.connections
        self.connections[attempt] = {"ours": None, "theirs": theirs, "open": False}
        self.to_describe.append(attempt)

    def describe(self, now: float) -> None:
        """Gathering takes no time here, but others may come first."""
        attempts, self.to_describe = self.to_describe, []
        for attempt in attempts:
            connection = self.connections.get(attempt)
            if connection is None:
                continue
            kind = "offer" if connection["theirs"] is None else "answer"
            connection["ours"] = f"{kind} {attempt} {id(connection)}"
            ready = self.core.offer_ready if kind == "offer" else self.core.answer_ready
            ready(attempt, {"type": kind, "sdp": connection["ours"]}, now)
            self.core.candidate_found(attempt, {"candidate": "x"}, now)
            self.core.candidate_found(attempt, None, now)

    def lose(self, attempt: int, now: float) -> None:
        del self.connections[attempt]
        self.core.ended(attempt, now)


class TwoSides(RuleBasedStateMachine):
    """Any order of wishes, losses, swaps, cuts and time; now and then everything is allowed to settle."""

    @initialize(seed=st.integers(0, 2**32), wish=st.sampled_from(["both", "lower", "higher"]))
    def begin(self, seed: int, wish: str) -> None:
        self.now = 0.0
        self.lower, self.higher = Side(offers=True, seed=seed), Side(offers=False, seed=seed + 1)
        self.sides = (self.lower, self.higher)
        self.wire: list[tuple[Side, str, int, dict[str, Any]]] = []
        self.passes = True
        for side, name in ((self.lower, "lower"), (self.higher, "higher")):
            if wish in ("both", name):
                side.core.want(0.0)
        self.run()

    def run(self) -> None:
        for side in self.sides:
            side.run()
            other = self.higher if side is self.lower else self.lower
            self.wire += [(other, *signal) for signal in side.outbox]
            side.outbox.clear()

    def deliver(self, index: int) -> None:
        side, kind, attempt, payload = self.wire.pop(index)
        side.core.receive(kind, attempt, payload, self.now)
        self.run()

    @rule()
    def describe(self) -> None:
        for side in self.sides:
            side.describe(self.now)
        self.run()

    @precondition(lambda self: self.wire)
    @rule(data=st.data(), fate=st.sampled_from(["deliver", "deliver", "deliver", "lose", "double"]))
    def signal(self, data: st.DataObject, fate: str) -> None:
        index = data.draw(st.integers(0, len(self.wire) - 1))
        if fate == "double":
            self.wire.append(self.wire[index])
        if fate == "lose":
            self.wire.pop(index)
        else:
            self.deliver(index)

    @rule(seconds=st.floats(0.01, 20.0), traffic=st.booleans())
    def time(self, seconds: float, traffic: bool) -> None:
        until = self.now + seconds
        while True:
            due = [at for side in self.sides if (at := side.core.next_timeout()) is not None and at <= until]
            if not due:
                break
            self.now = max(self.now, min(due))
            for side in self.sides:
                side.core.handle_timeout(self.now)
                if traffic:
                    side.core.traffic(self.now)
            self.run()
        self.now = until

    @rule(of=st.sampled_from([0, 1]), answers=st.booleans())
    def doubt(self, of: int, answers: bool) -> None:
        core = self.sides[of].core
        if core.live is not None:
            (core.answers if answers else core.suspected)(core.live, self.now)
        self.run()

    @rule()
    def reachable(self) -> None:
        for side in self.sides:
            side.core.reachable(self.now)
        self.run()

    @rule(of=st.sampled_from([0, 1]))
    def unreachable(self, of: int) -> None:
        self.sides[of].core.unreachable()
        self.run()

    @rule()
    def cut(self) -> None:
        self.passes = False

    @rule()
    def heal(self) -> None:
        self.passes = True

    @rule()
    def connect(self) -> None:
        """Connections whose descriptions match open on both sides, if the network lets them."""
        if not self.passes:
            return
        for attempt, ours in list(self.lower.connections.items()):
            theirs = self.higher.connections.get(attempt)
            if theirs is None or ours["open"] or ours["ours"] is None:
                continue
            if ours["theirs"] == theirs["ours"] and theirs["theirs"] == ours["ours"]:
                for side in self.sides:
                    side.connections[attempt]["open"] = True
                    side.core.opened(attempt, self.now)
                for side in self.sides:
                    side.core.adopted(attempt, self.now)
                self.run()

    @precondition(lambda self: any(side.connections for side in self.sides))
    @rule(data=st.data(), both=st.booleans())
    def lose_path(self, data: st.DataObject, both: bool) -> None:
        side = data.draw(st.sampled_from([side for side in self.sides if side.connections]))
        attempt = data.draw(st.sampled_from(sorted(side.connections)))
        for one in self.sides if both else (side,):
            if attempt in one.connections:
                one.lose(attempt, self.now)
        self.run()

    @rule()
    def settle(self) -> None:
        """Signals get through and the network lets connections open: soon both sides are on the same path."""
        self.passes = True
        for side in self.sides:
            if side.core._unreachable:
                side.core.reachable(self.now)
        self.run()
        for _ in range(200):
            while self.wire or any(side.to_describe for side in self.sides):
                self.describe()
                while self.wire:
                    self.deliver(0)
            self.connect()
            if self.settled():
                return
            # A connection that one side alone has is found out by the other: ICE consent, or its deadline.
            for side in self.sides:
                other = self.higher if side is self.lower else self.lower
                for attempt in [a for a, c in side.connections.items() if c["open"] and a not in other.connections]:
                    side.lose(attempt, self.now)
            self.run()
            self.time_until_next()
        raise AssertionError(f"not settled: {[(s.core.live, s.core.in_progress, s.connections) for s in self.sides]}")

    def settled(self) -> bool:
        live = {side.core.live for side in self.sides}
        return len(live) == 1 and None not in live and all(side.core.in_progress is None for side in self.sides)

    def time_until_next(self) -> None:
        due = [at for side in self.sides if (at := side.core.next_timeout()) is not None]
        assert due, "nobody will ever try again"
        assert min(due) - self.now <= max(DEADLINE, RETRY_MOST) + 1e-6
        self.now = max(self.now, min(due))
        for side in self.sides:
            side.core.handle_timeout(self.now)
        self.run()

    @invariant()
    def at_most_one_attempt_beside_the_live_path(self) -> None:
        for side in getattr(self, "sides", ()):
            core = side.core
            expected = {number for number in (core.live, core.in_progress) if number is not None}
            assert set(side.connections) == expected

    @invariant()
    def attempts_are_bounded(self) -> None:
        for side in getattr(self, "sides", ()):
            # What the peer brings about: a burst, then one a second; and our own, after a failure 1 s apart.
            assert side.core.begun <= 2 * (5 + self.now)


TestTwoSides: Callable[..., Any] = TwoSides.TestCase
TwoSides.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
