"""Browsers, each started once, and pages in them that are closed after the test, which fails if something went wrong
in one of them."""

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web

from tests.browser.chromium import PROGRAM as CHROMIUM
from tests.browser.chromium import Chromium, start_chromium
from tests.browser.conversation import Conversation, conversation
from tests.browser.driving import Page
from tests.browser.firefox import LOOPBACK, Firefox, start_firefox
from tests.browser.firefox import PROGRAM as FIREFOX
from tests.browser.running import Running, missing
from tests.browser.site import ROOT, build_client, site


@pytest.fixture(scope="session")
def client_bundle() -> Path:
    """The client, as the server serves it."""
    return build_client()


@pytest.fixture(scope="session")
def signalling_url(client_bundle: Path) -> Iterator[str]:
    """A signalling server that all tests share, each in a room of its own."""
    command = (sys.executable, "-m", "peers.cli", "serve", "--port", "0", "--stun-port", "0")
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    assert process.stdout is not None
    found = re.search(rb"serves (http://[^\s,]+)", process.stdout.readline())
    assert found is not None, "the server did not start"
    yield found[1].decode()
    process.terminate()
    process.wait()
    process.stdout.close()


@pytest.fixture(scope="session")
def chromium_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Chromium."""
    if (reason := missing(CHROMIUM)) is not None:
        pytest.skip(reason)
    running = start_chromium(tmp_path_factory.mktemp("chromium"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def firefox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Firefox, with the preferences with which WebRTC works on one machine."""
    if (reason := missing(FIREFOX)) is not None:
        pytest.skip(reason)
    running = start_firefox(tmp_path_factory.mktemp("firefox"), preferences=LOOPBACK)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def firefox_default_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Firefox as it is installed."""
    if (reason := missing(FIREFOX)) is not None:
        pytest.skip(reason)
    running = start_firefox(tmp_path_factory.mktemp("firefox-default"))
    yield running
    running.stop()


@pytest.fixture
async def site_url(client_bundle: Path) -> AsyncIterator[str]:
    """The site of the tests."""
    runner = web.AppRunner(site(client_bundle), shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class Pages:
    """Opens pages in browsers by their names: `chromium`, `firefox`, `firefox_default`."""

    def __init__(self, running: Callable[[str], Running], stack: AsyncExitStack, url: str) -> None:
        self._running, self._stack, self.url = running, stack, url
        self._browsers: dict[str, Chromium | Firefox] = {}
        self.all: list[Page] = []

    async def browser(self, name: str) -> Chromium | Firefox:
        """The browser."""
        if name not in self._browsers:
            kind = Chromium if name == "chromium" else Firefox
            browser = self._browsers[name] = await kind.connected(self._running(name))
            self._stack.push_async_callback(browser.close)
        return self._browsers[name]

    async def open(self, name: str, url: str | None = None) -> Page:
        """Open a page: the bare one of the tests' site, unless told otherwise."""
        page = Page(await (await self.browser(name)).open(url or f"{self.url}/bare.html"), name)
        self.all.append(page)
        return page


@pytest.fixture
async def pages(request: pytest.FixtureRequest, site_url: str) -> AsyncIterator[Pages]:
    """Opens pages; they are looked at and closed after the test."""
    async with AsyncExitStack() as stack:
        opened = Pages(lambda name: request.getfixturevalue(f"{name}_process"), stack, site_url)
        yield opened
        for page in opened.all:
            page.check()


Talk = Callable[..., Awaitable[Conversation]]


@pytest.fixture
async def talk(request: pytest.FixtureRequest, signalling_url: str, tmp_path: Path) -> AsyncIterator[Conversation]:
    """A conversation in a room of this test's own."""
    room = re.sub(r"\W+", "-", request.node.name)
    async with conversation(signalling_url, tmp_path, room) as made:
        yield made
