"""Plain WebRTC code that uses the server for its signalling alone: the page and the program of docs/how-to."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from peers import Client
from tests.browser.conftest import Pages
from tests.browser.site import ROOT
from tests.docs.examples import URL
from tests.docs.markdown import blocks
from tests.waiting import eventually

pytestmark = pytest.mark.browser

PAGE = ROOT / "docs" / "how-to" / "plain-webrtc.md"
TRIES = 3
SOCKET_IO = ROOT / "demo" / "node_modules" / "socket.io-client" / "dist" / "socket.io.min.js"


def example(kind: str, url: str, room: str) -> str:
    """The page or program, with this test's server and room."""
    (text,) = (block.text for block in blocks(PAGE) if block.info == kind)
    return text.replace(URL, url).replace('"plain"', f'"{room}"')


@pytest.fixture
def room(request: pytest.FixtureRequest) -> str:
    return re.sub(r"\W+", "-", request.node.name)


@pytest.fixture
async def plain_url(signalling_url: str, room: str) -> AsyncIterator[str]:
    """The page, on somebody's own site."""
    text = example("html plain", signalling_url, room)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type="text/html")

    async def library(_: web.Request) -> web.FileResponse:
        return web.FileResponse(SOCKET_IO)

    app = web.Application()
    app.router.add_get("/", answer)
    app.router.add_get("/socket.io.min.js", library)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


def test_the_page_is_short() -> None:
    assert len(example("html plain", URL, "plain").splitlines()) == 40


@pytest.mark.parametrize("kind", ["chromium", "firefox"])
async def test_two_tabs(pages: Pages, plain_url: str, signalling_url: str, room: str, kind: str) -> None:
    async with Client(signalling_url) as client, client.join(room) as watching:
        one = await pages.open(kind, plain_url)
        await eventually(lambda: len(watching.guests) == 1)
        other = await pages.open(kind, plain_url)
        await eventually(lambda: len(watching.guests) == 2)
        first, second = watching.guests
        await one.until(f"heard.textContent === 'hello from {second}'")
        await other.until(f"heard.textContent === 'hello from {first}'")
        states = "[...connections.values()].map(({ connectionState }) => connectionState).join() === 'connected'"
        await one.until(states)  # and none to the peer
        assert not watching.peers


async def test_a_page_and_aiortc(pages: Pages, plain_url: str, signalling_url: str, room: str, tmp_path: Path) -> None:
    page = await pages.open("chromium", plain_url)
    await page.until("me !== undefined")
    program = tmp_path / "program.py"
    program.write_text(example("python twice", signalling_url, room))
    # One attempt of bare aiortc may come to nothing on a busy machine, and in 40 lines nobody tries again.
    for _ in range(TRIES):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "error", str(program)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(20):
                output, errors = await process.communicate()
            break
        except TimeoutError:
            process.kill()
            await process.communicate()
    else:
        pytest.fail(f"no connection of a page and aiortc in {TRIES} attempts")
    assert (process.returncode, errors.decode()) == (0, "")
    assert output.decode().startswith("heard: hello from guest-")
    await page.until("heard.textContent.startsWith('hello from guest-')")
