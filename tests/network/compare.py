"""Compares what two programs sent with what arrived. Imports nothing of ours.

    compare.py FOLDER NAME NAME

Prints a JSON object: what is wrong (`faults`, empty if all that was sent arrived, once, unchanged and in the order of
its lane), and for each direction how many messages there were, by which path they came, the slowest one, and the
longest time in which none arrived, in seconds. Exit code 0 without a fault, 1 with one.
"""

import json
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any


def read(path: Path) -> list[dict[str, Any]]:
    """One object for each line; a last line that is cut off counts as a fault elsewhere."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def compare(folder: Path, sender: str, receiver: str) -> tuple[list[str], dict[str, Any]]:
    """One direction: its faults, and its figures."""
    sent, arrived = read(folder / f"{sender}.sent"), read(folder / f"{receiver}.arrived")
    faults = []
    figures: dict[str, Any] = {"paths": Counter(record["path"] for record in arrived)}
    for lane in ("reliable", "bulk"):
        there = [record for record in sent if record["lane"] == lane]
        here = [record for record in arrived if record["lane"] == lane]
        where = f"{sender} to {receiver}, {lane}"
        numbers = [record["n"] for record in here]
        doubled = sorted(n for n, times in Counter(numbers).items() if times > 1)
        lost = sorted({record["n"] for record in there} - set(numbers))
        invented = sorted(set(numbers) - {record["n"] for record in there})
        if doubled:
            faults.append(f"{where}: arrived more than once: {doubled[:5]}")
        if lost:
            faults.append(f"{where}: {len(lost)} of {len(there)} never arrived: {lost[:5]} ...")
        if invented:
            faults.append(f"{where}: never sent: {invented[:5]}")
        if numbers != sorted(numbers):
            faults.append(f"{where}: out of order")
        digests = {record["n"]: record["digest"] for record in there}
        changed = [record["n"] for record in here if digests.get(record["n"]) != record["digest"]]
        if changed:
            faults.append(f"{where}: not what was sent: {changed[:5]}")
        sent_at = {record["n"]: record["at"] for record in there}
        delays = [record["at"] - sent_at[record["n"]] for record in here if record["n"] in sent_at]
        times = [record["at"] for record in here]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        figures[lane] = {"messages": len(here), "slowest": max(delays, default=0), "longest_gap": max(gaps, default=0)}
    return faults, figures


def main() -> int:
    folder, one, other = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    faults, figures = [], {}
    for sender, receiver in ((one, other), (other, one)):
        found, figures[f"{sender} to {receiver}"] = compare(folder, sender, receiver)
        faults += found
    print(json.dumps({"faults": faults, **figures}))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
