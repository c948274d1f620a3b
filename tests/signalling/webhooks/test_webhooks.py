"""From what happens in rooms to what receivers get."""

import asyncio
import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from signalling.webhooks import endpoint as endpoints
from signalling.webhooks import schedule
from signalling.webhooks.database import Dead
from signalling.webhooks.events import MOST_DATA, TYPES
from signalling.webhooks.webhooks import Webhooks
from tests.signalling.actor import Actor
from tests.signalling.conftest import Connect, Server, StartServer
from tests.signalling.webhooks.receivers import SECRET, Receiver, hang, receiving
from tests.waiting import eventually


def options(*urls: str, **changed: Any) -> dict[str, Any]:
    """Those of a server with webhooks."""
    given = {
        "webhook": urls,
        "webhook_secret": (SECRET,),
        "webhook_topics": ("orders.**",),
        "webhook_store": ":memory:",
        "webhook_allow_private": True,
        "webhook_timeout": 5.0,
    }
    return {**given, **changed}


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again soon."""
    monkeypatch.setattr(schedule, "FIRST", 0.02)
    monkeypatch.setattr(schedule, "LONGEST", 0.1)


async def post(actor: Actor, number: int, room: str = "room", topic: str = "orders.new", **more: Any) -> int:
    """Posts, and returns the id."""
    reply = await actor.call("post", {"room": room, "topic": topic, "data": number, **more})
    assert "error" not in reply, reply
    return int(reply["id"])


def everything(dead: Dead) -> bool:
    """All dead letters."""
    return True


def webhooks(server: Server) -> Webhooks:
    return server.signalling.webhooks


async def test_what_happens_in_a_room_is_told_in_order(
    start_server: StartServer, connect: Connect, receiver: Receiver
) -> None:
    server = await start_server(**options(receiver.url, grace=0.1))
    ada, grace = await connect(server.url), await connect(server.url)
    await ada.join("room", '{"name": "Ada"}')
    await grace.join("room")
    id = await post(ada, 1, event="made")
    ada.profile_version += 1
    profile = '{"name":"Ada L."}'
    statement = ada.statement("room", profile, profile_version=1)
    assert await ada.call("profile", {"room": "room", "profile": profile, "statement": statement}) == {}
    await grace.call("leave", {"room": "room"})
    await ada.close()
    requests = await receiver.count(8)
    assert [(request.said["room"], request.type, request.said["data"]) for request in requests] == [
        ("room", "room.started", {}),
        ("room", "peer.joined", {"peer": ada.id, "profile": {"name": "Ada"}}),
        ("room", "peer.joined", {"peer": grace.id, "profile": {}}),
        ("room", "post", {"id": id, "topic": "orders.new", "event": "made", "data": 1, "from": ada.id}),
        ("room", "peer.updated", {"peer": ada.id, "profile": {"name": "Ada L."}}),
        ("room", "peer.left", {"peer": grace.id, "reason": "left"}),
        ("room", "peer.left", {"peer": ada.id, "reason": "lost"}),
        ("room", "room.ended", {}),
    ]
    assert {request.type for request in requests} == set(TYPES)
    assert len({request.id for request in requests}) == 8
    assert all(request.said["timestamp"].endswith("Z") for request in requests)
    await eventually(lambda: webhooks(server).backlog == 0)
    counts = webhooks(server).counts
    assert (counts.accepted, counts.delivered, counts.failed, counts.dead, counts.dropped) == (8, 8, 0, 0, 0)


async def test_a_new_incarnation_is_no_new_room(
    start_server: StartServer, connect: Connect, receiver: Receiver
) -> None:
    server = await start_server(**options(receiver.url))
    ada = await connect(server.url)
    await ada.join("room")
    again = await connect(server.url, like=ada)
    again.incarnation += 1
    await again.join("room")
    await receiver.count(4)
    assert receiver.types == ["room.started", "peer.joined", "peer.left", "peer.joined"]
    assert receiver.requests[2].said["data"]["reason"] == "restarted"


async def test_only_what_was_asked_for(start_server: StartServer, connect: Connect, receiver: Receiver) -> None:
    server = await start_server(**options(receiver.url, webhook_events=("post", "room.started")))
    ada = await connect(server.url)
    await ada.join("room")
    await post(ada, 1, topic="other.new")
    await post(ada, 2, topic="orders")
    await post(ada, 3, topic="orders.eu.new")
    await receiver.count(3)
    assert receiver.types == ["room.started", "post", "post"]
    assert [request.said["data"]["topic"] for request in receiver.requests[1:]] == ["orders", "orders.eu.new"]


async def test_without_topics_no_posts(start_server: StartServer, connect: Connect, receiver: Receiver) -> None:
    server = await start_server(**options(receiver.url, webhook_topics=()))
    ada = await connect(server.url)
    await post(ada, 1)
    await ada.join("room")
    await receiver.count(2)
    assert receiver.types == ["room.started", "peer.joined"]


async def test_a_large_post_comes_without_its_data(
    start_server: StartServer, connect: Connect, receiver: Receiver
) -> None:
    server = await start_server(**options(receiver.url))
    ada = await connect(server.url)
    text = "x" * MOST_DATA
    reply = await ada.call("post", {"room": "room", "topic": "orders.big", "data": text})
    (request,) = await receiver.count(1)
    assert request.said["data"] == {"id": reply["id"], "topic": "orders.big", "omitted": len(text) + 2}


async def test_both_secrets_sign_while_they_change(
    start_server: StartServer, connect: Connect, receiver: Receiver
) -> None:
    new = "whsec_" + "QUFB" * 8
    server = await start_server(**options(receiver.url, webhook_secret=(new, SECRET)))
    ada = await connect(server.url)
    await post(ada, 1)
    await receiver.count(1)
    receiver.secret = new
    await post(ada, 2)
    (_, second) = await receiver.count(2)
    assert len(second.headers["webhook-signature"].split(" ")) == 2


async def test_every_endpoint_gets_it_under_the_same_id(
    start_server: StartServer, connect: Connect, receiver: Receiver
) -> None:
    async with receiving() as other:
        server = await start_server(**options(receiver.url, other.url))
        ada = await connect(server.url)
        await post(ada, 1)
        (one,), (two,) = await receiver.count(1), await other.count(1)
        assert (one.id, one.body) == (two.id, two.body)


async def test_failures_in_between_change_no_order(
    start_server: StartServer, connect: Connect, receiver: Receiver, hurry: None
) -> None:
    server = await start_server(**options(receiver.url, webhook_events=("post",)))
    tries = 0

    async def answer(_: web.Request) -> web.StreamResponse:
        nonlocal tries
        tries += 1
        return web.Response(status=500 if tries % 3 == 0 else 204)

    receiver.answer = answer
    actors = [await connect(server.url) for _ in range(4)]
    for number in range(25):
        for room, actor in enumerate(actors):
            await post(actor, number, f"room {room}")
    await eventually(lambda: webhooks(server).backlog == 0, 30)
    for room in range(4):
        seen = [r.said["data"]["data"] for r in receiver.requests if r.said["room"] == f"room {room}"]
        assert [number for at, number in enumerate(seen) if number not in seen[:at]] == list(range(25))
        assert seen == sorted(seen)  # a retry comes before the next one
    assert webhooks(server).counts.failed > 10


async def test_an_endpoint_that_hangs_holds_up_no_other(
    start_server: StartServer, connect: Connect, receiver: Receiver
) -> None:
    async with receiving() as bad:
        bad.answer = hang
        server = await start_server(**options(bad.url, receiver.url, webhook_timeout=60.0))
        ada = await connect(server.url)
        begun = time.monotonic()
        for number in range(100):
            await post(ada, number, f"room {number}")
        await receiver.count(100)
        assert time.monotonic() - begun < 15
        assert len(bad.requests) == endpoints._AT_ONCE
        ill, _ = webhooks(server).endpoints
        assert len(ill.lanes) == 100
        begun = time.monotonic()
        await server.close()
        assert time.monotonic() - begun < 8


async def test_what_could_not_be_delivered_is_there_after_a_restart(
    start_server: StartServer, connect: Connect, receiver: Receiver, tmp_path: Path
) -> None:
    store = str(tmp_path / "store.db")
    receiver.status = 500
    server = await start_server(**options(receiver.url, webhook_store=store))
    ada = await connect(server.url)
    for number in range(3):
        await post(ada, number)
    await receiver.count(1)
    await server.close()
    receiver.status = 204
    first = receiver.requests[0]
    receiver.requests.clear()
    server = await start_server(**options(receiver.url, webhook_store=store))
    requests = await receiver.count(3)
    assert [request.said["data"]["data"] for request in requests] == [0, 1, 2]
    assert requests[0].id == first.id
    await eventually(lambda: webhooks(server).backlog == 0)
    await server.close()
    with sqlite3.connect(store) as sql:
        assert sql.execute("SELECT count(*) FROM webhook").fetchone() == (0,)
    sql.close()


async def test_how_often_one_has_failed_outlives_a_restart(
    start_server: StartServer, connect: Connect, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "FIRST", 1_000.0)
    monkeypatch.setattr(schedule, "MOST_FAILURES", 2)
    store = str(tmp_path / "store.db")
    receiver.status = 500
    server = await start_server(**options(receiver.url, webhook_store=store))
    await post(await connect(server.url), 1)
    await eventually(lambda: webhooks(server).counts.failed == 1)
    await server.close()
    server = await start_server(**options(receiver.url, webhook_store=store))
    await eventually(lambda: webhooks(server).dead_letters == 1)  # tried at once, and that was the second time
    (dead,) = await webhooks(server).dead()
    assert dead.failures == 2


async def test_410_turns_an_endpoint_off_until_a_replay(
    start_server: StartServer, connect: Connect, receiver: Receiver
) -> None:
    server = await start_server(**options(receiver.url))
    ada = await connect(server.url)
    receiver.status = 410
    await post(ada, 1)
    await eventually(lambda: webhooks(server).endpoints[0].disabled)
    await post(ada, 2)
    assert len(receiver.requests) == 1
    (dead,) = await webhooks(server).dead()
    assert (dead.id, dead.error) == (receiver.requests[0].id, endpoints.GONE)
    assert webhooks(server).counts.dropped == 1
    receiver.status = 204
    assert await webhooks(server).replay(everything) == 1
    await receiver.count(2)
    await post(ada, 3)
    requests = await receiver.count(3)
    assert [request.said["data"]["data"] for request in requests] == [1, 1, 3]
    assert requests[0].id == requests[1].id


async def test_dead_letters_are_listed_and_replayed(
    start_server: StartServer, connect: Connect, receiver: Receiver, hurry: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "MOST_FAILURES", 2)
    server = await start_server(**options(receiver.url))
    ada = await connect(server.url)
    receiver.status = 500
    for number in range(4):
        await post(ada, number, "even" if number % 2 == 0 else "odd")
    await eventually(lambda: webhooks(server).dead_letters == 4)
    assert webhooks(server).backlog == 0
    dead = await webhooks(server).dead()
    assert [(each.room, each.type, each.error) for each in dead if each.room == "odd"] == [
        ("odd", "post", "it answered 500")
    ] * 2
    assert [each.number for each in await webhooks(server).dead(dead[1].number, 1)] == [dead[2].number]
    receiver.status = 204
    receiver.requests.clear()
    assert await webhooks(server).replay(lambda each: each.id == "msg_unknown") == 0
    assert await webhooks(server).replay(lambda each: each.id == dead[0].id) == 1
    assert [request.id for request in await receiver.count(1)] == [dead[0].id]
    assert await webhooks(server).replay(lambda each: each.room == "odd") == 2
    assert {request.said["room"] for request in (await receiver.count(3))[1:]} == {"odd"}
    assert await webhooks(server).replay(everything) == 1
    await receiver.count(4)
    assert await webhooks(server).dead() == []
    assert (webhooks(server).dead_letters, webhooks(server).counts.dead) == (0, 4)


async def test_an_endpoint_that_is_no_longer_configured_has_dead_letters(
    start_server: StartServer, connect: Connect, receiver: Receiver, tmp_path: Path
) -> None:
    store = str(tmp_path / "store.db")
    receiver.status = 500
    server = await start_server(**options(receiver.url, webhook_store=store))
    await post(await connect(server.url), 1)
    await receiver.count(1)
    await server.close()
    async with receiving() as other:
        server = await start_server(**options(other.url, webhook_store=store))
        (dead,) = await webhooks(server).dead()
        assert dead.endpoint == receiver.url
        assert await webhooks(server).replay(everything) == 0
        await server.close()
    receiver.status = 204
    server = await start_server(**options(receiver.url, webhook_store=store))
    assert await webhooks(server).replay(everything) == 1
    await receiver.count(2)


async def test_what_is_kept_is_bounded_and_an_endpoint_that_is_down_costs_itself(
    start_server: StartServer, connect: Connect, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    async with receiving() as bad:
        bad.answer = hang
        server = await start_server(**options(bad.url, receiver.url, webhook_backlog=100))
        ada = await connect(server.url)
        for number in range(300):
            await post(ada, number, f"room {number % 50}")
        requests = await receiver.count(300)
        assert {request.said["data"]["data"] for request in requests} == set(range(300))
        ill, well = webhooks(server).endpoints
        await eventually(lambda: len(well.lanes) == 0)
        assert 50 <= len(ill.lanes) <= 100
        assert webhooks(server).counts.dropped == 300 - len(ill.lanes)
        assert 1 <= len([record for record in caplog.records if "webhook dropped" in record.message]) < 10


async def test_a_disk_that_is_full_concerns_who_posts_there_alone(
    start_server: StartServer,
    connect: Connect,
    receiver: Receiver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from tests.signalling.webhooks.test_outbox import Disk

    disk = Disk(monkeypatch)
    store = str(tmp_path / "store.db")
    server = await start_server(**options(receiver.url, webhook_store=store, webhook_events=("post",)))
    ada, grace = await connect(server.url), await connect(server.url)
    await post(ada, 0)
    await receiver.count(1)
    receiver.answer = hang  # so that there is something to be stored
    disk.full = True
    large = {"room": "room", "topic": "orders.new", "data": "x" * 100_000, "key": "once"}
    error = (await ada.call("post", large))["error"]
    assert error["code"] == "busy"
    assert "full" in error["message"]
    feed = server.signalling._feeds.find("room")
    assert feed is not None
    newest = feed.history.newest
    assert (await ada.call("post", {**large, "key": "other"}))["error"]["code"] == "busy"
    assert feed.history.newest == newest  # at once: nobody sees what is refused
    await post(grace, 1, topic="elsewhere")
    assert (await grace.join("room"))["peers"]
    disk.full = False
    await eventually(lambda: webhooks(server).store_error is None)
    assert webhooks(server).store_failures >= 1
    id = (await ada.call("post", large))["id"]
    await server.close()
    receiver.answer = None
    receiver.requests.clear()
    await start_server(**options(receiver.url, webhook_store=store))
    (request,) = await receiver.count(1)
    assert request.said["data"]["id"] == id
    said = [record.levelname for record in caplog.records if record.name == "signalling.webhooks.outbox"]
    assert said == ["ERROR", "WARNING"]


async def test_those_who_may_watch_what_endpoints_get(
    start_server: StartServer, connect: Connect, receiver: Receiver
) -> None:
    server = await start_server(**options(receiver.url))
    ada = await connect(server.url)
    assert "error" not in await ada.call("watch", {"room": "room", "topics": ["$webhooks"]})
    await ada.join("room")
    started, joined = await ada.next("post"), await ada.next("post")
    requests = await receiver.count(2)
    assert [started["event"], joined["event"]] == receiver.types
    assert started["topic"] == "$webhooks"
    assert [json.loads(told["data"]["body"]) for told in (started, joined)] == [r.said for r in requests]
    assert [told["data"]["id"] for told in (started, joined)] == [r.id for r in requests]
    assert started["data"]["signature"] == requests[0].headers["webhook-signature"] or (
        str(started["data"]["timestamp"]) != requests[0].headers["webhook-timestamp"]
    )
    await ada.call("unwatch", {"room": "room", "topics": ["$webhooks"]})
    await post(ada, 1)
    await ada.call("watch", {"room": "room", "topics": ["$webhooks"], "since": joined["id"]})
    assert (await ada.next("post"))["event"] == "post"


async def test_nobody_else_posts_there(server: Server, connect: Connect) -> None:
    ada = await connect(server.url)
    reply = await ada.call("post", {"room": "room", "topic": "$webhooks", "data": 1})
    assert reply["error"]["code"] == "bad-request"


async def test_rooms_that_nobody_listens_to_get_no_feed(
    start_server: StartServer, connect: Connect, receiver: Receiver
) -> None:
    server = await start_server(**options(receiver.url))
    ada = await connect(server.url)
    await ada.join("room")
    await receiver.count(2)
    assert server.signalling._feeds.find("room") is None
    assert await asyncio.wait_for(webhooks(server).dead(), 5) == []
