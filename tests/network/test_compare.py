"""The script that compares what was sent with what arrived finds each fault there can be."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.network.session import COMPARE

Record = dict[str, Any]


def record(n: int, lane: str = "reliable") -> Record:
    people = {"from": "a", "to": "b"}
    return {"at": float(n), "lane": lane, "n": n, "digest": f"{lane} {n}", "path": "direct", **people}


def run(
    folder: Path, arrived: list[Record], undelivered: Sequence[Record] = (), since: float = 0
) -> tuple[int, dict[str, Any]]:
    """Compare five messages sent on each lane with what arrived; nothing goes the other way."""
    sent = [record(n, lane) for n in range(1, 6) for lane in ("reliable", "bulk")]
    for name, records in {"a.sent": sent, "b.arrived": arrived, "a.undelivered": undelivered}.items():
        (folder / name).write_text("".join(json.dumps(record) + "\n" for record in records))
    done = subprocess.run(
        [sys.executable, str(COMPARE), str(folder), "a", "b", "--since", str(since)], capture_output=True, check=False
    )
    figures: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, figures


def test_lanes_may_overtake_each_other(tmp_path: Path) -> None:
    code, figures = run(tmp_path, [record(n, lane) for lane in ("bulk", "reliable") for n in range(1, 6)])
    assert (code, figures["faults"]) == (0, [])
    assert figures["a to b"]["paths"] == {"direct": 10}
    lane = figures["a to b"]["reliable"]
    assert (lane["messages"], lane["lost"], lane["slowest"], lane["longest_gap"]) == (5, 0, 0.0, 1.0)


FAULTS: dict[str, Callable[[list[Record]], object]] = {
    "never arrived": lambda arrived: arrived.pop(3),
    "arrived more than once": lambda arrived: arrived.append(arrived[-1]),
    "out of order": lambda arrived: arrived.reverse(),
    "not what was sent": lambda arrived: arrived[0].update(digest="other"),
    "never sent": lambda arrived: arrived.append(record(6)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(tmp_path: Path, fault: str) -> None:
    arrived = [record(n, lane) for n in range(1, 6) for lane in ("reliable", "bulk")]
    FAULTS[fault](arrived)
    code, figures = run(tmp_path, arrived)
    assert code == 1
    assert any(fault in found for found in figures["faults"])


def test_what_was_reported_to_its_sender_is_not_lost(tmp_path: Path) -> None:
    arrived = [record(n, lane) for n in range(1, 5) for lane in ("reliable", "bulk")]
    code, figures = run(tmp_path, arrived, [record(5)])
    assert code == 1
    assert figures["a to b"]["reliable"]["undelivered"] == 1
    assert figures["a to b"]["bulk"]["lost"] == 1


def test_gaps_count_from_a_time_on(tmp_path: Path) -> None:
    arrived = [{**record(n, lane), "at": float(n * n)} for n in range(1, 6) for lane in ("reliable", "bulk")]
    assert run(tmp_path, arrived)[1]["a to b"]["bulk"]["longest_gap"] == 9.0
    assert run(tmp_path, arrived, since=30)[1]["a to b"]["bulk"]["longest_gap"] == 0
