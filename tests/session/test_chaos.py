"""S1, S2 and K3 in a hostile world, and what happens there without each of their rules.

EITHERWAY_SEEDS=5000 runs as many worlds (about 30 a second).
"""

import os

import pytest

from tests.sabotage.registry import SWITCHES
from tests.session import chaos
from tests.session.pair import Side

SEEDS = int(os.environ.get("EITHERWAY_SEEDS", "200"))
BATCH = 50


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
@pytest.mark.timeout(120)
def test_nothing_is_doubled_swapped_or_unaccounted_for(first: int) -> None:
    delivered = sum(len(chaos.run(seed).delivered) for seed in range(first, min(first + BATCH, SEEDS)))
    assert delivered > 5 * min(BATCH, SEEDS - first), "worlds in which nothing happens prove nothing"


NEEDED = (
    "ended-halves",
    "over-there-over-here",
    "their-ended-ends-mine",
    "a-later-half-ends-mine",
    "stale-halves",
    "no-ended-half-again",
    "no-earlier-half",
    "message-1-is-for-this-session",
    "the-outdated-is-told",
    "message-1-again",
    "hint",
    "four-keys",
)
"""Switches of which each breaks a promise in some world: none of these rules is carried by another."""


def run_all(seeds: int) -> None:
    for seed in range(seeds):
        chaos.run(seed)


@pytest.mark.parametrize("switch", NEEDED)
def test_each_rule_is_needed(switch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    SWITCHES[switch].breaker(monkeypatch)
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
