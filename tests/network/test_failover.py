"""Cuts one after another within one session: how they are counted, and some of them, beside a healthy path."""

import json
from functools import partial
from pathlib import Path

import pytest

from tests.network.failover import batches, gap, late, run_failover
from tests.network.session import Session
from tests.network.stage import side_by_side
from tests.network.suspicions import run_road


def test_cuts_come_in_sessions() -> None:
    assert batches(100) == [20] * 5
    assert batches(45) == [20, 20, 5]


class Written(Session):
    """A session that is over, of which there is only what was written down."""

    def __init__(self, folder: Path, arrived: dict[str, list[tuple[float, str]]]) -> None:
        self.folder = folder
        self.peers = dict.fromkeys(arrived)  # type: ignore[assignment]
        for side, records in arrived.items():
            lines = [json.dumps({"at": at, "lane": lane}) + "\n" for at, lane in records]
            (folder / f"{side}.arrived").write_text("".join(lines))


def test_a_gap_is_that_of_who_waits_longest(tmp_path: Path) -> None:
    quiet = [(at / 10, "reliable") for at in range(100)]
    for_a = [record for record in quiet if not 2 < record[0] < 3 and not 5 < record[0] < 7]
    bulk = [(2.5, "bulk"), (6.0, "bulk")]
    talk = Written(tmp_path, {"a": sorted(for_a + bulk), "b": quiet})
    assert gap(talk, 2.0, 5.0) == pytest.approx(1.0)
    assert gap(talk, 5.0, 7.5) == pytest.approx(2.0)
    assert gap(talk, 8.0, 9.0) == pytest.approx(0.1)


def test_a_cut_after_which_nothing_comes_any_more(tmp_path: Path) -> None:
    heard = [(at / 10, "reliable") for at in range(100)]
    talk = Written(tmp_path, {"a": [(1.0, "reliable")], "b": heard})
    assert gap(talk, 2.0, 5.0) == 4.0


def test_who_is_late() -> None:
    assert late([0.0, 4.9, 5.1, None]) == 2


@pytest.mark.network
@pytest.mark.slow
async def test_dead_paths_are_given_up_again_and_again_and_a_far_one_is_not(labs_work: None, tmp_path: Path) -> None:
    works = [partial(run_failover, "both", "idle", 2, 0, tmp_path / "cuts")]
    works += [partial(run_road, "far-freezes", 8.0, tmp_path / "far")]
    cuts, far = await side_by_side(works, 2)
    print(cuts, far)
    assert (cuts["faults"], cuts["trouble"], cuts["undelivered"]) == ([], None, 0)
    assert len(cuts["gaps"]) == 2
    assert max(cuts["gaps"]) < 3  # several labs share a machine here
    assert max(cuts["again"]) < 20
    assert (far["faults"], far["undelivered"]) == ([], 0)
    assert far["suspicions"] <= 1
    assert far["gap"] < 3
