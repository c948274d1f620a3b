"""The soak, for some seconds."""

import json
from pathlib import Path

import pytest

from tests.browser.chromium import PROGRAM as CHROMIUM
from tests.browser.running import missing
from tests.browser.silences import Silence, silences
from tests.browser.soak import soak

pytestmark = pytest.mark.browser


async def test_pages_lose_nothing_while_their_paths_are_cut(tmp_path: Path) -> None:
    if (reason := missing(CHROMIUM)) is not None:
        pytest.skip(reason)
    figures = await soak(10, 3, False, 2, tmp_path)
    print(figures["happened"], figures["paths"])
    assert figures["faults"] == []
    assert figures["happened"] != {}
    assert all(figures[f"p{one} to p{other}"]["reliable"]["messages"] > 20 for one, other in ((0, 1), (1, 2), (2, 0)))
    assert figures["silences"][0].endswith(("p0", "p1", "p2"))


def test_a_silence_counts_as_long_as_there_was_a_way(tmp_path: Path) -> None:
    times = [100.0, 101.0, 111.0, 112.0]
    (tmp_path / "b.arrived").write_text("".join(json.dumps({"from": "a", "at": at}) + "\n" for at in times))
    closed = {"a": [(99.0, 100.5), (103.0, 105.0)], "b": [(104.0, 106.0)]}
    first, *others = silences(tmp_path, closed, closed)
    assert first == Silence(5.0, "a", "b", (101.0, 111.0))
    assert str(first) == "5.0 s of 10.0 s from a to b"
    assert [one.open for one in others] == [1.0, 0.5]
