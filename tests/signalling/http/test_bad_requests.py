"""What is wrong is said as a problem (RFC 9457), with a code of the protocol's and what to do."""

import asyncio
import io
import json
import time
from typing import Any

import pytest

from signalling.http.api import bodies
from tests.signalling.conftest import Server, StartServer
from tests.signalling.http.reading import SSE, Api

JSON = {"Content-Type": "application/json"}
FEED = "/rooms/lobby/feed"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("GET", "/nothing", None, 404, "/api/v1/nothing"),
        ("GET", "/", None, 404, "nothing at"),
        ("PUT", "/rooms", None, 405, "GET"),
        ("DELETE", FEED, None, 405, "POST"),
        ("PATCH", FEED, None, 405, "PATCH"),
        ("GET", "/rooms?limit=0", None, 400, "limit: an integer from 1 to 1000"),
        ("GET", "/rooms?limit=-1", None, 400, "limit"),
        ("GET", "/rooms?limit=1e2", None, 400, "limit"),
        ("GET", f"/rooms?limit={'9' * 5000}", None, 400, "limit"),
        ("GET", "/rooms?limit=²", None, 400, "limit"),
        ("GET", FEED + "?since=now", None, 400, "since: an integer"),
        ("GET", FEED + "?since=", None, 400, "since"),
        ("GET", FEED + "?since=9007199254740992", None, 400, "since"),
        ("GET", FEED + "?wait=61", None, 400, "wait"),
        ("GET", FEED + "?topics=a..b", None, 400, "a word before and after each dot"),
        ("GET", FEED + "?topics=", None, 400, "topics"),
        ("GET", FEED + "?topics=**.a", None, 400, "only at the end"),
        ("GET", FEED + "?topics=a*", None, 400, "a whole word"),
        ("GET", FEED + "?topics=" + ",".join(["*.*.*"] * 65), None, 400, "at most 64"),
        ("GET", FEED + "?topics=" + ".".join(["*"] * 17), None, 400, "at most 16 words"),
        ("GET", FEED + "?event=", None, 400, "event"),
        ("GET", f"/rooms/{'x' * 129}/feed", None, 400, "128 bytes"),
        ("GET", "/rooms/a%00b/feed", None, 400, "control characters"),
        ("GET", FEED + "/one", None, 400, "id: an integer"),
        ("POST", FEED, b"", 400, "no JSON"),
        ("POST", FEED, b"\xff\xfe", 400, "no JSON"),
        ("POST", FEED, b'{"topic": "a", "data": 1', 400, "no JSON"),
        ("POST", FEED, b"[]", 400, "object"),
        ("POST", FEED, b'{"topic": "a"}', 400, "data"),
        ("POST", FEED, b'{"topic": 1, "data": 1}', 400, "$.topic"),
        ("POST", FEED, b'{"topic": "a*", "data": 1}', 400, "no '*'"),
        ("POST", FEED, b'{"topic": "$watchers", "data": 1}', 400, "server's own"),
        ("POST", FEED, b'{"topic": "a", "event": "a\\nb", "data": 1}', 400, "control characters"),
        ("POST", FEED, b'{"topic": "a", "data": NaN}', 400, "no JSON"),
        ("POST", FEED, b'{"topic": "a", "data": 1e999}', 400, ""),
        ("POST", FEED, b'{"topic": "a", "data": "\\ud800 and more"}', 400, ""),
        ("POST", FEED, b'{"topic": "a", "data": ' + b"[" * 65 + b"]" * 65 + b"}", 400, "64 deep"),
        ("POST", FEED, b'{"topic": "a", "data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "deep"),
        ("POST", FEED, b'{"topic": "a", "data": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}", 400, "deep"),
    ],
)
async def test_a_bad_request_is_a_problem(
    api: Api, method: str, path: str, body: bytes | None, status: int, words: str
) -> None:
    headers = JSON if body is not None else {}
    async with api.http.request(method, api.url + path, data=body, headers=headers) as answer:
        assert answer.status == status
        assert answer.content_type == "application/problem+json"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert ("Allow" in answer.headers) == (status == 405)
        problem = json.loads(await answer.read())
    assert problem["status"] == status
    assert problem["code"] == ("not-found" if status == 404 else "bad-request")
    assert problem["title"]
    assert words in problem["detail"]


async def test_a_bad_id_of_a_browser_is_a_problem(api: Api) -> None:
    status, problem = await api.call("GET", FEED, headers={**SSE, "Last-Event-ID": "x"})
    assert (status, problem["code"]) == (400, "bad-request")


@pytest.mark.parametrize("key", ["", '""', "a b", "x" * 129, "ü"])
async def test_a_bad_key_in_the_header_is_a_problem(api: Api, key: str) -> None:
    headers = {"Idempotency-Key": key}
    status, problem = await api.call("POST", FEED, json={"topic": "a", "data": 1}, headers=headers)
    assert (status, problem["code"]) == (400, "bad-request")
    assert "Idempotency-Key" in problem["detail"]


async def test_only_json_is_taken(api: Api) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "nonsense"):
        status, problem = await api.call("POST", FEED, data=b'{"topic":"a","data":1}', headers={"Content-Type": kind})
        assert (status, problem["code"]) == (415, "bad-request"), kind
        assert "application/json" in problem["detail"]
    for kind in ("application/json; charset=utf-8", "application/vnd.orders+json"):
        status, _ = await api.call("POST", FEED, data=b'{"topic":"a","data":1}', headers={"Content-Type": kind})
        assert status == 201, kind


async def raw(server: Server, request: bytes) -> bytes:
    """What a server answers to bytes, until it has nothing to say for a moment or hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    writer.write(request)
    async with asyncio.timeout(20):
        head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return head


async def test_what_is_too_large_is_refused_before_it_is_sent(server: Server) -> None:
    head = b"POST /api/v1/rooms/lobby/feed HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
    answer = await raw(server, head + b"Content-Length: 8100000\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    answer = await raw(server, head + b"Content-Length: 8100000\r\nExpect: 100-continue\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    answer = await raw(server, head + b"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 100 ")
    answer = await raw(server, head + b"Content-Length: 23\r\nExpect: tea\r\n\r\n" + b'{"topic":"a","data":1}\n')
    assert answer.startswith(b"HTTP/1.1 201 ")


async def test_a_body_that_breaks_off_is_nobodys_error(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    head = b"POST /api/v1/rooms/lobby/feed HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
    _, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    writer.write(head + b"Content-Length: 100\r\n\r\n{")
    await writer.drain()
    await asyncio.sleep(0.2)
    writer.transport.abort()
    async with Api(server.url) as api:
        await api.post()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_what_turns_out_too_large_is_not_read_to_its_end(start_server: StartServer) -> None:
    server = await start_server(post_bytes=100_000)
    read = 0

    async def endless() -> Any:
        nonlocal read
        while True:
            read += 60_000
            yield b"x" * 60_000

    async with Api(server.url) as api:
        async with asyncio.timeout(30):
            try:
                async with api.http.post(api.url + FEED, data=endless(), headers=JSON) as answer:
                    assert answer.status == 413
                    assert (await answer.json(content_type=None))["code"] == "too-large"
            except ConnectionError:
                pass  # it was hung up on while it was sending
        assert read < 100_000_000
        body = json.dumps({"topic": "a", "data": "x" * 99_998}).encode()
        assert (await api.call("POST", FEED, data=io.BytesIO(body), headers=JSON))[0] == 201
        body = json.dumps({"topic": "a", "data": "x" * 99_999}).encode()
        status, problem = await api.call("POST", FEED, data=io.BytesIO(body), headers=JSON)
        assert (status, problem["code"]) == (413, "too-large")


async def test_bodies_are_bounded_together(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "ALL_TOGETHER", 50_000)
    async with Api(server.url) as api:
        body = json.dumps({"topic": "a", "data": "x" * 60_000}).encode()
        status, problem = await api.call("POST", FEED, data=io.BytesIO(body), headers=JSON)
        assert (status, problem["code"], problem["retry_after"]) == (503, "busy", 2.0)
        assert await api.post(data="x" * 40_000)


async def test_a_body_that_does_not_come_is_not_waited_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_PATIENCE", 0.5)
    head = b"POST /api/v1/rooms/lobby/feed HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
    began = time.monotonic()
    assert (await raw(server, head + b"Content-Length: 100\r\n\r\n{")).startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began < 15


async def test_patterns_made_to_be_slow_are_not(api: Api) -> None:
    for number in range(50):
        await api.post(".".join(["a"] * 15) + f".{number}")
    patterns = ",".join(".".join(["*"] * stars + ["a"] * (15 - stars) + ["z"]) for stars in range(16)) + ",z.**"
    began = time.monotonic()
    status, page = await api.call("GET", f"{FEED}?topics={patterns}")
    assert (status, page["posts"]) == (200, [])
    assert time.monotonic() - began < 5


async def test_a_failure_is_a_problem_and_in_the_log(
    api: Api, server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server.signalling._feeds, "post", lambda *_, **__: 1 / 0)
    status, problem = await api.call("POST", FEED, json={"topic": "a", "data": 1})
    assert (status, problem["code"]) == (500, "internal")
    assert "ZeroDivisionError" in caplog.text
