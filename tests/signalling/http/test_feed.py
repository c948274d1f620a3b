"""Posts over HTTP, the history as JSON, and long-polls."""

import asyncio
import json
import time

import pytest

from signalling.http.streams import Streams
from tests.signalling.conftest import Connect, Server, StartServer
from tests.signalling.http.reading import Api, watched


async def test_a_post_is_kept_and_has_a_place(api: Api) -> None:
    body = {"topic": "orders.42", "event": "shipped", "data": {"to": "Ada"}}
    async with api.http.post(f"{api.url}/rooms/lobby/feed", json=body) as answer:
        assert answer.status == 201
        id = (await answer.json())["id"]
        place = answer.headers["Location"]
    assert place == f"/api/v1/rooms/lobby/feed/{id}"
    status, post = await api.call("GET", f"/rooms/lobby/feed/{id}")
    assert status == 200
    assert abs(post.pop("at") - time.time() * 1_000) < 60_000
    assert post == {"room": "lobby", "id": id, **body}
    assert await api.call("GET", "/rooms/lobby/feed") == (
        200,
        {"posts": [{**post, "at": pytest.approx(time.time() * 1_000, abs=60_000)}], "id": id, "missed": False},
    )


async def test_there_is_no_post_of_another_id(api: Api) -> None:
    id = await api.post()
    for other in (id - 1, id + 1, 0):
        status, problem = await api.call("GET", f"/rooms/lobby/feed/{other}")
        assert (status, problem["code"]) == (404, "not-found")
    status, problem = await api.call("GET", "/rooms/hall/feed/1")
    assert (status, problem["code"]) == (404, "not-found")


async def test_the_same_key_is_the_same_post(api: Api) -> None:
    id = await api.post(key="k")
    assert await api.post(key="k") == id
    body = {"topic": "orders.1", "data": None}
    for headers in ({"Idempotency-Key": "k"}, {"Idempotency-Key": '"k"'}):
        assert await api.call("POST", "/rooms/lobby/feed", json=body, headers=headers) == (201, {"id": id})
    status, problem = await api.call("POST", "/rooms/lobby/feed", json={**body, "data": 1, "key": "k"})
    assert (status, problem["code"]) == (400, "bad-request")
    status, problem = await api.call(
        "POST", "/rooms/lobby/feed", json={**body, "key": "k"}, headers={"Idempotency-Key": "l"}
    )
    assert (status, problem["code"]) == (400, "bad-request")
    assert await api.post() == id + 1


async def test_the_history_is_read_in_pages(api: Api) -> None:
    ids = [await api.post(f"orders.{number % 2}", number, event="shipped" if number < 3 else "") for number in range(5)]
    found: list[int] = []
    since = 0
    for _ in range(3):
        _, page = await api.call("GET", f"/rooms/lobby/feed?since={since}&limit=2")
        assert not page["missed"]
        assert len(page["posts"]) <= 2
        found += [post["id"] for post in page["posts"]]
        since = page["id"]
    assert found == ids
    assert since == ids[-1]
    for query, expected in (
        ("topics=orders.1", [1, 3]),
        ("topics=orders.0,orders.1", [0, 1, 2, 3, 4]),
        ("topics=orders.0&topics=prices.*", [0, 2, 4]),
        ("topics=orders.*&event=shipped", [0, 1, 2]),
        ("event=shipped&event=lost", [0, 1, 2]),
        ("topics=prices.**", []),
        (f"since={ids[3]}", [4]),
    ):
        _, page = await api.call("GET", f"/rooms/lobby/feed?{query}")
        assert [post["data"] for post in page["posts"]] == expected, query
        assert page["id"] == ids[-1]


async def test_what_is_kept_no_longer_is_missed(start_server: StartServer) -> None:
    server = await start_server(history_posts=2)
    async with Api(server.url) as api:
        ids = [await api.post(data=number) for number in range(4)]
        _, page = await api.call("GET", f"/rooms/lobby/feed?since={ids[0]}")
        assert (page["missed"], [post["data"] for post in page["posts"]]) == (True, [2, 3])
        _, page = await api.call("GET", f"/rooms/lobby/feed?since={ids[1]}")
        assert (page["missed"], [post["data"] for post in page["posts"]]) == (False, [2, 3])
        _, page = await api.call("GET", "/rooms/lobby/feed?since=9007199254740991&wait=20")
        assert (page["missed"], [post["data"] for post in page["posts"]], page["id"]) == (True, [2, 3], ids[3])
        _, page = await api.call("GET", "/rooms/lobby/feed?since=9007199254740991&topics=prices&wait=60")
        assert (page["missed"], page["posts"], page["id"]) == (True, [], ids[3]), "and is told so at once"


async def test_an_unknown_room_has_an_empty_feed(api: Api) -> None:
    status, page = await api.call("GET", "/rooms/nowhere/feed")
    assert (status, page["posts"], page["missed"]) == (200, [], False)
    id = await api.post(room="nowhere")
    _, page = await api.call("GET", f"/rooms/nowhere/feed?since={page['id']}")
    assert ([post["id"] for post in page["posts"]], page["missed"]) == ([id], False)


async def test_a_page_ends_where_it_grows_too_large(api: Api) -> None:
    for _ in range(4):
        await api.post(data="x" * 600_000)
    _, page = await api.call("GET", "/rooms/lobby/feed")
    assert len(page["posts"]) == 2
    _, page = await api.call("GET", f"/rooms/lobby/feed?since={page['id']}")
    assert len(page["posts"]) == 2


async def test_a_long_poll_is_answered_at_once_when_there_is_a_post(api: Api) -> None:
    _, page = await api.call("GET", "/rooms/lobby/feed")
    poll = asyncio.ensure_future(api.call("GET", f"/rooms/lobby/feed?since={page['id']}&topics=orders.*&wait=20"))
    await watched(api, 1)
    await api.post("prices.1")
    id = await api.post("orders.1")
    asked = time.monotonic()
    _, page = await poll
    assert time.monotonic() - asked < 5
    assert [post["id"] for post in page["posts"]] == [id]
    assert page["id"] == id
    await watched(api, 0)


async def test_a_long_poll_without_posts_is_answered_in_time(api: Api) -> None:
    began = time.monotonic()
    status, page = await api.call("GET", "/rooms/lobby/feed?wait=1")
    assert (status, page["posts"]) == (200, [])
    assert 0.9 < time.monotonic() - began < 15


async def test_a_long_poll_with_something_to_read_does_not_wait(api: Api) -> None:
    id = await api.post()
    began = time.monotonic()
    _, page = await api.call("GET", f"/rooms/lobby/feed?since={id - 1}&wait=20")
    assert [post["id"] for post in page["posts"]] == [id]
    assert time.monotonic() - began < 10


async def test_one_that_hangs_up_is_watching_no_longer(api: Api, server: Server) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5), api.http.get(f"{api.url}/rooms/lobby/feed?wait=20") as answer:
            await answer.read()
    await watched(api, 0)
    assert len(_streams(server)) == 0


async def test_posts_go_between_http_and_socketio(api: Api, server: Server, connect: Connect) -> None:
    ada = await connect(server.url)
    await ada.join("lobby")
    await ada.call("watch", {"room": "lobby", "topics": ["orders.*"]})
    id = await api.post(data=[1, "ä"])
    seen = await ada.next("post")
    assert (seen["id"], seen["data"]) == (id, [1, "ä"])
    await ada.call("post", {"room": "lobby", "topic": "orders.2", "data": 2})
    _, page = await api.call("GET", f"/rooms/lobby/feed?since={id}")
    assert [(post["data"], post["from"]) for post in page["posts"]] == [(2, ada.id)]
    _, watchers = await api.call("GET", "/rooms/lobby/watchers")
    assert watchers == {"watchers": [{"id": ada.id, "topics": ["orders.*"]}], "count": 1}


async def test_8_megabytes_are_a_post(api: Api) -> None:
    text = "ä" * 3_999_900
    id = await api.post(data=text)
    async with api.http.get(f"{api.url}/rooms/lobby/feed") as answer:
        page = json.loads(await answer.read())
    assert [(post["id"], post["data"] == text) for post in page["posts"]] == [(id, True)]


async def test_head_says_what_get_would(api: Api) -> None:
    await api.post()
    async with api.http.get(f"{api.url}/rooms/lobby/feed") as answer:
        length = answer.headers["Content-Length"]
        assert answer.headers["Cache-Control"] == "no-store"
    for accept, kind in (("*/*", "application/json"), ("text/event-stream", "text/event-stream")):
        headers = {"Accept": accept}
        async with asyncio.timeout(10), api.http.head(f"{api.url}/rooms/lobby/feed?wait=20", headers=headers) as answer:
            assert (answer.status, answer.content_type) == (200, kind)
            assert kind != "application/json" or answer.headers["Content-Length"] == length
            assert await answer.read() == b""


def _streams(server: Server) -> Streams:
    assert server.signalling._parts is not None
    return server.signalling._parts.api.streams


async def test_what_is_forgotten_of_others_while_a_long_poll_waits_is_not_missed(start_server: StartServer) -> None:
    server = await start_server(history_posts=4)
    async with Api(server.url) as api:
        since = await api.post()
        poll = asyncio.ensure_future(api.call("GET", f"/rooms/lobby/feed?since={since}&topics=rare&wait=20"))
        await watched(api, 1)
        for number in range(10):
            await api.post("often", number)
        id = await api.post("rare")
        _, page = await poll
        assert (page["missed"], [post["id"] for post in page["posts"]]) == (False, [id])
        query = f"/rooms/lobby/feed?since={id}&topics=rare&wait=2"
        poll = asyncio.ensure_future(api.call("GET", query))
        await watched(api, 1)
        last = [await api.post("often", number) for number in range(10)][-1]
        _, page = await poll
        assert (page["missed"], page["posts"], page["id"]) == (False, [], last)
