"""Programs of others read feeds: curl, and httpx."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.signalling.conftest import Server
from tests.signalling.http.reading import Api, watched

CURL = shutil.which("curl")


@pytest.fixture
async def client(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API."""
    async with httpx.AsyncClient(base_url=f"{server.url}/api/v1", timeout=20) as client:
        yield client


async def test_httpx_posts_and_reads(client: httpx.AsyncClient) -> None:
    answer = await client.post("/rooms/lobby/feed", json={"topic": "orders.1", "data": [1, {"a": None}]})
    answer.raise_for_status()
    assert answer.headers["Location"].endswith(f"/rooms/lobby/feed/{answer.json()['id']}")
    page = (await client.get("/rooms/lobby/feed", params={"topics": ["orders.*", "prices.*"]})).json()
    assert [post["data"] for post in page["posts"]] == [[1, {"a": None}]]


@pytest.mark.parametrize("accept", ["text/event-stream", "application/x-ndjson"])
async def test_httpx_follows_a_feed(api: Api, client: httpx.AsyncClient, accept: str) -> None:
    """It resumes by the last id that it has seen."""
    seen: list[object] = []
    last = await api.post(data="before")
    posting = asyncio.ensure_future(_post(api, 30))
    while len(seen) < 30:
        headers = {"Accept": accept}
        async with client.stream("GET", f"/rooms/lobby/feed?since={last}", headers=headers) as answer:
            assert answer.headers["Content-Type"].startswith(accept)
            async for line in answer.aiter_lines():
                text = line.removeprefix("data: ")
                if not text.startswith("{") or "topic" not in (post := json.loads(text)):
                    continue
                seen.append(post["data"])
                last = post["id"]
                if len(seen) % 10 == 0:
                    break
    await posting
    assert seen == list(range(30))


@pytest.mark.skipif(CURL is None, reason="there is no curl")
@pytest.mark.parametrize("accept", ["text/event-stream", "application/x-ndjson"])
async def test_curl_follows_a_feed(api: Api, server: Server, accept: str) -> None:
    assert CURL is not None
    process = await asyncio.create_subprocess_exec(
        *(CURL, "-sSN", "-H", f"Accept: {accept}", f"{api.url}/rooms/lobby/feed?topics=orders.*&event=shipped"),
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
    )
    assert process.stdout is not None
    try:
        await watched(api, 1)
        await api.post("prices.1", 0, event="shipped")
        id = await api.post("orders.1", "x" * 1_000_000, event="shipped")
        lines: list[bytes] = []
        async with asyncio.timeout(20):
            while b'"topic"' not in (line := await process.stdout.readline()):
                lines.append(line)
        assert json.loads(line.removeprefix(b"data: "))["data"] == "x" * 1_000_000
        if accept == "text/event-stream":
            assert lines[-2:] == [b"id: %d\n" % id, b"event: shipped\n"]
        await server.signalling.close()
        async with asyncio.timeout(20):
            assert b"shutting-down" in await process.stdout.read()
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.skipif(CURL is None, reason="there is no curl")
async def test_curl_does_not_send_what_is_too_large(api: Api) -> None:
    assert CURL is not None
    process = await asyncio.create_subprocess_exec(
        *(CURL, "-sS", "-w", "\n%{http_code} %{size_upload}", "-H", "Content-Type: application/json"),
        *("--expect100-timeout", "15", "--data-binary", "@-", f"{api.url}/rooms/lobby/feed"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        output, _ = await process.communicate(b"x" * 9_000_000)
    problem, _, said = output.decode().rpartition("\n")
    assert json.loads(problem)["code"] == "too-large"
    assert said == "413 0"


async def _post(api: Api, count: int) -> None:
    for number in range(count):
        await api.post(data=number)
