"""Pages talk with pages and with Python: over the relay, directly, and while the path changes under load."""

import pytest

from tests.browser.conftest import Pages
from tests.browser.conversation import Conversation, join

pytestmark = pytest.mark.browser

PAIRS = [
    ("chromium", "chromium"),
    ("chromium", "firefox"),
    ("firefox", "firefox"),
    ("chromium", "python"),
    ("firefox", "python"),
]
MEGABYTE = 1024 * 1024


@pytest.mark.parametrize(("one", "other"), PAIRS)
async def test_over_the_relay(pages: Pages, talk: Conversation, one: str, other: str) -> None:
    await join(talk, pages, one, "a", bulk=MEGABYTE, p2p="never")
    await join(talk, pages, other, "b", bulk=MEGABYTE, p2p="never")
    await talk.until_more_arrived(100)
    figures = await talk.finish()
    for direction in ("a to b", "b to a"):
        assert set(figures[direction]["paths"]) == {"relay"}
        assert figures[direction]["bulk"]["messages"] == 64


@pytest.mark.parametrize(("one", "other"), PAIRS)
async def test_directly(pages: Pages, talk: Conversation, one: str, other: str) -> None:
    await join(talk, pages, one, "a")
    await join(talk, pages, other, "b")
    print(f"direct after {await talk.until_on('direct'):.2f} s")
    await talk.until_more_arrived(20)
    figures = await talk.finish()
    assert all(figures[direction]["paths"]["direct"] >= 20 for direction in ("a to b", "b to a"))
