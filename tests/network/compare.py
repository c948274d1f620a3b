"""Compares what programs sent with what arrived. Imports nothing of ours.

    compare.py FOLDER NAME NAME [NAME ...] [--since TIME]

Prints a JSON object: what is wrong (`faults`, empty if all that was sent arrived, once, unchanged and in the order of
its lane, or was reported to its sender as undelivered), and for each direction how many messages there were, by which
path they came, how many were lost, doubled, out of order and reported, the slowest one, and the longest time in which
none arrived, in seconds; with `--since` that of those from then on. Exit code 0 without a fault, 1 with one.
"""

import argparse
import json
import sys
from collections import Counter
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

LANES = ("reliable", "bulk")


def read(path: Path) -> list[dict[str, Any]]:
    """One object for each line; a last line that is cut off counts as a fault elsewhere."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def compare(folder: Path, sender: str, receiver: str, since: float) -> tuple[list[str], dict[str, Any]]:
    """One direction: its faults, and its figures."""
    sent = [record for record in read(folder / f"{sender}.sent") if record["to"] == receiver]
    given_up = [record for record in read(folder / f"{sender}.undelivered") if record["to"] == receiver]
    arrived = [record for record in read(folder / f"{receiver}.arrived") if record["from"] == sender]
    faults: list[str] = []
    figures: dict[str, Any] = {"paths": Counter(record["path"] for record in arrived)}
    for lane in LANES:
        there, here, reported = (
            [record for record in records if record["lane"] == lane] for records in (sent, arrived, given_up)
        )
        found, figures[lane] = compare_lane(f"{sender} to {receiver}, {lane}", there, here, reported, since)
        faults += found
    return faults, figures


def compare_lane(
    where: str, there: list[dict[str, Any]], here: list[dict[str, Any]], reported: list[dict[str, Any]], since: float
) -> tuple[list[str], dict[str, Any]]:
    """One lane of one direction."""
    faults = []
    numbers = [record["n"] for record in here]
    sent_at = {record["n"]: record["at"] for record in there}
    digests = {record["n"]: record["digest"] for record in there}
    given_up = {record["n"] for record in reported}
    doubled = sorted(n for n, times in Counter(numbers).items() if times > 1)
    lost = sorted(sent_at.keys() - set(numbers) - given_up)
    invented = sorted(set(numbers) - sent_at.keys())
    disorder = sum(later < earlier for earlier, later in pairwise(numbers))
    changed = [record["n"] for record in here if digests.get(record["n"], record["digest"]) != record["digest"]]
    if doubled:
        faults.append(f"{where}: arrived more than once: {doubled[:5]}")
    if lost:
        faults.append(f"{where}: {len(lost)} of {len(there)} never arrived: {lost[:5]} ...")
    if invented:
        faults.append(f"{where}: never sent: {invented[:5]}")
    if disorder:
        faults.append(f"{where}: out of order")
    if changed:
        faults.append(f"{where}: not what was sent: {changed[:5]}")
    delays = [record["at"] - sent_at[record["n"]] for record in here if record["n"] in sent_at]
    gaps = [later["at"] - earlier["at"] for earlier, later in pairwise(here) if later["at"] > since]
    return faults, {
        "messages": len(here),
        "lost": len(lost),
        "doubled": len(doubled),
        "disorder": disorder,
        "undelivered": len(given_up),
        "slowest": max(delays, default=0),
        "longest_gap": max(gaps, default=0),
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--since", type=float, default=0.0)
    options = parser.parse_args()
    faults: list[str] = []
    figures = {}
    for sender, receiver in permutations(options.names, 2):
        found, figures[f"{sender} to {receiver}"] = compare(options.folder, sender, receiver, options.since)
        faults += found
    print(json.dumps({"faults": faults, **figures}))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
