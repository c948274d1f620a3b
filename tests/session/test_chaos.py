"""S1, S2 and K3 in a hostile world, and what happens there without each of their rules.

EITHERWAY_SEEDS=5000 runs as many worlds (about 30 a second).
"""

import os
from collections.abc import Callable

import pytest

from peers.session import handshake, link_core, seal
from peers.session.binding import Binding, EndedHalves
from tests.session import chaos
from tests.session.pair import Side

SEEDS = int(os.environ.get("EITHERWAY_SEEDS", "200"))
BATCH = 50


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
@pytest.mark.timeout(120)
def test_nothing_is_doubled_swapped_or_unaccounted_for(first: int) -> None:
    delivered = sum(len(chaos.run(seed).delivered) for seed in range(first, min(first + BATCH, SEEDS)))
    assert delivered > 5 * min(BATCH, SEEDS - first), "worlds in which nothing happens prove nothing"


Rule = tuple[object, str, Callable[..., object] | float]

RULES: dict[str, Rule] = {
    "what ended here stays ended": (EndedHalves, "discard", lambda *_: None),
    "a session that ended there ends here": (Binding, "is_over", lambda self, said: False),
    "the peer's `ended` ends mine": (
        Binding,
        "is_over",
        lambda self, said: self.bound is not None and said.own > self.bound,
    ),
    "a later half of the peer ends mine": (Binding, "is_over", lambda self, said: said.ended >= self.own),
    "old halves are not let in": (Binding, "is_stale", lambda self, said: False),
    "ended halves are not let in": (
        Binding,
        "is_stale",
        lambda self, said: self.bound is not None and said.own < self.bound,
    ),
    "halves before the bound one are not let in": (Binding, "is_stale", lambda self, said: said.own <= self.ended),
    "who addresses another session is told": (Binding, "is_elsewhere", lambda self, said: False),
    "who is out of date is told": (handshake.Schedule, "want_soon", lambda self, now: None),
    "message 1 is repeated": (
        handshake.Schedule,
        "sent",
        lambda self, now: setattr(self, "due", float("inf")),
    ),
    "unknown keys are hinted at": (link_core, "HINT_EVERY", float("inf")),
    "four keys are kept": (seal, "KEPT_KEYS", 1),
}
"""Each rule, and how to break it. None of these is carried by another rule."""


def run_all(seeds: int) -> None:
    for seed in range(seeds):
        chaos.run(seed)


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_is_needed(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, broken = RULES[rule]
    monkeypatch.setattr(owner, name, broken)
    with pytest.raises(chaos.Broken):
        run_all(600)


def test_a_world_notices_a_swap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check itself: a receiver that turns two messages round is caught."""
    poll = Side.poll

    def swapped(self: Side, now: float) -> None:
        poll(self, now)
        self.received.reverse()

    monkeypatch.setattr(Side, "poll", swapped)
    with pytest.raises(chaos.Broken, match="after"):
        run_all(50)
