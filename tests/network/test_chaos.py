"""Chaos: what a seed stands for, and a short one."""

from pathlib import Path

import pytest

from tests.network.chaos import ACTS, run_chaos
from tests.network.plan import plan

SEED = 7


def test_a_seed_always_makes_the_same_plan() -> None:
    assert plan(SEED, 60) == plan(SEED, 60)
    assert plan(SEED, 60) != plan(SEED + 1, 60)


def test_seeds_make_plans_of_all_that_there_is() -> None:
    plans = [plan(seed, 60) for seed in range(50)]
    assert {trouble.what for each in plans for trouble in each.troubles} == set(ACTS)
    assert {len(each.kinds) for each in plans} == {3, 4, 5, 6}


def test_one_host_has_one_trouble_at_a_time() -> None:
    for seed in range(50):
        for whom in {trouble.whom for trouble in plan(seed, 60).troubles}:
            end = 0.0
            for trouble in (trouble for trouble in plan(seed, 60).troubles if trouble.whom == whom):
                assert trouble.at >= end
                end = trouble.at + trouble.seconds


@pytest.mark.network
@pytest.mark.slow
async def test_in_chaos_every_message_arrives(labs_work: None, tmp_path: Path) -> None:
    result = await run_chaos(SEED, 12, tmp_path / "chaos")
    print(result)
    assert (result["faults"], result["trouble"]) == ([], None)
