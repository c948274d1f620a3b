"""The panel that compares transports: in Chromium, with a real server, and the echo bot or nobody."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from peers.bot.loading import load
from signalling import create_token
from tests.bots.running import running
from tests.page.visiting import Watched, opened, text
from tests.serving import serving
from tests.wheels import ROOT

SECRET = "a secret of 32 bytes or more, for tests"
LINKS = ["direct", "relay-websocket", "relay-polling"]
FEEDS = ["feed-websocket", "feed-polling", "sse", "ndjson", "long-poll"]
ENDED = re.compile(r"failed: .*(/feed\?|transport=polling)")
"""A request that waits is given up at the end: no fault."""


@asynccontextmanager
async def echo(url: str, token: str | None = None, p2p: str = "auto") -> AsyncIterator[None]:
    """The echo bot, with direct paths unless told otherwise."""
    options = {} if token is None else {"token": token}
    async with running(load("peers.bots.echo:bot"), url, "r", p2p=p2p, **options):
        yield


async def unfold(page: Page) -> None:
    """The panel, open."""
    await page.click("[data-testid=compare-open]")
    await page.wait_for_selector("[data-testid=compare-measure]")


async def measured(page: Page) -> str:
    """Press the button, and wait; gives what the panel says then."""
    await page.click("[data-testid=compare-measure]")
    async with asyncio.timeout(150):
        while not (told := await text(page, "compare-status")).startswith("Measured"):
            await asyncio.sleep(0.1)
    return told


async def cell(page: Page, transport: str, name: str) -> str:
    return await page.inner_text(f"[data-transport={transport}] [data-testid=compare-{name}]")


def ms(shown: str) -> float:
    number, unit = shown.split()
    return float(number) * (1000 if unit == "s" else 1)


async def check(page: Page, transports: list[str]) -> None:
    """Each of these has figures, and they can be true."""
    for transport in transports:
        assert await page.get_attribute(f"[data-transport={transport}]", "data-state") == "done", transport
        median, late = [ms(await cell(page, transport, name)) for name in ("median", "late")]
        assert 0 < median <= late < 10_000, transport
        # An event of 200 bytes is sent and received; of a direct path it is known what one way takes.
        least, most = (250, 650) if transport == "direct" else (550, 6_000)
        assert least < int((await cell(page, transport, "bytes")).replace(",", "")) < most, transport
        assert await page.locator(f"[data-transport={transport}] circle.event").count() == 40


async def rooms(url: str, token: str = "") -> list[tuple[str, int]]:
    """Every room with how many members it has."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(f"{url}/api/v1/rooms") as answer:
        return [(room["name"], room["peers"]) for room in (await answer.json())["rooms"]]


async def test_every_transport_is_measured_in_a_room_apart(url: str, browser: Browser) -> None:
    async with echo(url), opened(browser, url) as (page, watched):
        await page.wait_for_selector("[data-testid=peer][data-path=direct]", timeout=20_000)
        await unfold(page)
        assert await measured(page) == "Measured 8 of 8 transports."
        await check(page, LINKS + FEEDS)
        for transport in [*FEEDS, "webhook"]:
            assert await cell(page, transport, "seal") == "the server can read this"
        for transport in LINKS:
            assert await cell(page, transport, "seal") == "sealed"
        assert await cell(page, "webhook", "median") == "–"
        assert "No webhook reaches a page" in await cell(page, "webhook", "note")
        assert await page.locator("[data-testid=peer]").count() == 1
        assert "compare" not in await text(page, "log")
        others = [(name, peers) for name, peers in await rooms(url) if name != "r"]
        assert len(others) == 1
        assert others[0][0].startswith("compare-")
        assert others[0][1] == 0, "who measured is gone"
        assert [await text(page, name) for name in ("lost", "doubled", "swapped")] == ["0", "0", "0"]
        assert [fault for fault in watched.faults if not ENDED.match(fault)] == []


async def test_what_was_measured_between_programs_is_shown_as_the_document_has_it(url: str, browser: Browser) -> None:
    document = (ROOT / "docs" / "choosing.md").read_text()
    table = document.partition("<!-- measured: transports -->")[2].partition("<!-- end -->")[0]
    rows = dict(re.findall(r"^\| (.+?) \| (.*) \|$", table, re.MULTILINE))
    async with opened(browser, url) as (page, watched):
        await unfold(page)
        late, _, wire, cpu = rows["webhook"].split(" | ")
        assert [await cell(page, "webhook", name) for name in ("documented", "wire", "cpu")] == [late, wire, cpu]
        late, _, wire, cpu = rows["Server-Sent Events"].split(" | ")
        assert [await cell(page, "sse", name) for name in ("documented", "wire", "cpu")] == [late, wire, cpu]
        await page.click("[data-testid=compare-sort][data-key=cpu]")
        order = await page.eval_on_selector_all(
            "[data-testid=compare-row]", "all => all.map(row => row.dataset.transport)"
        )
        assert [order[0], order[-2], order[-1]] == ["direct", "relay-polling", "long-poll"]
        assert await page.get_attribute("th:has([data-key=cpu])", "aria-sort") == "ascending"
        await page.click("[data-testid=compare-sort][data-key=cpu]")
        assert await page.get_attribute("th:has([data-key=cpu])", "aria-sort") == "none"
        assert watched.faults == []


async def test_in_an_empty_room_the_direct_path_says_who_is_missing(url: str, browser: Browser) -> None:
    async with opened(browser, url) as (page, _):
        await unfold(page)
        assert await measured(page) == "Measured 7 of 8 transports."
        assert "open this page in a second tab" in await cell(page, "direct", "note")
        assert await page.get_attribute("[data-transport=direct]", "data-state") == "failed"
        await check(page, [transport for transport in LINKS + FEEDS if transport != "direct"])


async def test_where_there_is_no_direct_path_it_is_waited_for_and_can_be_stopped(url: str, browser: Browser) -> None:
    async with echo(url, p2p="never"), opened(browser, url) as (page, _):
        await page.wait_for_selector("[data-testid=peer]")
        await unfold(page)
        await page.click("[data-testid=compare-measure]")
        await page.wait_for_selector("[data-transport=direct][data-state=measuring]")
        await page.click("[data-testid=compare-measure]")
        await page.wait_for_selector("[data-transport=direct][data-state=idle]", timeout=3_000)
        assert await text(page, "compare-status") == "Stopped."
        await page.click("[data-testid=compare-measure]")
        await page.wait_for_selector("[data-transport=direct][data-state=failed]", timeout=20_000)
        assert await cell(page, "direct", "note") == "There is no direct path to echo just now."


async def test_a_second_tab_answers_and_its_counters_stay_right(url: str, browser: Browser) -> None:
    async with opened(browser, url) as (one, _), opened(browser, url) as (two, _):
        for page in (one, two):
            await page.wait_for_selector("[data-testid=peer][data-path=direct]", timeout=20_000)
        await unfold(one)
        await one.click("[data-testid=compare-measure]")
        async with asyncio.timeout(30):
            while await one.get_attribute("[data-transport=direct]", "data-state") != "done":
                await asyncio.sleep(0.05)
        await check(one, ["direct"])
        for page in (one, two):
            assert [await text(page, name) for name in ("lost", "doubled", "swapped")] == ["0", "0", "0"]


async def test_a_cut_is_said_to_be_one(url: str, browser: Browser) -> None:
    async with echo(url), opened(browser, url) as (page, _):
        await page.wait_for_selector("[data-testid=peer][data-path=direct]", timeout=20_000)
        await unfold(page)
        for switch in ("cut-direct", "cut-server"):
            await page.click(f"[data-testid={switch}]")
        assert await measured(page) == "Measured 0 of 8 transports."
        assert "direct path is cut" in await cell(page, "direct", "note")
        assert "server is cut off" in await cell(page, "sse", "note")


@pytest.mark.parametrize("transport", ["relay-websocket", "relay-polling"])
async def test_closing_the_panel_ends_its_clients(url: str, browser: Browser, transport: str) -> None:
    async with opened(browser, url) as (page, _):
        await unfold(page)
        await page.click("[data-testid=compare-measure]")
        await page.wait_for_selector(f"[data-transport={transport}][data-state=measuring]", timeout=60_000)
        async with asyncio.timeout(20):
            while max(peers for _, peers in await rooms(url)) < 2:
                await asyncio.sleep(0.01)
        await page.click("[data-testid=compare-open]")
        async with asyncio.timeout(20):
            while [peers for name, peers in await rooms(url) if name.startswith("compare-")] not in ([], [0]):
                await asyncio.sleep(0.05)
        await page.click("[data-testid=compare-open]")
        assert await text(page, "compare-status") == "Stopped."
        assert await page.locator("[data-state=measuring]").count() == 0
        assert await measured(page) == "Measured 7 of 8 transports."


@pytest.mark.parametrize("allowed", ["*", "r"])
async def test_on_a_server_that_asks_for_tokens(static: object, browser: Browser, allowed: str) -> None:
    token = create_token(SECRET, user="ada", rooms=[allowed], lifetime=600)
    ruler = create_token(SECRET, user="ruler", rooms=["*"], lifetime=600, grants=["admin"])
    async with serving(token_secret=(SECRET,)) as url, echo(url, token):
        context = await browser.new_context()
        try:
            page = await context.new_page()
            watched = Watched(page, url)
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            await page.goto(f"{url}/?room=r#token={token}")
            await page.wait_for_selector("[data-testid=peer][data-path=direct]", timeout=20_000)
            await unfold(page)
            assert await measured(page) == "Measured 8 of 8 transports."
            await check(page, LINKS + FEEDS)
            assert not [one for one in asked if token in one.partition("#")[0]]
            assert [fault for fault in watched.faults if not ENDED.match(fault)] == []
            names = [name for name, _ in await rooms(url, ruler)]
            assert [name == "r" or name.startswith("compare-") for name in names] == [True] * len(names)
            assert len(names) == (2 if allowed == "*" else 1)
        finally:
            await context.close()


async def test_answers_come_to_one_transport(url: str, browser: Browser) -> None:
    async with opened(browser, url) as (page, watched):
        await unfold(page)
        for answer, transport in {"company": "webhook", "script": "long-poll", "program": "ndjson"}.items():
            await page.check(f"[data-testid=compare-answer][value={answer}]")
            marked = await page.eval_on_selector_all(".recommended", "all => all.map(row => row.dataset.transport)")
            assert marked == [transport]
        await page.focus("[data-testid=compare-answer][value=one]")
        await page.keyboard.press("ArrowRight")  # both ways
        assert "sealed" in await text(page, "compare-choice")
        assert await page.get_attribute(".recommended", "data-transport") == "direct"
        assert watched.faults == []


async def test_nothing_of_it_is_loaded_before_it_is_opened(url: str, browser: Browser) -> None:
    async with opened(browser, url) as (page, _):
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        loaded = await page.evaluate("JSON.stringify(performance.getEntriesByType('resource').map(one => one.name))")
        assert not [name for name in json.loads(loaded) if "compare" in name]
        await page.focus("[data-testid=compare-open]")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("[data-testid=compare-measure]")
        assert len([name for name in asked if "/assets/compare-" in name]) == 2  # script and style


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", [1280, 360])
async def test_axe_finds_nothing_in_it(url: str, browser: Browser, scheme: str, width: int) -> None:
    viewport = {"width": width, "height": 800}
    async with opened(browser, url, color_scheme=scheme, viewport=viewport) as (page, watched):
        await unfold(page)
        await page.click("[data-testid=compare-measure]")
        await page.wait_for_selector("[data-transport=feed-websocket] circle.event", state="attached", timeout=60_000)
        found = await Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await page.click("[data-testid=compare-measure]")  # which stops it
        assert [fault for fault in watched.faults if not ENDED.match(fault)] == []
