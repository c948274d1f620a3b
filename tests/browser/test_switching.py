"""Paths come and go under load, and the server too."""

import signal
from pathlib import Path

import pytest

from tests.browser.conftest import Pages
from tests.browser.conversation import Conversation, conversation, join
from tests.serving import ServerProcess

pytestmark = pytest.mark.browser

ENDLESS = 1024**3
"""Bytes of bulk that last until the conversation ends."""
PAIRS = [("chromium", "chromium"), ("chromium", "firefox"), ("chromium", "python"), ("firefox", "python")]
NOBODY_THERE = "(WebSocket|connection to the server|ERR_CONNECTION|socket.io|NS_ERROR|CORS)"
"""What browsers write to the console about a server that is not there."""


@pytest.mark.parametrize(("one", "other"), PAIRS)
async def test_a_direct_path_is_cut_under_load_and_comes_back(
    pages: Pages, talk: Conversation, one: str, other: str
) -> None:
    a = await talk.page(await pages.open(one), "a", bulk=ENDLESS)
    await join(talk, pages, other, "b", bulk=ENDLESS)
    await talk.until_on("direct")
    await talk.until_more_arrived(100)
    await a.page.run("directPath.cut()")
    gap = await talk.until_on("relay")
    await talk.until_more_arrived(100)
    await a.page.run("directPath.restore()")
    again = await talk.until_on("direct", 30)
    await talk.until_more_arrived(100)
    figures = await talk.finish()
    print(f"given up after {gap:.2f} s, direct again after {again:.2f} s", figures)
    for direction in ("a to b", "b to a"):
        assert set(figures[direction]["paths"]) == {"direct", "relay"}
        assert figures[direction]["bulk"]["messages"] > 100
        assert figures[direction]["reliable"]["undelivered"] == 0


@pytest.mark.parametrize(("one", "other"), [("chromium", "firefox"), ("firefox", "python")])
async def test_the_server_is_killed_and_restarted(pages: Pages, tmp_path: Path, one: str, other: str) -> None:
    async with ServerProcess() as server, conversation(server.url, tmp_path) as talk:
        a = await talk.page(await pages.open(one), "a")
        await join(talk, pages, other, "b")
        for page in pages.all:
            page.expected.append(NOBODY_THERE)
        await talk.until_on("direct")
        await server.stop(signal.SIGKILL)
        await a.page.until("!talk.client.connected")
        await talk.until_more_arrived(50)
        await server.start()
        await a.page.until("talk.client.connected")
        await a.page.run("directPath.cut()")
        await talk.until_on("relay")  # that of the new server
        await talk.until_more_arrived(50)
        figures = await talk.finish()
    for direction in ("a to b", "b to a"):
        assert set(figures[direction]["paths"]) == {"direct", "relay"}
        assert figures[direction]["reliable"]["undelivered"] == 0
