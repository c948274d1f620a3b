"""Pages in Chromium that take part: the site they come from, and the CPU that they use."""

import asyncio
import contextlib
import subprocess
import tempfile
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path

import psutil
from aiohttp import web

from tests.benchmarks import rivals
from tests.benchmarks.contest import Unavailable
from tests.browser.chromium import PROGRAM, Chromium, start_chromium
from tests.browser.driving import Page
from tests.browser.running import Running, missing
from tests.browser.site import build_client

FILES = Path(__file__).with_name("pages")


class Browser:
    """A Chromium of its own, and a site with the sides of a benchmark."""

    def __init__(self, chromium: Chromium, running: Running, url: str) -> None:
        self.chromium, self._running, self._url = chromium, running, url

    async def side(self, name: str) -> Page:
        """A page that plays this side: see pages/page.html."""
        page = Page(await self.chromium.open(f"{self._url}/page.html?side={name}"), "chromium")
        await page.until("globalThis.side !== undefined")
        return page

    def cpu(self) -> float:
        """Seconds of CPU that all its processes have used so far."""
        seconds = 0.0
        browser = psutil.Process(self._running.process.pid)
        for process in (browser, *browser.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                seconds += times.user + times.system
        return seconds


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Started for a round, as the other programs are, and stopped after it; client and page are built.

    Raises Unavailable.
    """
    if (reason := missing(PROGRAM)) is not None:
        raise Unavailable(reason)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        runner = web.AppRunner(_site(_client()), shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        running = await asyncio.to_thread(start_chromium, Path(folder))
        try:
            chromium = await Chromium.connected(running)
            try:
                yield Browser(chromium, running, f"http://127.0.0.1:{runner.addresses[0][1]}")
            finally:
                await chromium.close()
        finally:
            await asyncio.to_thread(running.stop)
            await runner.cleanup()


def _site(client: Path) -> web.Application:
    async def eitherway(_: web.Request) -> web.FileResponse:
        return web.FileResponse(client)

    async def peerjs(_: web.Request) -> web.FileResponse:
        return web.FileResponse(rivals.peerjs())

    async def isolate(_: web.Request, response: web.StreamResponse) -> None:
        # Pages that nobody shares a process with have a clock of 5 us instead of 100 us.
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Embedder-Policy"] = "require-corp"

    app = web.Application()
    app.on_response_prepare.append(isolate)
    app.router.add_get("/eitherway.js", eitherway)
    app.router.add_get("/peerjs.min.js", peerjs)
    app.router.add_static("/", FILES)
    return app


@cache
def _client() -> Path:
    try:
        return build_client()
    except subprocess.CalledProcessError as error:
        raise Unavailable("the client cannot be built: make page says why") from error
