"""Visits to the page: opening it, reading from it, saying something in it, and what others send it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import BytesIO

from PIL import Image
from playwright.async_api import Browser, Page

from peers import Peer


class Watched:
    """What a page does that it should not: messages on its console, errors, requests that leave the server."""

    def __init__(self, page: Page, url: str) -> None:
        self.faults: list[str] = []
        page.on("console", lambda message: self.faults.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("requestfailed", lambda request: self.faults.append(f"failed: {request.url}"))
        page.on("request", lambda request: self._asked(request.url, url))

    def _asked(self, asked: str, url: str) -> None:
        if not asked.startswith((url + "/", "blob:" + url)):
            self.faults.append(f"another host: {asked}")


@asynccontextmanager
async def opened(browser: Browser, url: str, **options: object) -> AsyncIterator[tuple[Page, Watched]]:
    """A page of its own, in its room."""
    context = await browser.new_context(**options)  # type: ignore[arg-type]
    try:
        page = await context.new_page()
        watched = Watched(page, url)
        await page.goto(f"{url}/?room=r")
        await page.wait_for_selector("body.joined")
        yield page, watched
    finally:
        await context.close()


async def text(page: Page, testid: str) -> str:
    return await page.inner_text(f"[data-testid={testid}]")


async def number(page: Page, testid: str) -> int:
    return int((await text(page, testid)).replace(",", ""))


async def say(page: Page, words: str) -> None:
    """In the chat."""
    await page.fill("[data-testid=chat-text]", words)
    await page.press("[data-testid=chat-text]", "Enter")


async def until(page: Page, testid: str, check: Callable[[str], bool]) -> None:
    """Looks again and again: the page's policy lets nothing be evaluated in it that would look by itself."""
    async with asyncio.timeout(30):
        while not check((await text(page, testid)).replace(",", "")):
            await asyncio.sleep(0.05)


def image(width: int, height: int, kind: str) -> bytes:
    """A picture in one colour."""
    out = BytesIO()
    Image.new("RGB", (width, height), (220, 20, 60)).save(out, kind)
    return out.getvalue()


async def give(peer: Peer, files: dict[str, bytes]) -> None:
    """Files, as the page sends them."""
    bulk = peer.channel("file", lane="bulk")
    for id, (name, content) in enumerate(files.items(), 1):
        await bulk.send({"file": {"id": id, "name": name, "size": len(content)}})
        await bulk.send(content)
