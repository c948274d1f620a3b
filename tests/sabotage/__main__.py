"""`python -m tests.sabotage [NAME ...]`: breaks one mechanism after another, and sees whether the tests notice.

Without a name it tries every switch. `--write` puts the outcome into a page, `--others` counts what else fails.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.benchmarks.machine import describe
from tests.sabotage.nodes import is_quick
from tests.sabotage.registry import SWITCHES
from tests.sabotage.report import Page, document, read, row
from tests.sabotage.report import run as run_facts
from tests.sabotage.running import Others, Result, run, run_others, run_switches
from tests.sabotage.switch import Switch

AT_ONCE = 2
"""Processes at a time."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sabotage", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="Switches to try; without one, all of them.")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="Write the page of all switches; what is not tried stays as it is."
    )
    parser.add_argument("--others", action="store_true", help="Count, too, which other tests fail with each switch.")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in SWITCHES]
    if unknown:
        parser.error(f"there is no switch {', '.join(unknown)}; tests/sabotage/switches/ has them")
    switches = [SWITCHES[name] for name in options.names] or list(SWITCHES.values())
    earlier = read(options.write.read_text()) if options.write and options.names else Page()
    if options.write and (left := SWITCHES.keys() - earlier.rows.keys() - {switch.name for switch in switches}):
        parser.error(f"the page has no outcome of {', '.join(sorted(left))}: name them too")
    machine, start = describe(), time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ran, failed = clean(pool, switches)
        results = try_all(pool, switches)
        others = count_others(pool, switches) if options.others else {}
    if options.write:
        rows = {result.switch.name: row(result, others.get(result.switch.name)) for result in results}
        facts = run_facts(machine, rows, f"{ran - len(failed)} of {ran} tests pass", time.monotonic() - start)
        options.write.write_text(document(Page((facts, *earlier.runs), {**earlier.rows, **rows})))
    for failure in failed:
        print(f"fails without any switch: {failure}")
    gaps = sum(bool(result.gaps) for result in results)
    print(f"{len(results)} switches, {gaps} not noticed as they should be; {ran} tests, {len(failed)} fail without any")
    return 1 if gaps or failed else 0


def clean(pool: ThreadPoolExecutor, switches: Sequence[Switch]) -> tuple[int, list[str]]:
    """All tests without any switch: how many there are, and those that fail."""
    parts = [[test for s in switches if is_quick(s) is quick for test in s.tests] for quick in (True, False)]
    noted = [one for part in pool.map(lambda tests: run([], tests), filter(None, parts)) for one in part]
    return len(noted), [one["test"] for one in noted if one["outcome"] == "failed"]


def try_all(pool: ThreadPoolExecutor, switches: Sequence[Switch]) -> list[Result]:
    """Every switch with its tests. Quick ones share a process; a broken event loop has one of its own."""
    quick = [switch for switch in switches if is_quick(switch)]
    groups = [group for part in range(AT_ONCE) if (group := quick[part::AT_ONCE])]
    groups += [[switch] for switch in switches if switch not in quick]
    found: dict[str, Result] = {}
    for results in pool.map(run_switches, groups):
        for result in results:
            found[result.switch.name] = result
            print(f"{result.switch.name}: {result.ran} ran in {result.seconds:.1f} s", *result.gaps, sep="\n    ")
            sys.stdout.flush()
    return [found[switch.name] for switch in switches]


def count_others(pool: ThreadPoolExecutor, switches: Sequence[Switch]) -> dict[str, Others]:
    """What else fails, for switches whose tests are quick."""
    quick = [switch for switch in switches if is_quick(switch)]
    found: dict[str, Others] = {}
    for switch, others in zip(quick, pool.map(run_others, quick), strict=True):
        found[switch.name] = others
        print(f"{switch.name}: {others.failed} of {others.of} others fail in {others.scope}", flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
