"""Results for people: plain lines, and docs/performance.md."""

from collections.abc import Sequence

from tests.benchmarks.contest import Contest
from tests.benchmarks.running import Figure, Result


def lines(results: Sequence[Result]) -> list[str]:
    """One line for each figure."""
    return [
        "  "
        + "; ".join(
            [
                f"{result.measure}: eitherway {show(result.ours)} {result.unit}".rstrip(),
                *([f"{result.rival_name} {show(result.rival)}"] if result.rival else []),
                *([f"ratio {result.ratio:.2f}"] if result.ratio is not None else []),
                *([f"goal ({result.goal}) {verdict(result)}"] if result.goal else []),
            ]
        )
        for result in results
    ]


def document(machine: dict[str, str], played: Sequence[tuple[Contest, int, list[Result]]]) -> str:
    """All results as Markdown."""
    parts = [
        "# Performance",
        "Written by `python -m tests.benchmarks --write docs/performance.md`, not by hand. Every round plays each side "
        "once, one after another, in processes of their own on one machine, all on uvloop; a figure is the "
        "median of all rounds unless it says otherwise, and in brackets stand the lowest and the highest of a round. "
        "The machine is small and shared: trust the ratios.",
        "\n".join(f"- {name}: {value}" for name, value in machine.items()),
    ]
    for contest, rounds, results in played:
        parts += [f"## {contest.title}", f"{contest.how} Rounds: {rounds}.", _table(results)]
    return "\n\n".join(parts) + "\n"


def _table(results: Sequence[Result]) -> str:
    rows = ["| | eitherway | rival | ratio | goal |", "| --- | --- | --- | --- | --- |"]
    for result in results:
        ours = f"{show(result.ours)} {result.unit}".rstrip()
        rival = f"{show(result.rival)} {result.unit} ({result.rival_name})" if result.rival else ""
        ratio = f"{result.ratio:.2f}" if result.ratio is not None else ""
        goal = f"{result.goal}: {verdict(result)}" if result.goal else ""
        rows.append(f"| {result.measure} | {ours} | {rival} | {ratio} | {goal} |")
    return "\n".join(rows)


def show(figure: Figure) -> str:
    """A value and its spread."""
    return f"{number(figure.value)} ({number(figure.low)} to {number(figure.high)})"


def number(value: float) -> str:
    """Three digits or so."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def verdict(result: Result) -> str:
    """Whether the goal is met."""
    return "met" if result.met else "missed"
