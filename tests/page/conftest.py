"""The page, built; a server that serves it; a browser that opens it."""

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from tests.serving import serving
from tests.wheels import ROOT

CHROMIUM = shutil.which("chromium")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="session")
def static() -> Path:
    """What the server serves, built if it is not there or older than its sources."""
    subprocess.run([sys.executable, str(ROOT / "demo" / "build_page.py")], check=True, timeout=100)
    return ROOT / "signalling" / "http" / "static"


@pytest.fixture
async def url(static: Path) -> AsyncIterator[str]:
    """A server with the page."""
    async with serving() as url:
        yield url


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()
