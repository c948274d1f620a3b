"""Who may use the API: tokens, open servers, and pages of other origins."""

import time
from typing import Any

import jwt
import pytest

from signalling.tokens import create_token
from tests.signalling.conftest import Server, StartServer
from tests.signalling.http.reading import NDJSON, SSE, Api

SECRET = "an example of a secret that is long enough"
EVERYTHING = ("join", "relay", "post", "watch", "admin")


def token(*grants: str, rooms: tuple[str, ...] = ("*",), lifetime: float = 60.0) -> str:
    """One that the server takes."""
    return create_token(SECRET, user="ada", rooms=rooms, grants=grants, lifetime=lifetime)  # type: ignore[arg-type]


@pytest.fixture
async def guarded(start_server: StartServer) -> Server:
    """A server that asks for tokens."""
    return await start_server(token_secret=(SECRET,))


ROUTES = [
    ("GET", "/rooms", "admin"),
    ("GET", "/rooms/lobby", "join"),
    ("DELETE", "/rooms/lobby", "admin"),
    ("GET", "/rooms/lobby/peers", "join"),
    ("DELETE", "/rooms/lobby/peers/somebody", "admin"),
    ("POST", "/rooms/lobby/feed", "post"),
    ("GET", "/rooms/lobby/feed", "watch"),
    ("GET", "/rooms/lobby/feed/1", "watch"),
    ("GET", "/rooms/lobby/watchers", "watch"),
    ("POST", "/tokens", "admin"),
]


@pytest.mark.parametrize(("method", "path", "grant"), ROUTES)
async def test_each_route_needs_a_token_with_its_grant(guarded: Server, method: str, path: str, grant: str) -> None:
    body: dict[str, Any] = (
        {"json": {"user": "bob", "rooms": ["lobby"], "topic": "a", "data": 1}} if method == "POST" else {}
    )
    async with Api(guarded.url) as api:
        async with api.http.request(method, api.url + path, **body) as answer:
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert (await answer.json(content_type=None))["code"] == "unauthorized"
    others = [each for each in EVERYTHING if each != grant]
    async with Api(guarded.url, token(*others)) as api:
        status, problem = await api.call(method, path, **body)
        assert (status, problem["code"]) == (403, "forbidden")
        assert grant in problem["detail"]
    if "lobby" in path:
        async with Api(guarded.url, token(*EVERYTHING, rooms=("hall", "lobby-*"))) as api:
            status, problem = await api.call(method, path, **body)
            assert (status, problem["code"]) == (403, "forbidden")
    async with Api(guarded.url, token(grant)) as api:
        status, _ = await api.call(method, path, **body)
        assert status in (200, 201, 204, 404)


async def test_what_is_no_good_token_is_refused(guarded: Server) -> None:
    expired = jwt.encode({"sub": "ada", "exp": time.time() - 1, "rooms": ["*"], "grants": ["watch"]}, SECRET, "HS256")
    claims = {"sub": "ada", "exp": time.time() + 60, "rooms": ["*"], "grants": ["watch"]}
    unsigned = jwt.encode(claims, None, "none")  # type: ignore[arg-type]
    async with Api(guarded.url) as api:
        for value in ("Bearer nonsense", "Basic YTpi", "Bearer", f"Bearer {expired}", f"Bearer {unsigned}"):
            status, problem = await api.call("GET", "/rooms/lobby/feed", headers={"Authorization": value})
            assert (status, problem["code"]) == (401, "unauthorized"), value


async def test_a_token_in_the_query_is_for_those_who_cannot_send_headers(guarded: Server) -> None:
    async with Api(guarded.url) as api:
        async with api.events(f"?token={token('watch')}") as events:
            await events.next("watching")
            assert (await api.call("GET", "/rooms/lobby/feed?token=x", headers=SSE))[0] == 401


async def test_posts_are_by_the_user_of_the_token(guarded: Server) -> None:
    async with Api(guarded.url, token("post", "watch")) as api:
        id = await api.post()
        assert (await api.call("GET", f"/rooms/lobby/feed/{id}"))[1]["from"] == "ada"
        async with api.lines() as lines:
            await anext(lines)
            (watcher,) = (await api.call("GET", "/rooms/lobby/watchers"))[1]["watchers"]
            assert (watcher["user"], watcher["topics"]) == ("ada", ["**"])


async def test_only_rooms_of_the_token_are_listed(guarded: Server) -> None:
    async with Api(guarded.url, token("post", "admin")) as api:
        for room in ("lobby", "hall"):
            await api.post(room=room)
        _, page = await api.call("GET", "/rooms")
        assert [room["name"] for room in page["rooms"]] == ["hall", "lobby"]
    async with Api(guarded.url, token("admin", rooms=("lob*",))) as api:
        _, page = await api.call("GET", "/rooms")
        assert [room["name"] for room in page["rooms"]] == ["lobby"]


async def test_a_stream_ends_when_its_token_expires(guarded: Server) -> None:
    async with Api(guarded.url, token("watch", lifetime=3.0)) as api:
        async with api.events() as events:
            await events.next("watching")
            assert (await events.next("closing")).data["code"] == "unauthorized"
            with pytest.raises(EOFError):
                await events.next()
        assert (await api.call("GET", "/rooms/lobby/feed", headers=NDJSON))[0] == 401


async def test_tokens_are_made_for_no_more_than_one_has(guarded: Server) -> None:
    async with Api(guarded.url, token("admin", rooms=("a-*", "b"))) as api:
        wanted = {"user": "bob", "rooms": ["a-1", "a-*", "b"], "grants": ["watch"], "lifetime": 60}
        async with api.http.post(f"{api.url}/tokens", json=wanted) as answer:
            assert answer.status == 201
            assert answer.headers["Cache-Control"] == "no-store"
            made = await answer.json()
        assert made["expires"] == pytest.approx(time.time() + 60, abs=20)
        for change in ({"rooms": ["*"]}, {"rooms": ["c"]}, {"rooms": ["*-1"]}, {"grants": ["admin"]}):
            status, problem = await api.call("POST", "/tokens", json={**wanted, **change})
            assert (status, problem["code"]) == (403, "forbidden"), change
        bad: list[dict[str, Any]] = [{"rooms": []}, {"user": ""}, {"grants": ["juggle"]}, {"lifetime": 0}]
        for wrong in (*bad, {"attributes": {"a": "x" * 3_000}}):
            status, problem = await api.call("POST", "/tokens", json={**wanted, **wrong})
            assert (status, problem["code"]) == (400, "bad-request"), wrong
    async with Api(guarded.url, made["token"]) as api:
        assert (await api.call("GET", "/rooms/a-7/feed"))[0] == 200
        assert (await api.call("GET", "/rooms/c/feed"))[0] == 403
        assert (await api.call("POST", "/rooms/b/feed", json={"topic": "a", "data": 1}))[0] == 403


async def test_an_open_server_makes_no_tokens(api: Api) -> None:
    assert (await api.call("POST", "/tokens", json={"user": "bob", "rooms": ["*"]}))[0] == 404
    _, document = await api.call("GET", "/openapi.json")
    assert "/tokens" not in document["paths"]


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"Host": "localhost:8080"}, True),
        ({"Host": "[::1]:8080"}, True),
        ({"Host": "rebound.example"}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, False),
        ({"X-Forwarded-For": "192.0.2.1"}, False),
        ({"Forwarded": "for=192.0.2.1"}, False),
        ({"Via": "1.1 proxy"}, False),
    ],
)
async def test_an_open_server_is_ruled_by_programs_on_its_own_machine(
    api: Api, headers: dict[str, str], allowed: bool
) -> None:
    await api.post()
    status, answer = await api.call("GET", "/rooms", headers=headers)
    assert status == (200 if allowed else 403)
    status, answer = await api.call("DELETE", "/rooms/lobby/peers/somebody", headers=headers)
    assert (status, answer["code"]) == ((404, "unknown-peer") if allowed else (403, "forbidden"))
    status, _ = await api.call("DELETE", "/rooms/lobby", headers=headers)
    assert status == (204 if allowed else 403)
    assert (await api.call("GET", "/rooms/lobby/feed", headers=headers))[0] == 200


async def test_pages_of_every_origin_may_ask_where_none_is_configured(api: Api) -> None:
    async with api.http.get(f"{api.url}/rooms/lobby/feed", headers={"Origin": "https://a.example"}) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Location" in answer.headers["Access-Control-Expose-Headers"]
    asking = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    async with api.http.options(f"{api.url}/rooms/lobby/feed", headers=asking) as answer:
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert {"GET", "POST"} <= set(answer.headers["Access-Control-Allow-Methods"].split(", "))
        for name in ("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"):
            assert name in answer.headers["Access-Control-Allow-Headers"]
    async with api.http.options(f"{api.url}/rooms/lobby") as answer:
        assert (answer.status, answer.headers["Allow"]) == (204, "DELETE, GET, HEAD, OPTIONS")
    async with api.http.options(f"{api.url}/nothing", headers=asking) as answer:
        assert answer.status == 404


async def test_pages_of_other_origins_are_refused(start_server: StartServer) -> None:
    server = await start_server(origins=("https://a.example",))
    async with Api(server.url) as api:
        path = f"{api.url}/rooms/lobby/feed"
        async with api.http.get(path, headers={"Origin": "https://a.example", **SSE}) as answer:
            assert answer.status == 200
            assert answer.headers["Access-Control-Allow-Origin"] == "https://a.example"
            assert "Origin" in answer.headers.getall("Vary")
            answer.close()
        for method in ("GET", "POST", "OPTIONS"):
            asking = {"Origin": "https://b.example", "Access-Control-Request-Method": "POST"}
            async with api.http.request(method, path, headers=asking) as answer:
                assert answer.status == 403
                assert "Access-Control-Allow-Origin" not in answer.headers
        async with api.http.get(path) as answer:
            assert answer.status == 200
            assert "Access-Control-Allow-Origin" not in answer.headers
