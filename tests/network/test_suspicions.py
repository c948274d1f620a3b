"""Healthy paths that look ill: how it is counted that one was given up. One of them is in test_failover.py."""

from tests.network.suspicions import ROADS, left


def test_leaving_the_direct_path_counts_and_coming_back_does_not() -> None:
    names = ("relay", "direct", "relay", "direct", "relay", "direct", "relay")
    paths = [{"at": float(at), "path": name} for at, name in enumerate(names)]
    assert left(paths, 10.0) == [2.0, 4.0, 6.0]
    assert left(paths, 5.5) == [2.0, 4.0]
    assert left(paths[:2], 10.0) == []


def test_every_way_of_being_slow_is_tried() -> None:
    assert {road.load for road in ROADS.values()} == {"idle", "bulk"}
    assert sum(road.freezes for road in ROADS.values()) >= 4
