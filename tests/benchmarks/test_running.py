"""What comes of rounds: medians, spread, the best rival, and one that is missing."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.benchmarks.contest import Contest, Goal, Measure, Round, Samples, Unavailable
from tests.benchmarks.plots import draw
from tests.benchmarks.report import document
from tests.benchmarks.running import Figure, play


def _side(*figures: float) -> Round:
    left = list(figures)

    async def play() -> Samples:
        return {"speed": [left.pop(0)]}

    return play


async def _missing() -> Samples:
    raise Unavailable("install it")


CONTEST = Contest(
    name="speed",
    title="Speed",
    how="As fast as it goes.",
    ours=_side(20.0, 30.0, 10.0),
    rivals={},
    measures=(Measure("speed", "one way", "MB/s", better="higher", goal=Goal("at least the best", float.__ge__)),),
)


async def test_every_side_is_in_the_tables_and_a_missing_one_is_named(tmp_path: Path) -> None:
    rivals = {"slow": _side(1.0, 2.0, 3.0), "fast": _side(40.0, 50.0, 60.0), "away": _missing}
    contest = Contest(**{name: getattr(CONTEST, name) for name in CONTEST.__struct_fields__} | {"rivals": rivals})
    said: list[str] = []
    played = await play(contest, 3, said.append)
    (result,) = played.results
    assert result.ours == Figure(20, 10, 30)
    assert result.rivals == {"slow": Figure(2, 1, 3), "fast": Figure(50, 40, 60)}
    assert (result.best, result.ratio, result.met) == ("fast", 0.4, False)
    assert played.missing == {"away": "install it"}
    assert said.count("  cannot run away: install it") == 1
    page = document({}, [played], {}, "make bench")
    assert "| one way, MB/s | 20.0 (10.0 to 30.0) | 2.00 (1.00 to 3.00) | 50.0 (40.0 to 60.0) | 0.40 |" in page
    assert "Not measured: away. install it." in page
    assert draw([played], tmp_path / "pictures") == {"speed": "pictures/speed.svg"}
    assert ET.parse(tmp_path / "pictures" / "speed.svg").getroot().tag.endswith("svg")


async def test_without_ourselves_there_is_no_contest() -> None:
    contest = Contest(**{name: getattr(CONTEST, name) for name in CONTEST.__struct_fields__} | {"ours": _missing})
    with pytest.raises(Unavailable, match="install it"):
        await play(contest, 1, print)


async def test_a_figure_that_some_rivals_have_is_compared_with_those_alone() -> None:
    async def echo() -> Samples:
        return {"speed": [7.0], "echo": [5.0]}

    async def silent() -> Samples:
        return {"speed": [9.0]}

    measures = (*CONTEST.measures, Measure("echo", "there and back", "ms", against=("echoes",)))
    rivals = {"silent": silent, "echoes": echo}
    changed = {"ours": echo, "rivals": rivals, "measures": measures}
    contest = Contest(**{name: getattr(CONTEST, name) for name in CONTEST.__struct_fields__} | changed)
    said: list[str] = []
    played = await play(contest, 1, said.append)
    assert [list(result.rivals) for result in played.results] == [["silent", "echoes"], ["echoes"]]
    assert said[0] == "  round 1 of 1, silent: one way 9 MB/s"
    page = document({}, [played], {}, "make bench")
    assert "| there and back, ms | 5.00 (5.00 to 5.00) |  | 5.00 (5.00 to 5.00) | 1.00 |" in page
