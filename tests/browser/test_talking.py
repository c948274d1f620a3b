"""Pages talk with pages and with Python: over the relay, directly, and while the path changes under load."""

import pytest

from tests.browser.conftest import Pages
from tests.browser.conversation import Conversation

pytestmark = pytest.mark.browser

PAIRS = [
    ("chromium", "chromium"),
    ("chromium", "firefox"),
    ("firefox", "firefox"),
    ("chromium", "python"),
    ("firefox", "python"),
]
MEGABYTE = 1024 * 1024


async def join(talk: Conversation, pages: Pages, kind: str, name: str, *, bulk: int = 0, p2p: str = "auto") -> None:
    """Let one join, in a browser or in Python."""
    if kind == "python":
        await talk.python(name, "--bulk", str(bulk))
    else:
        await talk.page(await pages.open(kind), name, bulk=bulk, p2p=p2p)


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
