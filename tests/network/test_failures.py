"""A few of the failures in mid-stream, once each; `make network-lab` runs them all, twenty times."""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.network.failures import DIRECT_AGAIN, Load, run_failure
from tests.network.scenarios import SCENARIOS
from tests.network.stage import side_by_side
from tests.network.turn import why_no_turn

pytestmark = [pytest.mark.network, pytest.mark.slow]


class Expected(NamedTuple):
    """How long the longest gap may be, in seconds: a few times what is measured, since several labs share a machine
    here. How many attempts and changes of the path there may be."""

    gap: float
    attempts: int = 2
    changes: int = 2


SELECTION: dict[tuple[str, Load], Expected] = {
    ("server_and_direct_gone_25_s", "idle"): Expected(35, attempts=3),
    # To the relay; to the suspect path when the server has given up the one that is stopped, and there is no relay any
    # more; when it goes on, to the relay, if that is back before three pongs have come; and to direct.
    ("program_stopped", "idle"): Expected(23, attempts=3, changes=4),
    # On a machine that five labs keep busy the path that is back may be suspect once more.
    ("cut_both_ways", "bulk"): Expected(3, changes=4),
    ("cut_from_a", "idle"): Expected(3, changes=4),
    ("cut_from_b", "idle"): Expected(3, changes=4),
    ("address_change", "idle"): Expected(4, attempts=3, changes=4),
    ("turn_killed", "idle"): Expected(3, attempts=3),
    ("server_killed_under_relay", "idle"): Expected(10),
}


async def test_failures_in_mid_stream_harm_no_message(labs_work: None, tmp_path: Path) -> None:
    """And where there was a direct path, there is one again, without a storm of attempts and without flapping."""
    if (reason := why_no_turn()) is not None:
        pytest.skip(reason)
    works = [partial(run_failure, SCENARIOS[name], load, tmp_path / f"{name}-{load}") for name, load in SELECTION]
    results = await side_by_side(works, 5)
    wrong = []
    for ((name, load), expected), result in zip(SELECTION.items(), results, strict=True):
        print(name, load, result)
        again = result["direct_again"]
        direct = SCENARIOS[name].path == "direct"
        checks = {
            "no fault": not result["faults"] and result["trouble"] is None,
            "nothing given up": result["undelivered"] == 0,
            "the gap": result["gap"] <= expected.gap,
            "direct again": not direct or (again is not None and again <= DIRECT_AGAIN),
            "attempts": result["attempts"] <= expected.attempts,
            "changes": result["changes"] <= expected.changes,
        }
        wrong += [(name, load, what, result) for what, holds in checks.items() if not holds]
    assert wrong == []
