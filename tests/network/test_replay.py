"""Chaos in the simulator: seeds of ten minutes each, and that a broken mechanism is found by them.

EITHERWAY_SEEDS=200 plays as many seeds, one pair of each (about three a second).
"""

import os
from typing import Any

import pytest

from tests.network import chaos, simulated
from tests.network.plan import OF_PEERS, OF_SERVERS, Plan, Trouble, plan
from tests.network.replay import Outcome, replay, replay_pair
from tests.network.simulated import road
from tests.sabotage.registry import SWITCHES
from tests.session.channels import Broken

SEEDS = int(os.environ.get("EITHERWAY_SEEDS", "40"))
BATCH = 10
SECONDS = 600.0


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_ten_minutes_of_chaos(first: int) -> None:
    results = [replay(seed, SECONDS, pairs=1) for seed in range(first, min(first + BATCH, SEEDS))]
    assert [fault for result in results for fault in result["faults"]] == []
    assert min(result["messages"] for result in results) > 100
    for what in ("suspicions", "attempts"):
        assert sum(result[what] for result in results) > 0, f"chaos without {what} proves nothing"


def test_a_seed_is_always_played_in_the_same_way() -> None:
    one, other = (replay(7, 60.0, pairs=2) for _ in range(2))
    assert one == other
    assert one["messages"] != replay(8, 60.0, pairs=2)["messages"]


@pytest.mark.parametrize("switch", ["copies", "order-buffer", "resend"])
def test_chaos_finds_what_is_broken(switch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    SWITCHES[switch].breaker(monkeypatch)
    assert any(replay(seed, SECONDS, pairs=1)["faults"] for seed in range(20))


def test_the_simulator_knows_every_trouble_of_the_laboratory() -> None:
    assert set(simulated.ACTS) == set(chaos.ACTS) == {*OF_PEERS, *OF_SERVERS}


def alone(what: str, whom: str, seconds: float, **more: Any) -> Outcome:
    """What comes of one trouble alone, 20 s after the beginning."""
    chosen = Plan(**{"kinds": ("cone", "cone"), "way": "stun", "delays": (0.01, 0.01), "troubles": (), **more})
    trouble = Trouble(20.0, what, whom, seconds, 0.9)
    return replay_pair(chosen._replace(troubles=(trouble,)), 1, 20.0 + seconds + 40.0, (0, 1))


def test_a_quiet_pair_goes_direct_and_stays_there() -> None:
    assert alone("reorder", "a", 1.0)[1:] == (0, 0, 1, 1)


@pytest.mark.parametrize("whom", ["a", "b"])
def test_a_cut_is_suspected(whom: str) -> None:
    outcome = alone("cut", whom, 10.0)
    assert outcome.suspicions > 0
    assert outcome.attempts == 2
    assert outcome.sessions == 1


def test_who_roams_needs_another_direct_path() -> None:
    assert alone("roam", "b", 10.0).attempts >= 3


def test_a_killed_turn_server_takes_the_direct_path_with_it() -> None:
    outcome = alone("kill TURN", "turn", 8.0, kinds=("symmetric", "symmetric"), way="turn-udp")
    assert outcome.suspicions > 0
    assert outcome.attempts >= 2


def test_a_killed_server_harms_no_direct_path() -> None:
    assert alone("kill server", "server", 10.0)[1:4] == (0, 0, 1)


def test_who_is_gone_past_the_grace_time_comes_back_to_another_session() -> None:
    outcome = alone("isolate", "a", 90.0)
    assert outcome.sessions == 2
    assert outcome.undelivered > 0


def test_a_shorter_absence_ends_no_session() -> None:
    outcome = alone("isolate", "a", 25.0)
    assert (outcome.sessions, outcome.undelivered) == (1, 0)


@pytest.mark.parametrize(
    ("one", "other", "way", "leads"),
    [
        ("cone", "double", "stun", "direct"),
        ("none", "symmetric", "none", "direct"),
        ("cone", "cone", "none", None),
        ("cone", "symmetric", "stun", None),
        ("cone", "symmetric", "turn-udp", "turn"),
        ("no-udp", "none", "turn-udp", None),
        ("no-udp", "tcp-443", "turn-tcp", "turn"),
    ],
)
def test_roads_are_those_of_the_laboratory(one: Any, other: Any, way: Any, leads: str | None) -> None:
    assert road(one, other, way) == leads == road(other, one, way)


def test_a_fault_names_the_seed_and_the_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Outcome:
        raise Broken("why")

    monkeypatch.setattr("tests.network.replay.replay_pair", broken)
    result = replay(3, 60.0)
    assert len(result["faults"]) == result["pairs"] == len(plan(3, 60.0).kinds) * (len(plan(3, 60.0).kinds) - 1) // 2
    assert result["faults"][0] == "seed 3, a and b: Broken('why')"
