"""What becomes of webhooks whose receivers fail, hang or want no more, and when there is no room for them."""

import sqlite3
import time
from pathlib import Path

import pytest
from aiohttp import web

from signalling.webhooks import endpoint as endpoints
from signalling.webhooks import schedule
from tests.signalling.conftest import Connect, StartServer
from tests.signalling.webhooks.receivers import Receiver, hang, receiving
from tests.signalling.webhooks.servers import everything, options, post, webhooks
from tests.signalling.webhooks.test_outbox import Disk
from tests.waiting import eventually


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again soon."""
    monkeypatch.setattr(schedule, "FIRST", 0.02)
    monkeypatch.setattr(schedule, "LONGEST", 0.1)


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
