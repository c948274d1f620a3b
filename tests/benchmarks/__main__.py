"""`python -m tests.benchmarks [NAME ...]`: see --help. Exits with 1 if a benchmark, or a rival in one, could not run.

Goals only print.
"""

import argparse
import asyncio
import shlex
import sys
import traceback
from pathlib import Path

import msgspec

from tests.benchmarks import (
    browser_direct,
    browser_python,
    direct_bulk,
    direct_messages,
    direct_rtt,
    events_node,
    events_python,
    failover,
    feed_fanout,
    first_message,
    idle_members,
    joins,
    machine,
    memory,
    page,
    pipe,
    plots,
    relay_bulk,
    relay_messages,
    report,
    sse_fanout,
)
from tests.benchmarks.contest import Options, Unavailable
from tests.benchmarks.running import Played, play

MODULES = (
    first_message,
    relay_messages,
    relay_bulk,
    events_node,
    events_python,
    feed_fanout,
    browser_direct,
    browser_python,
    direct_bulk,
    direct_messages,
    direct_rtt,
    failover,
    joins,
    idle_members,
    memory,
    page,
    pipe,
    sse_fanout,
)


def _arguments(names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description="Measures eitherway and its rivals."
    )
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"which: {', '.join(names)} (default: all)")
    parser.add_argument("--rounds", type=int, help="how often each side plays (default: what the benchmark says)")
    parser.add_argument("--size", type=int, default=256, help="megabytes through the pipe (default: 256)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON too")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the results as Markdown too, with pictures")
    return parser.parse_args()


async def _main() -> int:
    names = [module.__name__.rpartition(".")[2] for module in MODULES]
    arguments = _arguments(names)
    if unknown := set(arguments.names) - set(names):
        print(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(names)}", file=sys.stderr)
        return 2
    if arguments.write is not None:
        try:
            plots.check()
        except Unavailable as error:
            print(f"cannot write: {error}", file=sys.stderr)
            return 1
    contests = [module.contest(Options(size=arguments.size)) for module in MODULES]
    described = machine.describe()
    played: list[Played] = []
    failed = 0
    for contest in contests:
        if arguments.names and contest.name not in arguments.names:
            continue
        print(f"{contest.name}: {contest.title}", flush=True)
        rounds = arguments.rounds or contest.rounds
        try:
            one = await play(contest, rounds, lambda line: print(line, flush=True))
        except Unavailable as error:
            failed += 1
            print(f"  cannot run: {error}", flush=True)
            continue
        except Exception:
            failed += 1
            traceback.print_exc()
            continue
        failed += len(one.missing)
        played.append(one)
        print("\n".join(report.lines(one.results)), flush=True)
    if arguments.json is not None:
        results = [result for each in played for result in each.results]
        arguments.json.write_bytes(msgspec.json.encode({"machine": described, "results": results}))
    if arguments.write is not None:
        drawn = plots.draw(played, arguments.write.with_suffix(""))
        command = f"make bench ARGS='{shlex.join(sys.argv[1:])}'"
        arguments.write.write_text(report.document(described, played, drawn, command))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
