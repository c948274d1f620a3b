"""What a run has measured comes into its page, and nothing else changes there."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.network import tables

ROOT = Path(__file__).parents[2]
PARTS = ("run", "matrix", "idle", "bulk", "failover", "suspicions", "rivals", "chaos")
COUNTS = dict.fromkeys(("lost", "doubled", "disorder", "undelivered", "messages", "troubles"), 0)


def failure(gap: float, again: float | None, **more: Any) -> dict[str, Any]:
    common = {"kind": "failure", "scenario": "cut_both_ways", "load": "idle", "attempts": 2, "changes": 2}
    return {**COUNTS, **common, "gap": gap, "direct_again": again, **more}


def test_the_page_has_a_place_for_each_table() -> None:
    page = (ROOT / "docs/network.md").read_text()
    assert re.findall(r"<!-- measured: (\w+) -->", page) == list(PARTS)
    assert page.count("<!-- end -->") == len(PARTS)


def test_a_table_replaces_the_one_before_and_leaves_the_rest(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "one\n<!-- measured: run -->\nold\n<!-- end -->\ntwo\n<!-- measured: idle -->\nkept\n<!-- end -->\n"
    )
    tables.write(page, {"run": [r"new \1"]})
    assert page.read_text() == (
        "one\n<!-- measured: run -->\n\nnew \\1\n\n<!-- end -->\ntwo\n<!-- measured: idle -->\nkept\n<!-- end -->\n"
    )
    with pytest.raises(ValueError, match="no place for the table 'bulk'"):
        tables.write(page, {"bulk": []})


def test_failures_are_summed_and_their_gaps_ranked() -> None:
    rows = [failure(gap / 10, 1.0, lost=1) for gap in range(1, 21)]
    (line,) = tables.parts(rows)["idle"][2:]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1:] == ["20", "20", "0", "0", "0", "1.05 s", "1.90 s", "2.00 s", "1.0 s (worst 1.0 s)", "2", "2"]


@pytest.mark.parametrize(
    ("again", "told"),
    [([0.0, 0.0], "never left"), ([0.0, 3.0], "1.5 s (worst 3.0 s)"), ([None, 2.0], "2.0 s (worst 2.0 s), not in 1")],
)
def test_how_soon_the_path_was_direct_again(again: list[float | None], told: str) -> None:
    (line,) = tables.parts([failure(1.0, seconds) for seconds in again])["idle"][2:]
    assert line.split(" | ")[-3] == told


def test_a_cell_says_by_which_path_and_how_soon() -> None:
    common = {"kind": "matrix", "way": "stun", "first_message": 0.04, "faults": []}
    direct = {"path": "direct", "types": ["host", "relay"], "to_direct": 0.5}
    rows = [
        {**common, "routers": ["cone", "cone"], **direct},
        {**common, "routers": ["none", "cone"], "path": "relay", "types": None, "to_direct": None},
    ]
    text = "\n".join(tables.parts(rows)["matrix"])
    assert "| cone, cone | not run | direct, TURN (host/relay) 0.50 s | not run |" in text
    assert "| none, cone | not run | relay | not run |" in text
    assert "| STUN only | 1.00 | 1.00 | 1.00 |" in text


def cuts(gaps: list[float], again: list[float | None], **more: Any) -> dict[str, Any]:
    return {**COUNTS, "kind": "failover", "cut": "both", "load": "idle", "gaps": gaps, "again": again, **more}


def test_failover_counts_cuts_of_all_sessions_and_who_was_late() -> None:
    rows = [
        cuts([gap / 100 for gap in range(1, 20)], [1.0] * 19, lost=1),
        cuts([2.0, 3.0], [5.1, None], doubled=2),
        cuts([0.7], [0.5], cut="a", load="bulk"),
    ]
    both, one = tables.parts(rows)["failover"][2:]
    assert both.strip("| ").split(" | ") == [
        *("both ways", "idle", "21", "1", "2", "0", "0"),
        *("0.11 s", "2.00 s", "3.00 s", "median < 0.5 s, p95 < 1 s"),
        *("1.0 s (worst 5.1 s), not in 1", "2 of 21"),
    ]
    assert one.startswith("| one way: a is not heard | bulk | 1 |")
    assert one.endswith("| worst < 1.5 s | 0.5 s (worst 0.5 s) | 0 of 1 |")


def test_suspicions_of_all_runs_over_a_path_are_counted_by_ten_minutes() -> None:
    common = {**COUNTS, "kind": "suspicions", "road": "far"}
    rows = [
        {**common, "seconds": 300.0, "suspicions": 1, "left": 1, "gap": 0.5},
        {**common, "seconds": 900.0, "suspicions": 2, "left": 1, "gap": 0.25},
    ]
    (line,) = tables.parts(rows)["suspicions"][2:]
    title = "300 to 400 ms of round trip"
    assert line == f"| {title} | 1200 | 0 | 0 | 0 | 0 | 3 | 1.5 | 2 | 0.50 s |"


def test_the_runs_say_which_parts_were_made() -> None:
    run = {"kind": "run", "date": "today", "machine": "m", "python": "p", "packages": "q", "command": "c"}
    lines = tables.parts([{**run, "part": "failover", "seconds": 90.0}])["run"]
    assert lines[-1] == "| failover | today | 2 min | `c` |"
