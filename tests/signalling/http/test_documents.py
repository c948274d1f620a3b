"""The documents that the API serves of itself: validated by tools that others made, and compared with what it does."""

import json
import re
from html.parser import HTMLParser
from typing import Any

import aiohttp
import jsonschema
import msgspec
import openapi_spec_validator
import pytest

from signalling.http.api import asyncapi, types
from signalling.http.api.problems import STATUSES
from signalling.protocol import events
from tests.docs.markdown import ROOT
from tests.signalling.conftest import Server, StartServer
from tests.signalling.http.reading import Api

ASYNCAPI = ROOT / "demo" / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"
"""AsyncAPI's own schema of its documents, from npm."""


@pytest.fixture
async def guarded(start_server: StartServer) -> Server:
    """A server with every route there is."""
    return await start_server(token_secret=("an example of a secret that is long enough",))


async def document(server: Server, name: str) -> Any:
    """One of the documents; nobody needs a token to read it."""
    async with Api(server.url) as api:
        status, found = await api.call("GET", f"/{name}")
        assert status == 200
        return found


async def test_the_openapi_document_is_valid(guarded: Server) -> None:
    found = await document(guarded, "openapi.json")
    assert found["openapi"].startswith("3.1.")
    openapi_spec_validator.validate(found)


async def test_the_asyncapi_document_is_valid(guarded: Server) -> None:
    if not ASYNCAPI.exists():
        pytest.fail("AsyncAPI's schema is not installed: run `make node`")
    schema = json.loads(ASYNCAPI.read_text())
    checker = jsonschema.validators.validator_for(schema)(schema)
    found = await document(guarded, "asyncapi.json")
    assert [f"{error.json_path}: {error.message}" for error in checker.iter_errors(found)] == []
    assert {"socketio", "feed"} <= set(found["channels"])


@pytest.mark.parametrize("name", ["openapi.json", "asyncapi.json"])
async def test_every_reference_leads_somewhere(guarded: Server, name: str) -> None:
    found = await document(guarded, name)
    for reference in re.findall(r'"\$ref": ?"#/([^"]+)"', json.dumps(found)):
        place = found
        for part in reference.split("/"):
            place = place[part.replace("~1", "/")]


async def test_every_event_of_the_wire_is_described(guarded: Server) -> None:
    found = await document(guarded, "asyncapi.json")
    described = found["components"]["schemas"]
    for name, kind in vars(events).items():
        if isinstance(kind, type) and issubclass(kind, events.Wire) and kind is not events.Wire:
            assert name in described, name
    addresses = {channel["address"] for channel in found["channels"].values()}
    assert {"/socket.io/", "/api/v1/rooms/{room}/feed"} <= addresses


async def test_webhooks_are_described_as_soon_as_there_are_any(
    guarded: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asyncapi, "WEBHOOKS", [asyncapi.Hook(name="peer.joined", payload=events.PeerJoined)])
    found = await document(guarded, "asyncapi.json")
    assert list(found["channels"]["webhooks"]["messages"]) == ["peer.joined"]
    schema = json.loads(ASYNCAPI.read_text())
    jsonschema.validators.validator_for(schema)(schema).validate(found)


async def test_the_documents_know_where_they_are(guarded: Server) -> None:
    outer = aiohttp.web.Application()
    inner = aiohttp.web.Application()
    assert guarded.signalling._parts is not None
    guarded.signalling._parts.api.add_to(inner)
    outer.add_subapp("/signalling", inner)
    runner = aiohttp.web.AppRunner(outer)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/signalling"
        async with Api(url) as api:
            assert (await api.call("GET", "/openapi.json"))[1]["servers"] == [{"url": "/signalling/api/v1"}]
            assert (await api.call("GET", "/rooms"))[0] == 401
            assert (await api.call("GET", "/nothing"))[1]["code"] == "not-found"
    finally:
        await runner.cleanup()


def test_every_status_of_a_code_is_an_error() -> None:
    assert all(400 <= status < 600 for status in STATUSES.values())


def test_examples_are_what_they_are_examples_of() -> None:
    schema = msgspec.json.schema(types.NewPost)
    example = {name: field["examples"][0] for name, field in _fields(schema).items() if "examples" in field}
    post = msgspec.convert(example, types.NewPost)
    assert (post.topic, post.event) == ("orders.42", "shipped")


def _fields(schema: dict[str, Any]) -> dict[str, Any]:
    return dict(schema["$defs"]["NewPost"]["properties"])


class Page(HTMLParser):
    """The ids, links and tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name == "id":
                self.ids.add(value or "")
            if name in ("href", "src"):
                self.links.append(value or "")


async def test_the_page_needs_nothing_from_elsewhere_and_no_script(guarded: Server) -> None:
    async with Api(guarded.url) as api, api.http.get(f"{api.url}/docs") as answer:
        policy = answer.headers["Content-Security-Policy"]
        text = await answer.text()
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "http:" not in policy
    page = Page(text)
    assert not page.tags & {"script", "link", "img", "iframe", "form", "object"}
    assert not page.attributes & {"style", "onclick"}
    assert {"openapi.json", "asyncapi.json"} < set(page.links)
    for link in page.links:
        assert link in ("openapi.json", "asyncapi.json") or link.removeprefix("#") in page.ids, link


async def test_the_page_tells_of_every_route_with_a_line_for_curl(guarded: Server) -> None:
    found = await document(guarded, "openapi.json")
    async with Api(guarded.url) as api, api.http.get(f"{api.url}/docs") as answer:
        text = await answer.text()
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            assert f"{method.upper()} /api/v1{path}" in text
            assert f'id="{operation["operationId"]}"' in text
    assert text.count("<pre>curl ") == sum(map(len, found["paths"].values()))


async def test_what_a_page_says_is_no_markup(guarded: Server) -> None:
    headers = {"Host": "<script>alert(1)</script>"}
    async with Api(guarded.url) as api, api.http.get(f"{api.url}/docs", headers=headers) as answer:
        assert "<script" not in await answer.text()
