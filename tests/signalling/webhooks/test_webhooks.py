"""From what happens in rooms to what receivers get."""

import asyncio
import json

import aiohttp

from signalling.webhooks.events import MOST_DATA, TYPES
from tests.signalling.conftest import Connect, Server, StartServer
from tests.signalling.webhooks.receivers import SECRET, Receiver, receiving
from tests.signalling.webhooks.servers import options, post, webhooks
from tests.waiting import eventually


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


async def test_a_room_that_is_closed_has_ended(start_server: StartServer, connect: Connect, receiver: Receiver) -> None:
    server = await start_server(**options(receiver.url))
    ada = await connect(server.url)
    await ada.join("room")
    async with aiohttp.ClientSession() as http, http.delete(f"{server.url}/api/v1/rooms/room") as answer:
        assert answer.status == 204
    requests = await receiver.count(4)
    assert receiver.types == ["room.started", "peer.joined", "peer.left", "room.ended"]
    assert requests[2].said["data"] == {"peer": ada.id, "reason": "closed"}


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
