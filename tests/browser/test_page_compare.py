"""The page's comparison of transports in Firefox; `tests/page` looks at the rest of it in Chromium."""

import pytest

from peers.bot.loading import load
from tests.bots.running import running
from tests.browser.conftest import Pages

pytestmark = pytest.mark.browser

FIGURES = """
return [...document.querySelectorAll("[data-testid=compare-row]")].map((row) => {
    const shown = (name) => row.querySelector(`[data-testid=compare-${name}]`).textContent;
    const number = (name) => parseFloat(shown(name).replace(",", ""));
    return [row.dataset.transport, row.dataset.state, number("median"), number("late"), number("bytes")];
});
"""


async def test_firefox_measures_every_transport_that_it_can_use(pages: Pages, signalling_url: str) -> None:
    async with running(load("peers.bots.echo:bot"), signalling_url, "compared-firefox", p2p="auto"):
        page = await pages.open("firefox", f"{signalling_url}/?room=compared-firefox")
        await page.until("document.querySelector('[data-testid=peer][data-path=direct]') !== null")
        await page.run("document.querySelector('[data-testid=compare-open]').click()")
        await page.until("document.querySelector('[data-testid=compare-measure]') !== null")
        await page.run("document.querySelector('[data-testid=compare-measure]').click()")
        status = "document.querySelector('[data-testid=compare-status]').textContent"
        await page.until(f"{status}.startsWith('Measured')", 150)
        assert await page.run(f"return {status}") == "Measured 8 of 8 transports."
        figures = await page.run(FIGURES)
        print(figures)
        *rows, webhook = figures
        assert len(rows) == 8
        for transport, state, median, late, payload in rows:
            assert state == "done"
            assert 0 < median <= late, transport
            assert 200 < payload < 6_000, transport
        assert webhook[:2] == ["webhook", "elsewhere"]
