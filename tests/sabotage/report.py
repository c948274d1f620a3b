"""docs/reliability.md: what was broken, what noticed it, and what notices nothing."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from tests.sabotage.registry import PARTS, PROMISES, RULES, SWITCHES, WITHOUT
from tests.sabotage.running import Others, Result
from tests.sabotage.switch import Switch

COMMAND: Final = "python -m tests.sabotage --others --write docs/reliability.md"
INTRODUCTION: Final = """\
eitherway makes six promises, and the rules of the [protocol](protocol.md) are how it keeps them; what stands beside
links, as feeds, tokens and webhooks, promises something too. A test that is there for a rule is worth something if it
fails without it. So there is a *switch* for each mechanism that a promise or a rule leans on: it breaks that mechanism
alone, from outside, in the running product (`tests/sabotage/`). With the switch on the tests named beside it must fail,
each of them, and by what they look at: a test that could not begin, or that tripped over the switch itself (a name that
is not there, a wrong type), does not count. Without any switch all of them must pass. `make sabotage` tries them all,
`make sabotage ARGS='NAME ...'` a few. Switches whose tests need no event loop are tried in every `make test` as well.
The runs that this page is made of, the latest one first; of a switch that was tried in several it has the latest
outcome:"""
_END: Final = "## Promises and rules"
_OTHERS: Final = re.compile(r"(\d+) of (\d+) in (\S+)")


class Row(NamedTuple):
    """What the page says of one switch: how long its tests took, what became of them, and what else failed."""

    seconds: str
    verdict: str
    also: str

    @property
    def noticed(self) -> bool:
        """Whether every test beside it noticed it."""
        return re.fullmatch(r"(\d+) of \1 noticed", self.verdict) is not None


class Page(NamedTuple):
    """A page as it is: its runs, and the rows of switches that are described there as they are now."""

    runs: tuple[str, ...] = ()
    rows: Mapping[str, Row] = {}


def row(result: Result, also: Others | None) -> Row:
    """The outcome of a switch."""
    verdict = f"{result.ran} of {result.ran} noticed" if not result.gaps else "; ".join(result.gaps)
    return Row(f"{result.seconds:.1f}", verdict, f"{also.failed} of {also.of} in {also.scope}" if also else "")


def run(machine: Mapping[str, str], rows: Mapping[str, Row], clean: str, seconds: float) -> str:
    """The facts of one run."""
    noticed = sum(each.noticed for each in rows.values())
    facts = [
        *(f"- {name}: {value}" for name, value in machine.items()),
        f"- switches: {len(rows)}, of which {noticed} noticed by every test beside them",
        f"- without a switch: {clean}",
        f"- the run: {seconds / 60:.0f} minutes, two processes at a time",
    ]
    return "\n".join(facts)


def read(text: str) -> Page:
    """A page that was written before."""
    runs = tuple(part for part in text.partition(_END)[0].split("\n\n") if part.startswith("- "))
    rows = {}
    for line in text.splitlines():
        found = re.match(r"\| `([a-z0-9-]+)` \| ", line)
        switch = SWITCHES.get(found[1]) if found else None
        if switch is not None and line.startswith(begin := _describe(switch)):
            seconds, verdict, also = line.removeprefix(begin).removesuffix(" |").split(" | ")
            rows[switch.name] = Row(seconds, verdict, also.strip())
    return Page(runs, rows)


def document(page: Page) -> str:
    """The page, which has a row for each switch."""
    parts = [
        "# Reliability",
        f"Written by `{COMMAND}`, not by hand.",
        INTRODUCTION,
        *page.runs,
        _END,
        _rules(),
        "## Switches",
        *([_precision(page.rows)] if any(each.also for each in page.rows.values()) else []),
        _switches(page.rows),
    ]
    return "\n\n".join(parts) + "\n"


def _rules() -> str:
    rows = ["| | what | switches |", "| --- | --- | --- |"]
    for name, what in {**PROMISES, **RULES, **PARTS}.items():
        switches = [f"`{switch.name}`" for switch in SWITCHES.values() if name in switch.rules]
        rows.append(f"| {name} | {what} | {', '.join(switches) or 'none: ' + WITHOUT.get(name, '')} |")
    return "\n".join(rows)


def _precision(rows: Mapping[str, Row]) -> str:
    failed = [int(found[1]) for each in rows.values() if (found := _OTHERS.fullmatch(each.also))]
    return (
        "The last column is about precision: how many of the other tests that stand in the same folder, or the same "
        "file, fail with the switch too; it is counted where no test beside the switch needs an event loop. Tests of "
        "whole links fail with many switches, as they should; random runs of whole sessions are left out. "
        f"Of {len(failed)} switches {failed.count(0)} fail nothing else, "
        f"{sum(0 < count <= 5 for count in failed)} up to 5 other tests, "
        f"{sum(5 < count <= 20 for count in failed)} up to 20, {sum(count > 20 for count in failed)} more."
    )


def _switches(rows: Mapping[str, Row]) -> str:
    lines = ["| switch | with it | breaks | tests that must fail | s | result | others |", "| --- " * 7 + "|"]
    return "\n".join([*lines, *(f"{_describe(switch)}{' | '.join(rows[name])} |" for name, switch in SWITCHES.items())])


def _describe(switch: Switch) -> str:
    """The beginning of its row, which does not depend on any run."""
    return f"| `{switch.name}` | {switch.broken} | {', '.join(switch.rules)} | {_tests(switch.tests)} | "


def _tests(tests: Sequence[str]) -> str:
    """Each file once, with its tests."""
    files: dict[str, list[str]] = {}
    for test in tests:
        file, _, name = test.partition("::")
        files.setdefault(file.removeprefix("tests/"), []).append(f"`{name}`")
    return "; ".join(f"{file}: {', '.join(names)}" for file, names in files.items())
