"""Plays a contest: every side in every round, one after another, and what comes of it."""

import importlib.util
from collections.abc import Callable

import msgspec

from tests.benchmarks.contest import Contest, Measure, Round, Samples, Unavailable

Say = Callable[[str], None]


class Figure(msgspec.Struct):
    """A measure's value over all rounds, and the lowest and highest of a single round."""

    value: float
    low: float
    high: float


class Result(msgspec.Struct):
    """One measure of one contest. `rival` is the best of them."""

    contest: str
    measure: str
    unit: str
    ours: Figure
    rival: Figure | None
    rival_name: str
    ratio: float | None
    """Ours by the rival's."""
    goal: str
    met: bool | None


async def play(contest: Contest, rounds: int, say: Say) -> list[Result]:
    """Interleaved rounds: rivals first, then ours, and again. Raises Unavailable."""
    _check_rivals(contest)
    sides: dict[str, Round] = {**contest.rivals, "eitherway": contest.ours}
    played: dict[str, list[Samples]] = {name: [] for name in sides}
    for number in range(rounds):
        for name, round in sides.items():
            samples = await round()
            played[name].append(samples)
            shown = ", ".join(f"{m.title} {m.of(samples[m.key]):,.4g} {m.unit}".strip() for m in contest.measures)
            say(f"  round {number + 1} of {rounds}, {name}: {shown}")
    return [_result(contest, measure, played) for measure in contest.measures]


def _check_rivals(contest: Contest) -> None:
    for package in ("socketio", "aiortc"):
        if contest.rivals and importlib.util.find_spec(package) is None:
            raise Unavailable(f"the rival is not installed: {package}")


def _result(contest: Contest, measure: Measure, played: dict[str, list[Samples]]) -> Result:
    figures = {name: _figure(measure, rounds) for name, rounds in played.items()}
    ours = figures.pop("eitherway")
    best = max if measure.better == "higher" else min
    name = best(figures, key=lambda name: figures[name].value) if figures else ""
    rival = figures.get(name)
    goal = measure.goal
    return Result(
        contest=contest.name,
        measure=measure.title,
        unit=measure.unit,
        ours=ours,
        rival=rival,
        rival_name=name,
        ratio=ours.value / rival.value if rival is not None else None,
        goal=goal.text if goal else "",
        met=goal.met(ours.value, rival.value if rival is not None else float("nan")) if goal else None,
    )


def _figure(measure: Measure, rounds: list[Samples]) -> Figure:
    each = [measure.of(samples[measure.key]) for samples in rounds]
    return Figure(measure.of([sample for samples in rounds for sample in samples[measure.key]]), min(each), max(each))
