"""A page whose server speaks another version of the protocol says so, and what to do."""

import sys

import pytest

from tests.browser.conftest import Pages
from tests.browser.test_page import opened
from tests.browser.test_switching import NOBODY_THERE
from tests.serving import ServerProcess

pytestmark = pytest.mark.browser

NEWER = "from signalling.protocol import limits; limits.PROTOCOL += 1; from peers.cli import main; main()"
"""The command `eitherway` of the next version."""
TROUBLE = "document.querySelector('[data-testid=trouble]:not([hidden])')?.textContent"


@pytest.mark.parametrize("kind", ["chromium", "firefox"])
async def test_a_server_of_another_version_comes_back(pages: Pages, client_bundle: object, kind: str) -> None:
    server = ServerProcess()
    await server.start()
    try:
        page = await opened(pages, kind, f"{server.url}/")
        page.expected.append(NOBODY_THERE)
    finally:
        await server.stop()
    async with ServerProcess(port=server.port, command=(sys.executable, "-c", NEWER)):
        for _ in range(2):
            told = await page.until(TROUBLE)
            assert "Reload the page" in told
            assert "speaks protocol 2" in told
            await page.reload()  # whoever does what it says is told again
