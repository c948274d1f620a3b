"""What the HTTP API tells of webhooks, and what it does with those that were given up."""

from typing import Any

import aiohttp
import pytest

from signalling.tokens import create_token
from signalling.webhooks import schedule
from tests.signalling.conftest import Connect, Server, StartServer
from tests.signalling.webhooks.receivers import Receiver
from tests.signalling.webhooks.servers import options, post, webhooks
from tests.waiting import eventually

SECRET = "a secret of more than 32 bytes, for tests alone"


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again soon, and given up the second time."""
    monkeypatch.setattr(schedule, "FIRST", 0.02)
    monkeypatch.setattr(schedule, "MOST_FAILURES", 2)


async def ask(server: Server, method: str, path: str, token: str | None = None, **given: Any) -> tuple[int, Any]:
    """The status, and what is said."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with aiohttp.ClientSession(headers=headers) as http:
        async with http.request(method, f"{server.url}/api/v1{path}", **given) as response:
            return response.status, await response.json(content_type=None)


async def test_figures_dead_letters_and_replays(
    start_server: StartServer, connect: Connect, receiver: Receiver, hurry: None
) -> None:
    server = await start_server(**options(receiver.url, webhook_events=("post",)))
    ada = await connect(server.url)
    receiver.status = 500
    for number in range(3):
        await post(ada, number, f"room {number}")
    await eventually(lambda: webhooks(server).dead_letters == 3)
    status, said = await ask(server, "GET", "/webhooks")
    assert status == 200
    assert said == {
        "endpoints": [{"url": receiver.url, "enabled": True, "waiting": 0, "error": "it answered 500"}],
        "accepted": 3,
        "delivered": 0,
        "failed": 6,
        "dead": 3,
        "dropped": 0,
        "error": None,
    }
    status, page = await ask(server, "GET", "/webhooks/dead?limit=2")
    assert (status, len(page["webhooks"])) == (200, 2)
    _, rest = await ask(server, "GET", f"/webhooks/dead?limit=2&after={page['next']}")
    assert (len(rest["webhooks"]), rest["next"]) == (1, None)
    letter = page["webhooks"][0]
    assert (letter["endpoint"], letter["room"], letter["type"]) == (receiver.url, "room 0", "post")
    assert (letter["failures"], letter["error"]) == (2, "it answered 500")
    receiver.status = 204
    receiver.requests.clear()
    for wanted, count in (({"room": "room 1"}, 1), ({"ids": [letter["id"]]}, 1), ({"endpoint": "http://x/"}, 0)):
        assert await ask(server, "POST", "/webhooks/replay", json=wanted) == (200, {"count": count})
    assert await ask(server, "POST", "/webhooks/replay", json={}) == (200, {"count": 1})
    requests = await receiver.count(3)
    assert [request.said["room"] for request in requests] == ["room 1", "room 0", "room 2"]
    assert requests[1].id == letter["id"]


@pytest.mark.parametrize("wanted", [b"{", b"[]", b'{"ids": "all"}', b'{"ids": [1]}', b"[" * 100_000])
async def test_replays_that_make_no_sense(server: Server, wanted: bytes) -> None:
    status, said = await ask(
        server, "POST", "/webhooks/replay", data=wanted, headers={"Content-Type": "application/json"}
    )
    assert (status, said["code"]) == (400, "bad-request")


async def test_without_webhooks_there_are_none(server: Server) -> None:
    assert (await ask(server, "GET", "/webhooks"))[1]["endpoints"] == []
    assert await ask(server, "GET", "/webhooks/dead") == (200, {"webhooks": [], "next": None})
    assert await ask(server, "POST", "/webhooks/replay", json={}) == (200, {"count": 0})


async def test_it_is_for_those_who_administer_and_for_their_rooms(
    start_server: StartServer, connect: Connect, receiver: Receiver, hurry: None
) -> None:
    server = await start_server(**options(receiver.url, token_secret=(SECRET,), webhook_events=("post",)))
    poster = create_token(SECRET, user="ada", rooms=["*"])
    ada = await connect(server.url, auth={"protocol": 1, "token": poster})
    receiver.status = 500
    await post(ada, 1, "mine")
    await post(ada, 2, "theirs")
    await eventually(lambda: webhooks(server).dead_letters == 2)
    admin = create_token(SECRET, user="root", rooms=["mine"], grants=["admin", "watch"])
    for method, path in (("GET", "/webhooks"), ("GET", "/webhooks/dead"), ("POST", "/webhooks/replay")):
        assert (await ask(server, method, path))[0] == 401
        assert (await ask(server, method, path, poster))[0] == 403
    _, page = await ask(server, "GET", "/webhooks/dead", admin)
    assert [letter["room"] for letter in page["webhooks"]] == ["mine"]
    receiver.status = 204
    assert await ask(server, "POST", "/webhooks/replay", admin, json={}) == (200, {"count": 1})
    await eventually(lambda: webhooks(server).dead_letters == 1)


async def test_their_topic_is_for_those_who_administer(
    start_server: StartServer, connect: Connect, receiver: Receiver
) -> None:
    server = await start_server(**options(receiver.url, token_secret=(SECRET,)))
    watcher = create_token(SECRET, user="ada", rooms=["*"])
    admin = create_token(SECRET, user="root", rooms=["*"], grants=["admin", "watch"])
    ada = await connect(server.url, auth={"protocol": 1, "token": watcher})
    root = await connect(server.url, auth={"protocol": 1, "token": admin})
    for pattern in ("$webhooks", "$webhooks.**"):
        reply = await ada.call("watch", {"room": "room", "topics": ["orders.*", pattern]})
        assert reply["error"]["code"] == "forbidden"
        assert (await ask(server, "GET", f"/rooms/room/feed?topics={pattern}", watcher))[0] == 403
    assert "error" not in await ada.call("watch", {"room": "room", "topics": ["**"]})
    assert "error" not in await root.call("watch", {"room": "room", "topics": ["$webhooks"]})
    await post(ada, 1)
    id = (await root.next("post"))["id"]
    assert (await ada.next("post"))["topic"] == "orders.new"
    assert ada.waiting("post") == 0
    assert (await ask(server, "GET", f"/rooms/room/feed/{id}", watcher))[0] == 403
    assert (await ask(server, "GET", f"/rooms/room/feed/{id}", admin))[0] == 200
    _, page = await ask(server, "GET", "/rooms/room/feed?topics=$webhooks", admin)
    assert [each["id"] for each in page["posts"]] == [id]
