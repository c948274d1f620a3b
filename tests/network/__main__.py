"""`python -m tests.network`: runs the laboratory, and writes the tables of docs/network.md. See --help."""

import argparse
import asyncio
import json
import random
import shlex
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from tests import wheels
from tests.benchmarks import machine
from tests.network import failover, suspicions, tables
from tests.network.chaos import run_chaos
from tests.network.failures import LOADS, run_failure
from tests.network.matrix import cells, run_cell
from tests.network.replay import replay
from tests.network.rivals import CUTS, run_both, why_no_iroh
from tests.network.scenarios import SCENARIOS
from tests.network.session import CHECKOUT, Python, installed
from tests.network.spaces import why_not
from tests.network.stage import side_by_side
from tests.network.turn import why_no_turn

PARTS = ("matrix", "idle", "bulk", "failover", "suspicions", "rivals", "chaos")
AT_ONCE = {"matrix": 4, "idle": 5, "bulk": 3, "failover": 4, "suspicions": 4, "rivals": 4, "chaos": 1}
"""How many run at a time on two cores, so that none of them waits for a core."""
TRIES = 2
"""A run that breaks off, rather than ends with a fault, is made once more; both are told."""

Work = Callable[[Path, Python], Coroutine[Any, Any, list[dict[str, Any]]]]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.network", description="Runs the network laboratory.")
    parser.add_argument("parts", metavar="PART", nargs="*", help=f"which: {', '.join(PARTS)} (default: all)")
    parser.add_argument("--runs", type=int, default=20, help="of each failure (default: 20)")
    parser.add_argument("--cuts", type=int, default=100, help="of each kind, in failover (default: 100)")
    parser.add_argument("--only", action="append", metavar="NAME", help="this scenario or cell; again for each")
    parser.add_argument("--seed", type=int, help="of chaos (default: a new one, which is told)")
    parser.add_argument(
        "--seconds", type=float, default=600, help="of chaos, and of each path in suspicions (default: 600)"
    )
    parser.add_argument("--simulate", action="store_true", help="play chaos in the simulator, which needs no root")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds to simulate, from --seed on (default: 1)")
    parser.add_argument("--wheel", action="store_true", help="build a wheel and run that, not the source")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the tables into this page")
    parser.add_argument(
        "--records", type=Path, metavar="FILE", default=Path("build/network-lab.jsonl"), help="where records go"
    )
    parser.add_argument("--add", action="store_true", help="add to the records that are there")
    return parser.parse_args()


def works(part: str, options: argparse.Namespace) -> list[tuple[str, Work]]:
    """What a part consists of, each with its name."""
    runs = options.runs
    made: list[tuple[str, Work]] = []
    if part == "matrix":
        for cell in cells():
            name = "/".join((*cell.kinds, cell.way))
            made.append((name, partial(_alone, run_cell, cell)))
    elif part == "chaos":
        seed = seed_of(options)
        made.append((f"seed {seed}", partial(_alone, run_chaos, seed, options.seconds)))
    elif part == "failover":
        for load in LOADS:
            for cut in failover.CUTS:
                for number, count in enumerate(failover.batches(options.cuts)):
                    made.append((f"{cut}/{load}", partial(_alone, failover.run_failover, cut, load, count, number)))
    elif part == "suspicions":
        for name in suspicions.ROADS:
            made.append((name, partial(_alone, suspicions.run_road, name, options.seconds)))
    elif part == "rivals":
        for _ in range(runs):
            for scenario in CUTS:
                made.append((scenario.name, partial(run_both, scenario)))
    else:
        (load,) = (load for load in LOADS if load == part)
        for _ in range(runs):
            for name, each in SCENARIOS.items():
                made.append((name, partial(_alone, run_failure, each, load)))
    return made


def seed_of(options: argparse.Namespace) -> int:
    """The seed that was asked for, or a new one."""
    return random.SystemRandom().randrange(10**9) if options.seed is None else int(options.seed)


def simulate(options: argparse.Namespace) -> int:
    """Play the seeds of chaos in the simulator; returns the exit code."""
    failed, first = 0, seed_of(options)
    for seed in range(first, first + options.seeds):
        result = replay(seed, options.seconds)
        print(json.dumps(result), flush=True)
        failed += bool(result["faults"])
    return 1 if failed else 0


async def _alone(run: Callable[..., Coroutine[Any, Any, dict[str, Any]]], *what: Any) -> list[dict[str, Any]]:
    return [await run(*what)]


async def _run(part: str, options: argparse.Namespace, folder: Path, python: Python) -> int:
    """Run a part; returns how much of it failed."""
    chosen = [(name, work) for name, work in works(part, options) if options.only is None or name in options.only]
    failed = done = 0

    async def one(number: int, name: str, work: Work) -> None:
        nonlocal failed, done
        for again in range(TRIES):
            place = folder / f"{part}-{number}-{again}"
            try:
                rows = await work(place, python)
            except Exception:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise  # it was ended, and something did not end well
                print(f"{part} {name}: broke off\n{traceback.format_exc()}", flush=True)
                failed += again == TRIES - 1
                continue
            with options.records.open("a") as records:
                records.writelines(json.dumps({"at": time.time(), **row}) + "\n" for row in rows)
            troubles = [row[what] for row in rows for what in ("faults", "trouble") if row.get(what)]
            failed += any(row["faults"] for row in rows if row.get("who") != "iroh")
            if not troubles:
                await asyncio.to_thread(shutil.rmtree, place)
            done += 1
            print(f"{part} {done}/{len(chosen)} {name}: {troubles or 'well'}", flush=True)
            return

    tasks = [partial(one, number, name, work) for number, (name, work) in enumerate(chosen)]
    await side_by_side(tasks, AT_ONCE[part])
    return failed


def _told(part: str, seconds: float) -> dict[str, Any]:
    """What the page says of a part's run."""
    command = shlex.join(["python", "-m", "tests.network", *sys.argv[1:]])
    return {"kind": "run", "part": part, "command": command, "seconds": seconds, **machine.describe()}


def _misused(why: str) -> int:
    print(why, file=sys.stderr)
    return 2


def end_well() -> None:
    """Let a signal that ends the laboratory end its programs and take down its networks first.

    SIGINT too: asyncio leaves it alone where it is ignored, as in what a shell's script starts in the background.
    """
    main = asyncio.current_task()
    assert main is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, main.cancel)


async def _main() -> int:
    options = _arguments()
    parts = options.parts or list(PARTS)
    if unknown := set(parts) - set(PARTS):
        return _misused(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if options.simulate:
        return simulate(options) if parts == ["chaos"] else _misused("--simulate is for chaos alone")
    if unknown := set(options.only or ()) - {name for part in parts for name, _ in works(part, options)}:
        return _misused(f"nothing is called {', '.join(sorted(unknown))} in {', '.join(parts)}")
    if (reason := why_not() or why_no_turn() or (("rivals" in parts and why_no_iroh()) or None)) is not None:
        print(f"no laboratory here: {reason}", file=sys.stderr)
        return 1
    folder = Path(tempfile.mkdtemp(prefix="network-lab-"))
    python = CHECKOUT
    if options.wheel:
        (folder / "wheel").mkdir()
        python = installed(wheels.install(wheels.build(folder / "wheel"), folder / "venv"))
    options.records.parent.mkdir(exist_ok=True)
    if not options.add:
        options.records.write_text("")
    end_well()
    failed = 0
    for part in parts:
        begun = time.monotonic()
        failed += await _run(part, options, folder, python)
        with options.records.open("a") as records:
            records.write(json.dumps(_told(part, time.monotonic() - begun)) + "\n")
    if options.write is not None:
        rows = [json.loads(line) for line in options.records.read_text().splitlines()]
        tables.write(options.write, tables.parts(rows))
    if failed:
        print(f"{failed} failed; what they wrote down is in {folder}", file=sys.stderr)
    else:
        await asyncio.to_thread(shutil.rmtree, folder)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(_main()))
    except asyncio.CancelledError:
        sys.exit("ended by a signal; its programs and networks are gone")
