"""The tables of docs/network.md, made from the records of a run."""

import math
import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.network.failover import late
from tests.network.failures import DIRECT_AGAIN, LOADS
from tests.network.matrix import SERVER_ROUND_TRIP, cells
from tests.network.scenarios import SCENARIOS
from tests.network.stage import WAYS
from tests.network.suspicions import ROADS

Row = dict[str, Any]
TEN_MINUTES = 600.0
TITLES = {
    "none": "no ICE server",
    "stun": "STUN only",
    "turn-udp": "TURN over UDP",
    "turn-tcp": "TURN over TCP",
    "turn-tls": "TURN over TLS",
}


def write(page: Path, parts: dict[str, list[str]]) -> None:
    """Put each part between its two comments in a page; parts that are not given stay as they are."""
    text = page.read_text()
    for name, lines in parts.items():
        pattern = re.compile(rf"(<!-- measured: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        body = "\n".join(lines).replace("\\", r"\\")
        text, found = pattern.subn(rf"\g<1>\n{body}\n\n\g<2>", text)
        if not found:
            raise ValueError(f"{page} has no place for the table {name!r}")
    page.write_text(text)


def matrix(rows: Sequence[Row]) -> list[str]:
    """By which path each pair connects, how soon, and the first messages."""
    by_cell = {(tuple(row["routers"]), row["way"]): row for row in rows}
    pairs = list(dict.fromkeys(cell.kinds for cell in cells()))
    lines = table(
        ["routers", *(TITLES[way] for way in WAYS)],
        [
            [f"{one}, {other}", *(_path(by_cell.get(((one, other), way))) for way in WAYS)]
            for one, other in pairs
            if any(((one, other), way) in by_cell for way in WAYS)
        ],
    )
    faulty = sum(bool(row["faults"]) for row in rows)
    lines += ["", f"Cells: {len(rows)}. Cells in which a message was lost, doubled, swapped or changed: {faulty}.", ""]
    firsts = [
        [TITLES[way], *_spread([row["first_message"] / SERVER_ROUND_TRIP for row in rows if row["way"] == way], "")]
        for way in WAYS
    ]
    return [*lines, *table(["first message, in server round trips", "median", "p95", "worst"], firsts)]


def _path(row: Row | None) -> str:
    if row is None:
        return "not run"
    if row["path"] == "relay":
        return "relay"
    through = ", TURN" if "relay" in row["types"] else ""
    return f"direct{through} ({'/'.join(row['types'])}) {row['to_direct']:.2f} s"


def failures(rows: Sequence[Row], load: str) -> list[str]:
    """What came of each scenario under a load."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["load"] == load:
            groups[row["scenario"]].append(row)
    gaps = ["gap, median", "p95", "worst"]
    head = [
        "scenario",
        "runs",
        "lost",
        "doubled",
        "swapped",
        "undelivered",
        *gaps,
        "direct again",
        "attempts",
        "changes",
    ]
    body = []
    for name, scenario in SCENARIOS.items():
        if not (group := groups.get(name)):
            continue
        again = [row["direct_again"] for row in group if row["direct_again"] is not None]
        missing = sum(row["direct_again"] is None for row in group) if scenario.path == "direct" else 0
        body.append(
            [
                scenario.title,
                str(len(group)),
                *(str(sum(row[what] for row in group)) for what in ("lost", "doubled", "disorder", "undelivered")),
                *_spread([row["gap"] for row in group], " s"),
                _again(again, missing),
                str(max(row["attempts"] for row in group)),
                str(max(row["changes"] for row in group)),
            ]
        )
    return table(head, body)


def _again(seconds: Sequence[float], missing: int) -> str:
    if not seconds:
        return "" if not missing else f"not in {missing}"
    text = f"{statistics.median(seconds):.1f} s (worst {max(seconds):.1f} s)" if max(seconds) else "never left"
    return text if not missing else f"{text}, not in {missing}"


FAILOVER = {
    "both": ("both ways", "median < 0.5 s, p95 < 1 s"),
    "a": ("one way: a is not heard", "worst < 1.5 s"),
    "b": ("one way: b is not heard", "worst < 1.5 s"),
}
"""What each kind of cut is, and how long the gap may be."""


def failover(rows: Sequence[Row]) -> list[str]:
    """The gaps of many cuts, with the goals beside them."""
    body = []
    for cut, (title, goal) in FAILOVER.items():
        for load in LOADS:
            if not (group := [row for row in rows if (row["cut"], row["load"]) == (cut, load)]):
                continue
            gaps = [gap for row in group for gap in row["gaps"]]
            again = [seconds for row in group for seconds in row["again"]]
            back = [seconds for seconds in again if seconds is not None]
            sums = (str(sum(row[what] for row in group)) for what in ("lost", "doubled", "disorder", "undelivered"))
            cells = [*_spread(gaps, " s"), goal, _again(back, again.count(None)), f"{late(again)} of {len(again)}"]
            body.append([title, load, str(len(gaps)), *sums, *cells])
    counts = ["cuts", "lost", "doubled", "swapped", "undelivered"]
    back_in_time = f"not direct within {DIRECT_AGAIN:.0f} s"
    gap = ["gap, median", "p95", "worst", "goal"]
    return table(["direct path cut silently", "load", *counts, *gap, "direct again", back_in_time], body)


def suspicions(rows: Sequence[Row]) -> list[str]:
    """How often healthy paths were given up."""
    body = []
    for name, road in ROADS.items():
        if not (group := [row for row in rows if row["road"] == name]):
            continue
        seconds = sum(row["seconds"] for row in group)
        count = sum(row["suspicions"] for row in group)
        left = sum(row["left"] for row in group)
        sums = (str(sum(row[what] for row in group)) for what in ("lost", "doubled", "disorder", "undelivered"))
        rate = f"{count * TEN_MINUTES / seconds:.1f}"
        body.append(
            [
                road.title,
                f"{seconds:.0f}",
                *sums,
                str(count),
                rate,
                str(left),
                f"{max(row['gap'] for row in group):.2f} s",
            ]
        )
    counts = ["lost", "doubled", "swapped", "undelivered"]
    return table(
        ["path", "seconds", *counts, "suspicions", "in 10 minutes (goal: < 1)", "left direct", "longest gap"], body
    )


def rivals(rows: Sequence[Row]) -> list[str]:
    """Us and iroh, cut alike."""
    body = []
    for title in dict.fromkeys(row["title"] for row in rows):
        for who in ("eitherway", "iroh"):
            group = [row for row in rows if row["title"] == title and row["who"] == who]
            sums = (str(sum(row[what] for row in group)) for what in ("lost", "doubled", "disorder"))
            gaps = _spread([row["gap"] for row in group], " s")
            again = [row["direct_again"] for row in group if row["direct_again"] is not None]
            back = _again(again, len(group) - len(again))
            body.append([title, who, str(len(group)), *sums, *gaps, back, str(max(row["changes"] for row in group))])
    gap = ["gap, median", "p95", "worst"]
    return table(["scenario", "", "runs", "lost", "doubled", "swapped", *gap, "direct again", "changes"], body)


def _spread(values: Sequence[float], unit: str) -> list[str]:
    """Median, p95 (nearest rank) and worst."""
    if not values:
        return ["", "", ""]
    ordered = sorted(values)
    p95 = ordered[math.ceil(0.95 * len(ordered)) - 1]
    return [f"{value:.2f}{unit}" for value in (statistics.median(ordered), p95, ordered[-1])]


def table(head: Sequence[str], body: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in body)]


def chaos(rows: Sequence[Row]) -> list[str]:
    """What came of each seed."""
    head = [
        "seed",
        "seconds",
        "peers behind",
        "help",
        "troubles",
        "messages",
        "lost",
        "doubled",
        "swapped",
        "undelivered",
    ]
    sums = ("troubles", "messages", "lost", "doubled", "disorder", "undelivered")
    return table(
        head,
        [
            [
                *(f"{row['seed']}", f"{row['seconds']:.0f}", ", ".join(row["routers"]), TITLES[row["way"]]),
                *(str(row[what]) for what in sums),
            ]
            for row in rows
        ],
    )


def runs(rows: Sequence[Row]) -> list[str]:
    """Where, when and by which commands."""
    last = rows[-1]
    lines = [f"- {name}: {last[name]}" for name in ("machine", "python", "packages")]
    return [
        *lines,
        "",
        *table(
            ["part", "date", "took", "command"],
            [[row["part"], row["date"], f"{row['seconds'] / 60:.0f} min", f"`{row['command']}`"] for row in rows],
        ),
    ]


def parts(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Every table for which there are records."""
    made: dict[str, list[str]] = {}
    by_kind: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_kind[row["kind"]].append(row)
    if by_kind["run"]:
        made["run"] = runs(by_kind["run"])
    if by_kind["matrix"]:
        made["matrix"] = matrix(by_kind["matrix"])
    for load in LOADS:
        if any(row["load"] == load for row in by_kind["failure"]):
            made[load] = failures(by_kind["failure"], load)
    if by_kind["failover"]:
        made["failover"] = failover(by_kind["failover"])
    if by_kind["suspicions"]:
        made["suspicions"] = suspicions(by_kind["suspicions"])
    if by_kind["rival"]:
        made["rivals"] = rivals(by_kind["rival"])
    if by_kind["chaos"]:
        made["chaos"] = chaos(by_kind["chaos"])
    return made
