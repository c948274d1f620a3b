"""Guests on the page: in its list, marked as what they are, and drawn without a road to them."""

import socketio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser

from peers import Client
from tests.page.visiting import opened, text, until


async def test_a_guest_is_listed_as_one_and_gone_when_it_is(url: str, browser: Browser) -> None:
    async with opened(browser, url) as (page, watched):
        guest = socketio.AsyncClient()
        await guest.connect(url, auth={"protocol": 1}, transports=["websocket"])
        try:
            await guest.call("join", {"room": "r", "profile": '{"name":"<b>a camera"}'})
            await page.wait_for_selector("[data-testid=guest]")
            assert "<b>a camera" in await text(page, "guest")
            assert "not sealed, signalling only" in await text(page, "guest")
            assert "joined as a guest" in await text(page, "log")
            assert await page.locator("[data-testid=peer]").count() == 0
            async with Client(url) as client, client.join("r", profile={"name": "Ada"}) as room:
                await room.wait_for_peer(timeout=10)
                await page.wait_for_selector("[data-testid=peer]")
                drawn = await page.get_attribute("[data-testid=diagram]", "aria-label")
                assert "<b>a camera: a guest" in (drawn or "")
                roads = await page.eval_on_selector_all(
                    "[data-testid=diagram] .road", "all => all.map(one => one.getAttribute('d') === '')"
                )
                assert sorted(roads) == [False, False, True, True], "two roads to the peer, none to the guest"
                found = await Axe().run(page)
                assert found.violations_count == 0, found.generate_report()
        finally:
            await guest.disconnect()
        await page.wait_for_selector("[data-testid=guest]", state="detached")
        await until(page, "log", lambda text: "a guest left" in text)
        assert watched.faults == []


async def test_a_guest_that_was_there_before_is_listed_too(url: str, browser: Browser) -> None:
    guest = socketio.AsyncClient()
    await guest.connect(url, auth={"protocol": 1}, transports=["websocket"])
    try:
        await guest.call("join", {"room": "r", "profile": "{}"})
        async with opened(browser, url) as (page, _):
            assert "guest-" in await text(page, "guest")
    finally:
        await guest.disconnect()
