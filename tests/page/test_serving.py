"""How the page is served: what headers it has, and that nothing in it is inline or from elsewhere."""

import asyncio
import re
from html.parser import HTMLParser
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from signalling.app import Signalling
from signalling.config import Config
from signalling.http import page
from tests.serving import serving
from tests.waiting import free_port


class Tags(HTMLParser):
    """Every tag with its attributes, and the text inside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline = ""
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style"):
            self.inline += data


async def test_the_page_comes_with_a_policy_that_allows_nothing_inline_and_nothing_from_elsewhere(url: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
        text = await answer.text()
    assert policy["default-src"] == "'none'"
    assert policy["trusted-types"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert set(policy.values()) == {"'none'", "'self'", "'script'"}
    page = Tags(text)
    assert page.inline.strip() == ""
    for tag, attributes in page.tags:
        assert "style" not in attributes, tag
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in ("src", "href", "action"):
            assert re.match(r"/|#|$", attributes.get(name) or ""), (tag, attributes)
    assert [attributes["src"] for tag, attributes in page.tags if tag == "script"]


async def test_the_client_can_be_imported_by_pages_elsewhere(url: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/eitherway.js") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert "Client" in (await answer.text()).rpartition("export")[2]


@pytest.fixture
def files(static: Path) -> dict[str, bytes]:
    """All files that are served under their names, with their contents."""
    found = {path.relative_to(static).as_posix(): path.read_bytes() for path in static.rglob("*.*")}
    del found["index.html"]
    return found


async def test_every_file_of_the_page_is_served(url: str, files: dict[str, bytes]) -> None:
    async with aiohttp.ClientSession() as session:
        for name, content in files.items():
            async with session.get(f"{url}/{name}") as answer:
                assert answer.status == 200, name
                assert await answer.read() == content
                lasting = "immutable" in answer.headers["Cache-Control"]
                assert lasting == name.startswith("assets/"), name
                assert ("Access-Control-Allow-Origin" in answer.headers) == (name == "eitherway.js")


@pytest.mark.parametrize("path", ["/", "/eitherway.js", "/theme.js"])
async def test_what_a_browser_has_already_is_not_sent_again(url: str, path: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(url + path) as answer:
            etag = answer.headers["ETag"]
            assert answer.headers["Cache-Control"] == "no-cache"
        async with session.get(url + path, headers={"If-None-Match": etag}) as answer:
            assert answer.status == 304
            assert await answer.read() == b""
        async with session.get(url + path, headers={"If-None-Match": 'W/"another"'}) as answer:
            assert answer.status == 200


async def test_texts_are_compressed_for_those_who_can_unpack_them(url: str) -> None:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        async with session.get(f"{url}/eitherway.js", headers={"Accept-Encoding": "gzip"}) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert "Accept-Encoding" in answer.headers["Vary"]
            packed = len(await answer.read())
        async with session.get(f"{url}/eitherway.js", headers={"Accept-Encoding": "identity"}) as answer:
            assert "Content-Encoding" not in answer.headers
            assert len(await answer.read()) > 2 * packed


@pytest.mark.parametrize("path", ["/index.html", "/../page.py", "/assets/", "/%2e%2e/page.py", "/nothing"])
async def test_nothing_else_is_served(url: str, path: str) -> None:
    # By hand: a client of HTTP would tidy the path up.
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    status = await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert b" 404 " in status


async def test_a_checkout_that_was_not_built_says_how_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(page, "STATIC", tmp_path)
    async with serving() as url, aiohttp.ClientSession() as session:
        for path in ("/", "/eitherway.js"):
            async with session.get(url + path) as answer:
                assert answer.status == 404
                assert answer.content_type == "text/plain"
                assert "make page" in await answer.text()
        async with session.get(f"{url}/healthz") as answer:
            assert answer.status == 200


async def test_the_page_is_told_under_which_name_others_know_this_machine(static: Path) -> None:
    app = Signalling(Config().changed(stun=False)).aiohttp_app()
    app[page.INVITE] = '"><script>alert(1)</script>'
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/") as answer:
            tags = Tags(await answer.text())
    finally:
        await runner.cleanup()
    told = [attributes["content"] for tag, attributes in tags.tags if attributes.get("name") == "eitherway-invite"]
    assert told == ['"><script>alert(1)</script>']
    assert tags.inline.strip() == ""
