"""Takes the pictures of the page that the documentation shows: `python -m tests.page.screenshots [FOLDER]`.

A server, its two bots, and two people who talk: one of them is looked at, in the dark, by day, and on a phone. Then the
transports that it compares.
"""

import argparse
import asyncio
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.async_api import Browser, FilePayload, Page, async_playwright

from tests.page.conftest import CHROMIUM, FLAGS
from tests.programs import run
from tests.wheels import ROOT

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 1060}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 1060}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "color_scheme": "light"},
}
TALK = 12.0
"""Seconds of counting before a picture is taken."""


async def take(folder: Path) -> None:
    """All pictures."""
    with TemporaryDirectory() as scratch:
        # Whoever was on one picture is not away on the next.
        async with run(
            Path(scratch), "demo", "demo", "--lan", "--port", "0", EITHERWAY_STUN_PORT="0", EITHERWAY_GRACE="0"
        ) as demo:
            said = await demo.says("Ctrl-C ends it.")
            url = re.findall(r"http://[\d.]+:\d+", said)[-1]
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                for name, look in LOOKS.items():
                    await picture(browser, url, folder / f"{name}.png", look)
                    print(folder / f"{name}.png")
                await compared(browser, url, folder / "compare.png")
                print(folder / "compare.png")
                await browser.close()


async def picture(browser: Browser, url: str, path: Path, look: dict[str, Any]) -> None:
    """One picture, of a page with the direct path cut."""
    looking, other = await browser.new_context(**look), await browser.new_context()
    try:
        ada, grace = (
            await enter(await looking.new_page(), url, "Ada"),
            await enter(await other.new_page(), url, "Grace"),
        )
        for page in (ada, grace):
            await page.wait_for_selector("[data-testid=peer][data-path=direct]", timeout=30_000)
        await say(grace, "The train leaves at nine.")
        await say(ada, "I'll be there. Here is the map.")
        file = FilePayload(name="map.pdf", mimeType="application/pdf", buffer=bytes(4_200_000))
        await grace.set_input_files("[data-testid=file-input]", files=[file])
        await ada.wait_for_selector("[data-testid=file][data-state=done]", timeout=60_000)
        await asyncio.sleep(TALK)
        await ada.click("[data-testid=cut-direct]")
        async with asyncio.timeout(30):
            while "took over" not in await ada.inner_text("[data-testid=outcome]"):
                await asyncio.sleep(0.1)
        await asyncio.sleep(3)
        await ada.mouse.move(0, 0)
        await grace.hover("[data-testid=stage]", position={"x": 430, "y": 210})
        await asyncio.sleep(0.5)
        await grace.hover("[data-testid=stage]", position={"x": 420, "y": 200})
        await asyncio.sleep(0.3)
        await ada.evaluate("scrollTo(0, innerWidth < 500 ? document.querySelector('.sign').offsetTop - 10 : 0)")
        await ada.screenshot(path=path)
    finally:
        await looking.close()
        await other.close()


async def compared(browser: Browser, url: str, path: Path) -> None:
    """The panel that compares transports, when it has measured them."""
    context = await browser.new_context(**LOOKS["light"])
    try:
        page = await enter(await context.new_page(), url, "Ada")
        await page.wait_for_selector("[data-testid=peer][data-path=direct]", timeout=30_000)
        await page.click("[data-testid=compare-open]")
        await page.click("[data-testid=compare-measure]")
        async with asyncio.timeout(100):
            while "Measured" not in await page.inner_text("[data-testid=compare-status]"):
                await asyncio.sleep(0.1)
        await page.mouse.move(0, 0)
        await page.locator("[data-testid=compare]").screenshot(path=path)
    finally:
        await context.close()


async def enter(page: Page, url: str, name: str) -> Page:
    """The page in its room, under this name."""
    await page.add_init_script(f"sessionStorage.setItem('eitherway.name', '{name}')")
    await page.goto(url)
    await page.wait_for_selector("body.joined", timeout=30_000)
    return page


async def say(page: Page, text: str) -> None:
    """In the chat."""
    await page.fill("[data-testid=chat-text]", text)
    await page.press("[data-testid=chat-text]", "Enter")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs" / "images")
    chosen = parser.parse_args().folder
    chosen.mkdir(parents=True, exist_ok=True)
    asyncio.run(take(chosen))
