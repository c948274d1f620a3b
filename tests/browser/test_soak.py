"""The soak, for some seconds."""

from pathlib import Path

import pytest

from tests.browser.chromium import PROGRAM as CHROMIUM
from tests.browser.running import missing
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
