"""A page of plain HTML on somebody's own site, with three lines that import the client from the signalling server."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.browser.conftest import Pages
from tests.browser.conversation import Conversation

pytestmark = pytest.mark.browser

PLAIN = """<!doctype html>
<link rel="icon" href="data:,">
<p id="heard"></p>
<script type="module">
import {{ Client }} from "{url}/eitherway.js";
const room = await new Client("{url}").join("{room}", {{ profile: {{ name: "plain" }} }});
room.on("message", ({{ peer, data }}) => {{ heard.textContent = data.text ?? data; void peer.send("heard"); }});
</script>
"""


@pytest.fixture
async def plain_url(client_bundle: object, signalling_url: str, talk: Conversation) -> AsyncIterator[str]:
    """That page, at an origin of its own."""
    text = PLAIN.format(url=signalling_url, room=talk.room)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("kind", ["chromium", "firefox"])
async def test_three_lines_are_enough(pages: Pages, talk: Conversation, plain_url: str, kind: str) -> None:
    plain = await pages.open(kind, plain_url)
    other = await pages.open("chromium")
    await other.until("globalThis.talk !== undefined")
    script = """
        const { Client } = await import("/eitherway.js");
        globalThis.room = await new Client(url).join(name);
        globalThis.answers = [];
        room.on("message", ({ data }) => answers.push(data));
        const peer = await room.waitForPeer({ timeout: 20_000 });
        await peer.send("hello");
    """
    await other.run(script, url=talk.url, name=talk.room)
    await plain.until("heard.textContent === 'hello'")
    await other.until("answers[0] === 'heard'")
