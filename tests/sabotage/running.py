"""Runs tests under switches, in processes of their own."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.sabotage.switch import Switch
from tests.sabotage.verdict import why_not

ROOT: Final = Path(__file__).parents[2]
LONGEST: Final = 45
"""Seconds for one test: what a switch has brought to a halt need not be waited for longer."""
WHOLE: Final = ("tests/session", "tests/protocol", "tests/vectors")
"""Folders that are quick enough to be run as a whole under every switch."""
LONG: Final = tuple(f"tests/session/test_{name}.py" for name in ("chaos", "failover", "lives", "machine"))
"""Files in them that are not: random runs of whole sessions, in which any broken rule may show."""

Noted = list[dict[str, Any]]
"""What became of tests, as the plugin noted it."""


class Result(NamedTuple):
    """What became of the tests beside a switch: how many ran, and which of them did not notice it, and why."""

    switch: Switch
    ran: int
    seconds: float
    gaps: tuple[str, ...]


class Others(NamedTuple):
    """How many tests of a folder or file fail under a switch, beside those that are named for it."""

    scope: str
    failed: int
    of: int


def run(names: Sequence[str], tests: Iterable[str], *, timeout: int = LONGEST) -> Noted:
    """Run these tests under these switches (none: the product as it is).

    Raises RuntimeError if pytest could not begin.
    """
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory, "report.json")
        # A traceback in Python's own form: pytest's reads the source again, and CPython 3.11 may fail at that (a
        # SystemError of its own) when a switch has led to endless recursion.
        command = [sys.executable, "-m", "pytest", "-q", "--tb=native", "-p", "no:randomly", "-p", "no:cacheprovider"]
        command += ["-p", "tests.sabotage.plugin", f"--timeout={timeout}", f"--sabotage-report={report}"]
        command += [f"--sabotage={name}" for name in names]
        done = subprocess.run([*command, *dict.fromkeys(tests)], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):
            said = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
            raise RuntimeError(f"pytest ended with {done.returncode} under {', '.join(names) or 'no switch'}:\n{said}")
        noted: Noted = json.loads(report.read_text())
        return noted


def judge(switch: Switch, noted: Noted) -> Result:
    """Whether each test beside a switch has noticed it."""
    mine = [one for one in noted if one["switch"] == switch.name]
    gaps, ran, seconds = [], 0, 0.0
    for test in switch.tests:
        found = [one for one in mine if is_of(one["test"], (test,))]
        ran += len(found)
        seconds += sum(one["seconds"] for one in found)
        gaps += [f"{one['test']}: {why}" for one in found if (why := why_not(one)) is not None]
        if not found:
            gaps.append(f"{test}: did not run")
    return Result(switch, ran, seconds, tuple(gaps))


def run_switches(switches: Sequence[Switch]) -> list[Result]:
    """Each switch with the tests beside it, one after another in one process."""
    tests = [test for switch in switches for test in switch.tests]
    noted = run([switch.name for switch in switches], tests)
    return [judge(switch, noted) for switch in switches]


def run_others(switch: Switch) -> Others:
    """What else notices a switch, where the first test beside it stands: in its folder, or in its file."""
    file = switch.tests[0].partition("::")[0]
    folder = file.rpartition("/")[0]
    scope = folder if folder in WHOLE else file
    noted = run([switch.name], [scope, *(f"--ignore={name}" for name in LONG)], timeout=10)
    others = [one for one in noted if not is_of(one["test"], switch.tests) and one["outcome"] != "skipped"]
    return Others(scope, sum(one["outcome"] == "failed" for one in others), len(others))


def is_of(node: str, tests: Sequence[str]) -> bool:
    """Whether a test, with its parameters, is one of these."""
    return any(node == test or node.startswith(test + "[") for test in tests)
