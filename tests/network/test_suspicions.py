"""Healthy paths that look ill: how it is counted that one was given up, and one of them for some seconds."""

from pathlib import Path

import pytest

from tests.network.suspicions import ROADS, left, run_road


def test_leaving_the_direct_path_counts_and_coming_back_does_not() -> None:
    names = ("relay", "direct", "relay", "direct", "relay", "direct", "relay")
    paths = [{"at": float(at), "path": name} for at, name in enumerate(names)]
    assert left(paths, 10.0) == [2.0, 4.0, 6.0]
    assert left(paths, 5.5) == [2.0, 4.0]
    assert left(paths[:2], 10.0) == []


def test_every_way_of_being_slow_is_tried() -> None:
    assert {road.load for road in ROADS.values()} == {"idle", "bulk"}
    assert sum(road.freezes for road in ROADS.values()) >= 4


@pytest.mark.network
@pytest.mark.slow
async def test_a_far_path_that_freezes_goes_on_being_used(labs_work: None, tmp_path: Path) -> None:
    result = await run_road("far-freezes", 6.0, tmp_path / "far")
    print(result)
    assert (result["faults"], result["undelivered"]) == ([], 0)
    assert result["suspicions"] <= 1  # several labs share a machine here
    assert result["gap"] < 3
