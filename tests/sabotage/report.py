"""docs/reliability.md: what was broken, what noticed it, and what notices nothing."""

from collections.abc import Mapping, Sequence
from typing import Final

from tests.sabotage.registry import PARTS, PROMISES, RULES, WITHOUT
from tests.sabotage.running import Others, Result

COMMAND: Final = "python -m tests.sabotage --others --write docs/reliability.md"
INTRODUCTION: Final = """\
eitherway makes six promises, and the rules of the [protocol](protocol.md) are how it keeps them. A test that is there
for a rule is worth something if it fails without it. So there is a *switch* for each mechanism that a promise or a rule
leans on: it breaks that mechanism alone, from outside, in the running product (`tests/sabotage/`). With the switch on
the tests named beside it must fail, each of them, and by what they look at: a test that could not begin, or that
tripped over the switch itself (a name that is not there, a wrong type), does not count. Without any switch all of them
must pass. `make sabotage` tries them all, `make sabotage ARGS='NAME ...'` a few. Switches whose tests need no event
loop are tried in every `make test` as well."""


def document(
    machine: Mapping[str, str],
    results: Sequence[Result],
    clean: str,
    others: Mapping[str, Others],
    seconds: float,
) -> str:
    """The page."""
    noticed = sum(not result.gaps for result in results)
    facts = [
        *(f"- {name}: {value}" for name, value in machine.items()),
        f"- switches: {len(results)}, of which {noticed} noticed by every test beside them",
        f"- without a switch: {clean}",
        f"- the whole run: {seconds / 60:.0f} minutes, two processes at a time",
    ]
    parts = [
        "# Reliability",
        f"Written by `{COMMAND}`, not by hand.",
        INTRODUCTION,
        "\n".join(facts),
        "## Promises and rules",
        _rules(results),
        "## Switches",
        *([_precision(others)] if others else []),
        _switches(results, others),
    ]
    return "\n\n".join(parts) + "\n"


def _rules(results: Sequence[Result]) -> str:
    rows = ["| | what | switches |", "| --- | --- | --- |"]
    for name, what in {**PROMISES, **RULES, **PARTS}.items():
        switches = [f"`{result.switch.name}`" for result in results if name in result.switch.rules]
        rows.append(f"| {name} | {what} | {', '.join(switches) or 'none: ' + WITHOUT.get(name, '')} |")
    return "\n".join(rows)


def _precision(others: Mapping[str, Others]) -> str:
    failed = [one.failed for one in others.values()]
    return (
        "The last column is about precision: how many of the other tests that stand in the same folder, or the same "
        "file, fail with the switch too; it is counted where no test beside the switch needs an event loop. Tests of "
        "whole links fail with many switches, as they should; random runs of whole sessions are left out. "
        f"Of {len(failed)} switches {failed.count(0)} fail nothing else, "
        f"{sum(0 < count <= 5 for count in failed)} up to 5 other tests, "
        f"{sum(5 < count <= 20 for count in failed)} up to 20, {sum(count > 20 for count in failed)} more."
    )


def _switches(results: Sequence[Result], others: Mapping[str, Others]) -> str:
    rows = ["| switch | with it | breaks | tests that must fail | s | result | others |", "| --- " * 7 + "|"]
    for result in results:
        switch = result.switch
        verdict = f"{result.ran} of {result.ran} noticed" if not result.gaps else "; ".join(result.gaps)
        also = others.get(switch.name)
        rows.append(
            f"| `{switch.name}` | {switch.broken} | {', '.join(switch.rules)} | {_tests(switch.tests)} "
            f"| {result.seconds:.1f} | {verdict} | {f'{also.failed} of {also.of} in {also.scope}' if also else ''} |"
        )
    return "\n".join(rows)


def _tests(tests: Sequence[str]) -> str:
    """Each file once, with its tests."""
    files: dict[str, list[str]] = {}
    for test in tests:
        file, _, name = test.partition("::")
        files.setdefault(file.removeprefix("tests/"), []).append(f"`{name}`")
    return "; ".join(f"{file}: {', '.join(names)}" for file, names in files.items())
