"""Pictures for docs/performance.md: a bar for each side, of a contest's first measure."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.contest import Unavailable
from tests.benchmarks.running import OURS, Played

WIDTH, BAR, REST = 800, 36, 110
"""Pixels: of a picture, of each bar in it, and of what is above and below them."""
OUR_COLOUR, THEIR_COLOUR = "#2a6f97", "#b8c4cc"


def draw(played: Sequence[Played], folder: Path) -> dict[str, str]:
    """Writes a picture for each contest with rivals into a folder; gives their addresses from beside it."""
    drawn = {}
    for each in played:
        if each.results[0].rivals:
            folder.mkdir(exist_ok=True)
            (folder / f"{each.contest.name}.svg").write_text(_picture(each))
            drawn[each.contest.name] = f"{folder.name}/{each.contest.name}.svg"
    return drawn


def check() -> None:
    """Raises Unavailable if no pictures can be drawn here."""
    if importlib.util.find_spec("leather") is None:
        raise Unavailable("pictures need leather: make bench installs it, or pip install 'eitherway[test]'")


def _picture(played: Played) -> str:
    import leather

    result = played.results[0]
    values = {**{name: figure.value for name, figure in reversed(result.rivals.items())}, OURS: result.ours.value}
    better = next(measure.better for measure in played.contest.measures if measure.title == result.measure)
    chart = leather.Chart(f"{played.contest.title} ({better} is better)")
    chart.add_bars(
        [(round(value, 2), name) for name, value in values.items()],
        fill_color=lambda row: OUR_COLOUR if row.y == OURS else THEIR_COLOUR,
    )
    chart.set_x_scale(leather.Linear(0, 1.05 * max(values.values())))
    chart.set_x_axis(leather.Axis(name=result.unit))
    svg: str = chart.to_svg(width=WIDTH, height=REST + BAR * len(values))
    return svg
