"""Every switch that needs no event loop, tried: the tests beside it notice. All others: `python -m tests.sabotage`."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import pytest

from tests.sabotage.nodes import is_quick
from tests.sabotage.registry import SWITCHES
from tests.sabotage.running import Result, run_switches

QUICK = [switch for switch in SWITCHES.values() if is_quick(switch)]
WAITING = ("refused-before-relayed", "incarnations-grow", "calls-end-with-the-connection")
"""Some of the others, as a sample: they take a second or two."""


@cache
def results() -> dict[str, Result]:
    """What became of each switch."""
    groups = [QUICK[::2], QUICK[1::2], *([SWITCHES[name]] for name in WAITING)]
    with ThreadPoolExecutor(2) as pool:
        return {result.switch.name: result for group in pool.map(run_switches, groups) for result in group}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", dict.fromkeys([*(switch.name for switch in QUICK), *WAITING]))
def test_what_is_broken_is_noticed(name: str) -> None:
    assert results()[name].gaps == ()


def test_a_switch_that_breaks_nothing_is_a_gap() -> None:
    """The runner itself."""
    harmless = SWITCHES["copies"]._replace(
        tests=("tests/session/test_order.py::test_lanes_do_not_wait_for_each_other",)
    )
    (result,) = run_switches([harmless])
    assert result.ran == 1
    assert result.gaps == (f"{harmless.tests[0]}: passed with it",)
    with pytest.raises(RuntimeError, match="not found"):
        run_switches([harmless._replace(tests=("tests/session/test_order.py::test_that_is_not_there",))])
