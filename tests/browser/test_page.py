"""The demo's page in both browsers, together in one room; `tests/page` looks at the rest of it in Chromium."""

import importlib.util
import time
from pathlib import Path
from typing import Any

import pytest

from peers.bot.loading import load
from tests.bots.running import running
from tests.browser.conftest import Pages
from tests.browser.driving import Page

pytestmark = pytest.mark.browser

BROWSERS = ["chromium", "firefox"]
GONE = 10.0
"""Seconds in which the others see that a tab was closed, however busy; who has lost its connection has 30 to return."""
PEER = "document.querySelector('[data-testid=peer]')"


async def opened(pages: Pages, kind: str, url: str) -> Page:
    """The page, in its room."""
    page = await pages.open(kind, url)
    await page.until("document.body.classList.contains('joined')")
    return page


async def number(page: Page, name: str) -> int:
    """One of its counters."""
    text: str = await page.run("return document.querySelector(`[data-testid=${name}]`).textContent", name=name)
    return int(text.replace(",", ""))


async def until_on(page: Page, path: str) -> None:
    """Wait until it shows its peer on a path."""
    await page.until("document.querySelector(`[data-testid=peer][data-path=${path}]`) !== null", path=path)


@pytest.mark.parametrize(("one", "other"), [("firefox", "chromium"), ("firefox", "firefox")])
async def test_paths_are_cut_and_healed_with_nothing_lost(
    pages: Pages, signalling_url: str, one: str, other: str
) -> None:
    url = f"{signalling_url}/?room=page-{one}-{other}"
    both = [await opened(pages, kind, url) for kind in (one, other)]
    for page in both:
        await until_on(page, "direct")
    for switch, path in (("cut-direct", "relay"), ("cut-direct", "direct"), ("cut-server", "direct")):
        await both[0].run("document.querySelector(`[data-testid=${name}]`).click()", name=switch)
        for page in both:
            await until_on(page, path)
            before = await number(page, "delivered")
            script = "Number(document.querySelector('[data-testid=delivered]').textContent.replaceAll(',', '')) > least"
            await page.until(script, least=before + 20)
    await both[0].run("document.querySelector('[data-testid=cut-server]').click()")
    for page in both:
        assert [await number(page, name) for name in ("lost", "doubled", "swapped")] == [0, 0, 0]


@pytest.mark.parametrize("kind", BROWSERS)
async def test_a_reloaded_page_is_who_it_was_to_the_others_too(pages: Pages, signalling_url: str, kind: str) -> None:
    url = f"{signalling_url}/?room=reload-{kind}"
    page, other = await opened(pages, kind, url), await opened(pages, "chromium", url)
    script = "return [sessionStorage.getItem('eitherway.seed'), document.querySelector('[data-testid=name]').value]"
    before = await page.run(script)
    assert all(before)
    peer = await other.until(f"{PEER}?.dataset.peer")
    await page.reload()
    await page.until("document.body.classList.contains('joined')")
    assert await page.run(script) == before
    await other.until(
        "document.querySelector('[data-testid=log]').textContent.includes(told)", told=f"{before[1]} joined"
    )
    assert await other.until(f"{PEER}?.dataset.peer") == peer


@pytest.mark.parametrize("kind", BROWSERS)
async def test_a_closed_tab_is_gone_at_once(pages: Pages, signalling_url: str, kind: str) -> None:
    url = f"{signalling_url}/?room=closed-{kind}"
    page, other = await opened(pages, kind, url), await opened(pages, "chromium", url)
    await until_on(other, "direct")
    name = await page.run("return document.querySelector('[data-testid=name]').value")
    begun = time.monotonic()
    await page.close()
    await other.until(f"{PEER} === null", GONE)
    print(f"gone after {time.monotonic() - begun:.2f} s")
    assert f"{name} left (left)" in await other.run("return document.querySelector('[data-testid=log]').textContent")


@pytest.mark.parametrize("kind", BROWSERS)
async def test_a_page_that_may_be_shown_again_stays(pages: Pages, signalling_url: str, kind: str) -> None:
    url = f"{signalling_url}/?room=put-away-{kind}"
    page, other = await opened(pages, kind, url), await opened(pages, "chromium", url)
    await until_on(other, "direct")
    hide = "dispatchEvent(new PageTransitionEvent('pagehide', { persisted }))"
    await page.run(hide, persisted=True)
    await page.run("document.querySelector('[data-testid=name]').value = 'Still here'")
    await page.run("document.querySelector('[data-testid=name]').dispatchEvent(new Event('change'))")
    await other.until(f"{PEER}?.textContent.includes('Still here')")
    assert " left (" not in await other.run("return document.querySelector('[data-testid=log]').textContent")
    await page.run(hide, persisted=False)
    await other.until(f"{PEER} === null")


@pytest.mark.parametrize("kind", BROWSERS)
async def test_an_image_comes_back_from_the_bot_as_a_thumbnail_to_look_at(
    pages: Pages, signalling_url: str, kind: str
) -> None:
    async with running(load("peers.bots.thumbnail:bot"), signalling_url, f"thumbnail-{kind}"):
        page = await opened(pages, kind, f"{signalling_url}/?room=thumbnail-{kind}")
        await page.until(f"{PEER} !== null")
        script = """
            const drawing = new OffscreenCanvas(640, 320);
            const context = drawing.getContext("2d");
            context.fillStyle = "rgb(220 20 60)";
            context.fillRect(0, 0, 640, 320);
            const files = new DataTransfer();
            files.items.add(new File([await drawing.convertToBlob({ type: "image/png" })], "red.png"));
            const input = document.querySelector("[data-testid=file-input]");
            input.files = files.files;
            input.dispatchEvent(new Event("change"));
        """
        await page.run(script)
        await page.until("document.querySelector('[data-direction=in] [data-testid=file-picture]') !== null")
        script = """
            const picture = document.querySelector("[data-testid=file-picture]");
            const row = picture.closest("[data-testid=file]");
            const [red, green, blue] = picture.getContext("2d").getImageData(80, 40, 1, 1).data;
            return {
                size: [picture.width, picture.height], colour: [red, green, blue], name: row.dataset.name,
                label: picture.getAttribute("aria-label"),
            };
        """
        seen = await page.run(script)
        assert seen["size"] == [160, 80]
        assert [abs(one - other) < 12 for one, other in zip(seen["colour"], (220, 20, 60), strict=True)] == [True] * 3
        assert seen["name"].startswith("thumbnail of red.")
        assert seen["label"] == f"Picture: {seen['name']}"


async def test_axe_finds_nothing_in_firefox_either(pages: Pages, signalling_url: str) -> None:
    page = await opened(pages, "firefox", f"{signalling_url}/?room=axe")
    await opened(pages, "chromium", f"{signalling_url}/?room=axe")
    await until_on(page, "direct")
    found: list[dict[str, Any]] = await page.run(f"{axe()}; return (await axe.run()).violations")
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


def axe() -> str:
    """The source of axe."""
    package = importlib.util.find_spec("axe_playwright_python")
    assert package is not None
    assert package.origin is not None
    (source,) = Path(package.origin).parent.rglob("axe*.js")
    return source.read_text()
