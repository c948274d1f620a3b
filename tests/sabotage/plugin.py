"""pytest with switches on: `python -m pytest -p tests.sabotage.plugin --sabotage NAME --sabotage-report FILE TESTS`.

With one switch everything that was named runs under it. With several, each runs the tests beside it, one switch after
another in one process. What became of every test is written to the report, as JSON.
"""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.sabotage.elsewhere.sitecustomize import follow
from tests.sabotage.registry import SWITCHES
from tests.sabotage.running import is_of

RECORDER = pytest.StashKey["Recorder"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("sabotage")
    group.addoption("--sabotage", action="append", default=[], choices=list(SWITCHES), help="A mechanism to break.")
    group.addoption("--sabotage-report", type=Path, help="Where to write what became of each test.")


def pytest_configure(config: pytest.Config) -> None:
    recorder = Recorder(config.getoption("--sabotage-report"))
    config.stash[RECORDER] = recorder
    config.pluginmanager.register(recorder)
    if config.getoption("--sabotage"):
        from hypothesis import Phase, settings

        # Which example fails does not matter here, and what fails under a switch must not be remembered.
        settings.register_profile(
            "sabotage", database=None, derandomize=True, phases=(Phase.explicit, Phase.generate), deadline=None
        )
        settings.load_profile("sabotage")


def pytest_runtestloop(session: pytest.Session) -> bool | None:
    switches = [SWITCHES[name] for name in session.config.getoption("--sabotage")]
    if not switches or session.testsfailed or session.config.option.collectonly:
        return None  # pytest's own loop goes on, or says why it can't
    recorder = session.config.stash[RECORDER]
    for switch in switches:
        recorder.switch = switch.name
        items = session.items if len(switches) == 1 else [i for i in session.items if is_of(i.nodeid, switch.tests)]
        with pytest.MonkeyPatch.context() as patch:
            try:
                switch.breaker(patch)
                if switch.elsewhere:
                    follow(patch, switch.name)
            except Exception as error:
                recorder.cannot_begin(items, error)
                continue
            for item in items:
                if isinstance(item, pytest.Function):
                    item._initrequest()  # an item may run again, under the next switch
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
    return True


class Recorder:
    """Notes what became of each test: passed, or failed when and by what."""

    def __init__(self, path: Path | None) -> None:
        self.switch = ""
        self._path = path
        self._noted: dict[tuple[str, str], dict[str, Any]] = {}

    def cannot_begin(self, items: list[pytest.Item], error: Exception) -> None:
        """The switch does not fit the product any more: a name that it replaces is gone."""
        for item in items:
            self._noted[self.switch, item.nodeid] = {
                "switch": self.switch,
                "test": item.nodeid,
                "outcome": "failed",
                "when": "setup",
                "seconds": 0.0,
                "errors": names(error),
                "message": str(error),
            }

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
        report: Any = yield
        noted = self._noted.setdefault(
            (self.switch, item.nodeid),
            {"switch": self.switch, "test": item.nodeid, "outcome": "passed", "when": "", "errors": [], "seconds": 0.0},
        )
        noted["seconds"] += call.duration
        if report.outcome != "passed" and noted["outcome"] == "passed":
            error = call.excinfo.value if call.excinfo is not None else None
            noted |= {
                "outcome": report.outcome,
                "when": report.when,
                "errors": names(error),
                "message": str(error).strip().partition("\n")[0][:200],
            }
        return report

    def pytest_sessionfinish(self) -> None:
        if self._path is not None:
            self._path.write_text(json.dumps(list(self._noted.values())))


def names(error: BaseException | None) -> list[str]:
    """The types of an error, their bases included, from the nearest on; of a group, those of its members."""
    if isinstance(error, BaseExceptionGroup):
        return [name for member in error.exceptions for name in names(member)]
    return [kind.__name__ for kind in type(error).__mro__]
