"""A page reads a feed by EventSource, as docs/how-to/http-api.md shows it: it comes back by itself where it was."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.browser.conftest import Pages
from tests.docs.examples import URL, of_kind
from tests.serving import ServerProcess
from tests.signalling.http.reading import Api

pytestmark = pytest.mark.browser

(EXAMPLE,) = of_kind("js")


class Proxy:
    """Stands before a server, and hangs up when told to."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        there, here = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers |= {writer, here}
        await asyncio.gather(self._pass(reader, here), self._pass(there, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def hang_up(self) -> None:
        """On everyone."""
        for writer in list(self._writers):
            writer.transport.abort()


@asynccontextmanager
async def proxy(port: int) -> AsyncIterator[tuple[Proxy, str]]:
    """One before the server at this port, and its URL."""
    made = Proxy(port)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    try:
        yield made, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        made.hang_up()
        await server.wait_closed()


LISTENING = """
globalThis.seen = [];
globalThis.named = [];
const log = console.log;
console.log = (...said) => seen.push(said);
(0, eval)(text.replace("const feed", "globalThis.feed"));
for (const name of ["watching", "missed", "closing"])
  feed.addEventListener(name, (event) => named.push([name, JSON.parse(event.data)]));
"""


@pytest.mark.parametrize("browser", ["chromium"])
async def test_event_source_goes_on_where_it_was(pages: Pages, browser: str) -> None:
    async with ServerProcess() as server, Api(server.url) as api, proxy(server.port) as (front, url):
        page = await pages.open(browser)
        page.expected.append("net::ERR_")
        await page.run(LISTENING, text=EXAMPLE.text.replace(URL, url))
        await page.until("named.length === 1")
        for number in range(3):
            await api.post("orders.1", number, event="shipped")
        await page.until("seen.length === 3")
        front.hang_up()
        for number in range(3, 6):
            await api.post("orders.1", number, event="shipped")
        await page.until("seen.length === 6", 30)
        assert [data for _, data in await page.run("return seen")] == list(range(6))
        assert "missed" not in {name for name, _ in await page.run("return named")}
        # Another life of the server: its posts are others, and the page is told so.
        await server.stop()
        await server.start()
        await api.post("orders.1", "another life", event="shipped")
        await page.until("seen.length === 7", 30)
        named = await page.run("return named.map(([name]) => name)")
        assert "missed" in named
        assert "closing" in named
        await page.run("feed.close()")
