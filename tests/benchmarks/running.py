"""Plays a contest: every side in every round, one after another, and what comes of it."""

from collections.abc import Callable

import msgspec

from tests.benchmarks.contest import Contest, Measure, Round, Samples, Unavailable

Say = Callable[[str], None]
OURS = "eitherway"


class Figure(msgspec.Struct):
    """A measure's value over all rounds, and the lowest and highest of a single round."""

    value: float
    low: float
    high: float


class Result(msgspec.Struct):
    """One measure of one contest: ours, and every rival's, by their names."""

    contest: str
    measure: str
    unit: str
    ours: Figure
    rivals: dict[str, Figure]
    best: str
    """The name of the best rival, empty where there is none."""
    ratio: float | None
    """Ours by the best rival's."""
    goal: str
    met: bool | None


class Played(msgspec.Struct):
    """A contest that was played, and the rivals that could not be: why."""

    contest: Contest
    rounds: int
    results: list[Result]
    missing: dict[str, str]


async def play(contest: Contest, rounds: int, say: Say) -> Played:
    """Interleaved rounds: rivals first, then ours, and again. Raises Unavailable if we cannot play ourselves.

    A rival that cannot is left out of the rounds, and named with the reason.
    """
    sides: dict[str, Round] = {**contest.rivals, OURS: contest.ours}
    played: dict[str, list[Samples]] = {name: [] for name in sides}
    missing: dict[str, str] = {}
    for number in range(rounds):
        for name, round in sides.items():
            if name in missing:
                continue
            try:
                samples = await round()
            except Unavailable as error:
                if name == OURS:
                    raise
                missing[name] = str(error)
                say(f"  cannot run {name}: {error}")
                continue
            played[name].append(samples)
            shown = ", ".join(f"{m.title} {m.of(samples[m.key]):,.4g} {m.unit}".strip() for m in _of(name, contest))
            say(f"  round {number + 1} of {rounds}, {name}: {shown}")
    found = {name: samples for name, samples in played.items() if name not in missing}
    return Played(contest, rounds, [_result(contest, measure, found) for measure in contest.measures], missing)


def _of(side: str, contest: Contest) -> list[Measure]:
    return [measure for measure in contest.measures if side == OURS or measure.is_of(side)]


def _result(contest: Contest, measure: Measure, played: dict[str, list[Samples]]) -> Result:
    figures = {name: _figure(measure, rounds) for name, rounds in played.items() if name == OURS or measure.is_of(name)}
    ours = figures.pop(OURS)
    choose = max if measure.better == "higher" else min
    best = choose(figures, key=lambda name: figures[name].value) if figures else ""
    theirs = figures[best].value if best else float("nan")
    goal = measure.goal
    return Result(
        contest=contest.name,
        measure=measure.title,
        unit=measure.unit,
        ours=ours,
        rivals=figures,
        best=best,
        ratio=ours.value / theirs if best else None,
        goal=goal.text if goal else "",
        met=goal.met(ours.value, theirs) if goal else None,
    )


def _figure(measure: Measure, rounds: list[Samples]) -> Figure:
    each = [measure.of(samples[measure.key]) for samples in rounds]
    return Figure(measure.of([sample for samples in rounds for sample in samples[measure.key]]), min(each), max(each))
