"""Results for people: plain lines, and docs/performance.md."""

from collections.abc import Mapping, Sequence

from tests.benchmarks.running import OURS, Figure, Played, Result


def lines(results: Sequence[Result]) -> list[str]:
    """One line for each figure."""
    return [
        "  "
        + "; ".join(
            [
                f"{result.measure}: {OURS} {show(result.ours)} {result.unit}".rstrip(),
                *(f"{name} {show(figure)}" for name, figure in result.rivals.items()),
                *([f"ratio to {result.best} {result.ratio:.2f}"] if result.ratio is not None else []),
                *([f"goal ({result.goal}) {verdict(result)}"] if result.goal else []),
            ]
        )
        for result in results
    ]


def document(machine: Mapping[str, str], played: Sequence[Played], plots: Mapping[str, str], command: str) -> str:
    """All results as Markdown. `plots` are addresses of pictures by the contest's name."""
    parts = [
        "# Performance",
        f"Written by `{command}`, not by hand. Every round plays each side once, one after another, in processes of "
        "their own on one machine; a figure is the median of all rounds unless it says otherwise, and in brackets "
        "stand the lowest and the highest of a round. Programs in Python run on uvloop. The machine is small and "
        "shared: trust the ratios, which are to the best rival.",
        "\n".join(f"- {name}: {value}" for name, value in machine.items()),
    ]
    for each in played:
        parts += [f"## {each.contest.title}", f"{each.contest.how} Rounds: {each.rounds}."]
        if each.contest.name in plots:
            first = each.results[0]
            parts.append(f"![{first.measure}, {first.unit}]({plots[each.contest.name]})")
        parts.append(_table(each.results))
        parts += [f"Not measured: {name}. {why}." for name, why in each.missing.items()]
    return "\n\n".join(parts) + "\n"


def _table(results: Sequence[Result]) -> str:
    names = list(dict.fromkeys(name for result in results for name in result.rivals))
    goals = any(result.goal for result in results)
    head = ["", OURS, *names, *(["ratio"] if names else []), *(["goal"] if goals else [])]
    rows = [head, ["---"] * len(head)]
    for result in results:
        row = [
            ", ".join(filter(None, (result.measure, result.unit))),
            show(result.ours),
            *(show(result.rivals[name]) if name in result.rivals else "" for name in names),
        ]
        if names:
            row.append(f"{result.ratio:.2f}" if result.ratio is not None else "")
        if goals:
            row.append(f"{result.goal}: {verdict(result)}" if result.goal else "")
        rows.append(row)
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


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
