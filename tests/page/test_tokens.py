"""The page on a server that admits by token: by the address, by hand, and no longer than it holds."""

import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page

from signalling import create_token
from tests.page.visiting import Watched, text, until
from tests.serving import serving

SECRET = "a secret of 32 bytes or more, for tests"


@pytest.fixture
async def guarded(static: object) -> AsyncIterator[str]:
    """A server that asks for tokens."""
    async with serving(token_secret=(SECRET,)) as url:
        yield url


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """An empty page."""
    context = await browser.new_context()
    yield await context.new_page()
    await context.close()


def token(lifetime: float = 600, room: str = "r") -> str:
    return create_token(SECRET, user="ada", rooms=[room], lifetime=lifetime)


async def test_a_token_in_the_address_lets_it_in_and_is_gone_from_there(guarded: str, page: Page) -> None:
    watched = Watched(page, guarded)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    made = token()
    await page.goto(f"{guarded}/?room=r#token={made}")
    assert await page.evaluate("location.href") == f"{guarded}/?room=r"
    await page.wait_for_selector("body.joined")
    assert made not in await page.input_value("[data-testid=invite-link]")
    assert await page.evaluate("history.length") == 2  # about:blank before it
    await page.reload()
    await page.wait_for_selector("body.joined")
    assert await page.is_hidden("[data-testid=trouble]")
    assert not [url for url in asked if made in urlsplit(url).path + urlsplit(url).query]
    assert watched.faults == []


async def test_who_has_none_is_asked_for_one_and_told_how_it_is_made(guarded: str, page: Page) -> None:
    await page.goto(f"{guarded}/?room=r")
    await until(page, "trouble", lambda text: "eitherway token --user NAME --room 'r'" in text)
    await page.fill("[data-testid=token]", "no token at all")
    await page.press("[data-testid=token]", "Enter")
    await until(page, "trouble", lambda text: "did not let this page in" in text)
    await page.fill("[data-testid=token]", token(room="another"))
    await page.click("[data-testid=token-enter]")
    await until(page, "trouble", lambda text: "not for the room" in text)
    await page.fill("[data-testid=token]", f"  {token()} ")
    await page.click("[data-testid=token-enter]")
    await page.wait_for_selector("body.joined")
    assert await page.is_hidden("[data-testid=trouble]")
    async with page.expect_event("load"):  # in the same tab only the fragment differs: the page loads itself anew
        await page.goto(f"{guarded}/?room=r#token={token()}")
    assert await page.evaluate("location.href") == f"{guarded}/?room=r"
    await page.wait_for_selector("body.joined")


async def test_when_it_has_run_out_another_one_lets_it_in_again(guarded: str, page: Page) -> None:
    made = token(lifetime=8)
    ends = time.monotonic() + 8
    await page.goto(f"{guarded}/?room=r#token={made}")
    await page.wait_for_selector("body.joined")
    name = await page.input_value("[data-testid=name]")
    assert time.monotonic() < ends
    await until(page, "trouble", lambda text: "has expired" in text)
    await page.fill("[data-testid=token]", token())
    await page.press("[data-testid=token]", "Enter")
    await page.wait_for_selector("[data-testid=trouble]", state="hidden")
    await page.wait_for_selector("body.joined")
    assert await page.input_value("[data-testid=name]") == name
    assert await text(page, "room-name") == "r"
