"""A page is reloaded, a tab is duplicated or sleeps, Firefox is as it comes."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from tests.browser.chromium import ChromiumTab
from tests.browser.conftest import Pages
from tests.browser.conversation import Conversation, conversation, join
from tests.browser.driving import Page
from tests.browser.running import Running
from tests.serving import ServerProcess

pytestmark = pytest.mark.browser

BROWSERS = ["chromium", "firefox"]
GONE = 10.0
"""Seconds in which the others see that a tab was closed, however busy; who has lost its connection has 30 to return."""


@pytest.mark.parametrize("kind", BROWSERS)
@pytest.mark.parametrize("p2p", ["never", "auto"])
async def test_a_reloaded_page_is_the_same_peer_again(pages: Pages, talk: Conversation, kind: str, p2p: str) -> None:
    b = await talk.page(await pages.open("chromium"), "b", p2p=p2p)
    a = await talk.page(await pages.open(kind), "a", p2p=p2p)
    await talk.until_on("relay" if p2p == "never" else "direct")
    await talk.until_more_arrived(20)
    before = await a.page.run("return talk.client.id")
    await a.stop()  # what a page that is gone had said and nobody had acknowledged, nobody can tell of
    await a.page.reload()
    a = await talk.page(a.page, "a", p2p=p2p)
    assert await a.page.run("return talk.client.id") == before
    await talk.until_more_arrived(20)
    if p2p == "auto":
        await talk.until_on("direct")
    left = [what for what in await b.happened() if what["event"] == "left"]
    assert [what["reason"] for what in left] in (["restarted"], ["left"], ["lost"]), left
    joined = [what["id"] for what in await b.happened() if what["event"] == "joined"]
    assert joined == [before, before]
    figures = await talk.finish()
    assert figures["b to a"]["reliable"]["messages"] > 40


@pytest.mark.parametrize("kind", BROWSERS)
async def test_a_duplicated_tab_is_a_new_peer(pages: Pages, talk: Conversation, kind: str) -> None:
    a = await talk.page(await pages.open(kind), "a")
    duplicate = await a.page.duplicate()
    assert await duplicate.run("return sessionStorage.getItem('eitherway.seed')") is not None
    b = await talk.page(duplicate, "b")
    assert await b.page.run("return talk.client.id") != await a.page.run("return talk.client.id")
    await talk.until_more_arrived(5)  # one of them may be in the background, where browsers slow it down
    # Each of them is who it was when it is loaded again.
    ids = {await page.run("return talk.client.id"): page for page in (a.page, b.page)}
    await talk.end()
    for number, (id, page) in enumerate(ids.items()):
        await page.reload()
        again = await talk.page(page, f"again-{number}")
        assert await again.page.run("return talk.client.id") == id
    await duplicate.close()


@pytest.mark.parametrize("kind", BROWSERS)
@pytest.mark.parametrize("every", [20, 600_000], ids=["busy", "idle"])
@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_closed_tab_leaves(pages: Pages, talk: Conversation, transport: str, every: int, kind: str) -> None:
    b = await talk.page(await pages.open("chromium"), "b", p2p="never")
    a = await talk.page(await pages.open(kind), "a", p2p="never", every=every, transports=[transport])
    await a.page.until("talk.arrived.b > 20")
    begun = time.monotonic()
    await a.page.close()
    await b.page.until("talk.happened.some(({ event }) => event === 'left')", GONE)
    print(f"gone after {time.monotonic() - begun:.2f} s")
    assert [what["reason"] for what in await b.happened() if what["event"] == "left"] == ["left"]


@asynccontextmanager
async def asleep(page: Page, running: Running) -> AsyncIterator[None]:
    """The page sleeps: Chromium freezes it, as it does with tabs in the background; in Firefox its process is stopped,
    as by a system that is suspended."""
    if isinstance(page.tab, ChromiumTab):
        await page.tab.call("Emulation.setFocusEmulationEnabled", {"enabled": False})
        window = (await page.tab.call("Browser.getWindowForTarget"))["windowId"]
        bounds = {"windowId": window, "bounds": {"windowState": "minimized"}}
        await page.tab.call("Browser.setWindowBounds", bounds)  # what can be seen is never frozen
        await page.until("document.visibilityState === 'hidden'")
        await page.tab.call("Page.setWebLifecycleState", {"state": "frozen"})
        yield
        await page.tab.call("Page.setWebLifecycleState", {"state": "active"})
        await page.tab.call("Emulation.setFocusEmulationEnabled", {"enabled": True})
        return
    children = psutil.Process(running.process.pid).children(recursive=True)
    pages = [child for child in children if child.name().startswith("Isolated Web Co")]
    assert pages != [], [child.name() for child in children]
    for process in pages:
        process.suspend()
    try:
        yield
    finally:
        for process in pages:
            process.resume()


@pytest.mark.parametrize(("kind", "other"), [("chromium", "firefox"), ("firefox", "chromium")])
async def test_a_tab_sleeps_until_the_server_has_dropped_it_and_wakes(
    request: pytest.FixtureRequest, pages: Pages, tmp_path: Path, kind: str, other: str
) -> None:
    async with (
        ServerProcess("--ping-interval", "1", "--ping-timeout", "1") as server,
        conversation(server.url, tmp_path) as talk,
    ):
        a = await talk.page(await pages.open(kind), "a")
        b = await talk.page(await pages.open(other), "b")
        await talk.until_on("direct")
        a.page.expected.append("WebSocket connection .* failed: Page entered Back-Forward Cache")
        async with asleep(a.page, request.getfixturevalue(f"{kind}_process")):
            begun = time.monotonic()
            await b.page.until("[...talk.room.peers.values()].some((peer) => peer.away)", 30)
            print(f"away after {time.monotonic() - begun:.1f} s")
        await a.page.until("talk.happened.some(({ event }) => event === 'disconnected') && talk.client.connected")
        await talk.until_more_arrived(50)
        await talk.until_on("direct", 30)
        figures = await talk.finish()
        assert all(figures[direction]["reliable"]["undelivered"] == 0 for direction in ("a to b", "b to a"))


@pytest.mark.parametrize("other", ["python", "chromium"])
async def test_firefox_as_it_comes_talks_whatever_path_there_is(pages: Pages, talk: Conversation, other: str) -> None:
    a = await talk.page(await pages.open("firefox_default"), "a", bulk=1024 * 1024)
    await join(talk, pages, other, "b", bulk=1024 * 1024)
    await talk.until_more_arrived(150)
    await a.page.until("Object.values(talk.stats())[0].attempts > 0")
    print(await a.page.run("return talk.stats()"))
    figures = await talk.finish()
    print({direction: figures[direction]["paths"] for direction in ("a to b", "b to a")})
    for direction in ("a to b", "b to a"):
        assert figures[direction]["paths"]["relay"] > 0
        assert figures[direction]["bulk"]["messages"] == 64
        assert figures[direction]["reliable"]["undelivered"] == 0
