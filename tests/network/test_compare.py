"""The script that compares what was sent with what arrived finds each fault there can be."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.network.session import COMPARE

Record = dict[str, Any]


def record(n: int, lane: str = "reliable") -> Record:
    return {"at": float(n), "lane": lane, "n": n, "digest": f"{lane} {n}", "path": "direct"}


def run(folder: Path, arrived: list[Record]) -> tuple[int, dict[str, Any]]:
    """Compare five messages sent on each lane with what arrived; nothing goes the other way."""
    sent = [record(n, lane) for n in range(1, 6) for lane in ("reliable", "bulk")]
    for name, records in {"a.sent": sent, "b.arrived": arrived, "b.sent": [], "a.arrived": []}.items():
        (folder / name).write_text("".join(json.dumps(record) + "\n" for record in records))
    done = subprocess.run([sys.executable, str(COMPARE), str(folder), "a", "b"], capture_output=True, check=False)
    figures: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, figures


def test_lanes_may_overtake_each_other(tmp_path: Path) -> None:
    code, figures = run(tmp_path, [record(n, lane) for lane in ("bulk", "reliable") for n in range(1, 6)])
    assert (code, figures["faults"]) == (0, [])
    assert figures["a to b"]["paths"] == {"direct": 10}
    assert figures["a to b"]["reliable"] == {"messages": 5, "slowest": 0.0, "longest_gap": 1.0}


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
