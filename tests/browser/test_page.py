"""The demo's page in both browsers, together in one room; `tests/page` looks at the rest of it in Chromium."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Pages
from tests.browser.driving import Page

pytestmark = pytest.mark.browser


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


@pytest.mark.parametrize("kind", ["chromium", "firefox"])
async def test_a_reloaded_page_has_the_name_and_the_key_it_had(pages: Pages, signalling_url: str, kind: str) -> None:
    page = await opened(pages, kind, f"{signalling_url}/?room=reload-{kind}")
    script = "return [sessionStorage.getItem('eitherway.seed'), document.querySelector('[data-testid=name]').value]"
    before = await page.run(script)
    assert all(before)
    await page.reload()
    await page.until("document.body.classList.contains('joined')")
    assert await page.run(script) == before


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
