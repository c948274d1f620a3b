"""Posts and watches on a real server, by stock Socket.IO clients over WebSocket and over long-polling."""

import json
from collections.abc import AsyncIterator
from typing import Any

import psutil
import pytest

from signalling.feeds.feed import Feed
from signalling.protocol.limits import MAX_PATTERNS, MAX_WATCHES
from tests.signalling.actor import DEADLINE, Actor, until
from tests.signalling.conftest import Connect, Server, StartServer
from tests.signalling.raw import RawClient, RawPoller

TRANSPORTS = ["websocket", "polling"]


async def ask(actor: Actor, event: str, /, **data: Any) -> Any:
    """A reply that is no error."""
    reply = await actor.call(event, {"room": "shop", **data})
    assert "error" not in reply, reply
    return reply


async def refused(actor: Actor, event: str, /, **data: Any) -> tuple[str, str]:
    """The error that is the reply."""
    error = (await actor.call(event, {"room": "shop", **data}))["error"]
    return error["code"], error["message"]


def feed(server: Server, room: str = "shop") -> Feed:
    found = server.signalling._feeds.find(room)
    assert found is not None
    return found


async def data_of(actor: Actor, count: int) -> list[Any]:
    return [(await actor.next("post"))["data"] for _ in range(count)]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_post_comes_to_who_watches_its_topic(server: Server, connect: Connect, transport: str) -> None:
    ada, bob = await connect(server.url, transport), await connect(server.url, transport)
    watching = await ask(ada, "watch", topics=["orders.*"])
    assert list(watching) == ["id"]
    ids = [
        (await ask(bob, "post", topic=topic, data={"n": topic}))["id"] for topic in ("orders.1", "other", "orders.2")
    ]
    assert ids == [watching["id"] + 1, watching["id"] + 2, watching["id"] + 3]
    first, second = await ada.next("post"), await ada.next("post")
    assert first.pop("at") > 1_600_000_000_000
    assert first == {"room": "shop", "id": ids[0], "topic": "orders.1", "data": {"n": "orders.1"}}
    assert second["id"] == ids[2]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_events_within_topics_and_watches_by_number(server: Server, connect: Connect, transport: str) -> None:
    ada = await connect(server.url, transport)
    await ada.join("shop")
    await ask(ada, "watch", topics=["orders.*"], events=["shipped"], watch=7)
    await ask(ada, "watch", topics=["**"])
    await ask(ada, "watch", topics=["returns"], events=["lost"], watch=7)
    for topic, event in (("orders.1", "shipped"), ("orders.1", "paid"), ("returns", "lost"), ("returns", "")):
        await ask(ada, "post", topic=topic, event=event, data=None)
    got = [await ada.next("post") for _ in range(6)]
    assert [(p["topic"], p.get("event")) for p in got if p.get("watch") == 7] == [
        ("orders.1", "shipped"),
        ("returns", "lost"),
    ]
    assert [p.get("event") for p in got if "watch" not in p] == ["shipped", "paid", "lost", None]
    assert {p["from"] for p in got} == {ada.id}
    assert await ask(ada, "unwatch", topics=["returns", "never asked for"], watch=7) == {}
    assert await ask(ada, "unwatch") == {}
    for topic, event in (("returns", "lost"), ("orders.1", "shipped")):
        await ask(ada, "post", topic=topic, event=event, data=None)
    last = await ada.next("post")
    assert (last["topic"], last["watch"]) == ("orders.1", 7)
    await ask(ada, "unwatch", watch=7)
    assert not feed(server).watched
    assert ada.waiting("post") == 0


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_since_brings_what_was_missed_after_the_reply(
    start_server: StartServer, connect: Connect, transport: str
) -> None:
    server = await start_server(history_posts=500)
    ada, bob = await connect(server.url, transport), await connect(server.url)
    for number in range(600):
        id = (await ask(bob, "post", topic=f"t.{number % 2}", data=number))["id"]
    assert await ask(ada, "watch", topics=["t.1"], since=id - 300, watch=1) == {"id": id}
    assert await data_of(ada, 150) == list(range(301, 600, 2))
    assert await ask(ada, "watch", topics=["t.*"], since=id - 500, watch=2) == {"id": id}
    assert await data_of(ada, 500) == list(range(100, 600))
    for since in (0, id - 501, id + 1, 1):
        assert await ask(ada, "watch", topics=["t.*"], since=since, watch=3) == {"id": id, "missed": True}
        assert await data_of(ada, 500) == list(range(100, 600))
        await ask(ada, "unwatch", watch=3)
    await ask(bob, "post", topic="t.1", data="new")
    assert [(p["data"], p["watch"]) for p in [await ada.next("post"), await ada.next("post")]] == [
        ("new", 1),
        ("new", 2),
    ]


async def test_what_is_rare_is_found_behind_much_else(server: Server, connect: Connect) -> None:
    ada, bob = await connect(server.url), await connect(server.url)
    for number in range(1_100):
        topic = "rare" if number == 400 or number >= 900 else "often"
        await bob.sio.emit("post", {"room": "shop", "topic": topic, "data": [number, "x" * 600]})
    await ask(bob, "post", topic="last", data=None)
    await ask(ada, "watch", topics=["rare", "last"], since=0)
    got = await data_of(ada, 202)
    assert [data[0] for data in got[:-1]] == [400, *range(900, 1_100)]


async def test_nothing_is_missed_by_who_asks_for_everything_from_the_start(server: Server, connect: Connect) -> None:
    ada = await connect(server.url)
    reply = await ask(ada, "watch", topics=["**"], since=0)
    assert list(reply) == ["id"]
    await ask(ada, "post", topic="t", data=1)
    assert list(await ask(ada, "watch", topics=["**"], since=0, watch=1)) == ["id"]
    assert await data_of(ada, 2) == [1, 1]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_repeated_post_with_the_same_key_is_one(server: Server, connect: Connect, transport: str) -> None:
    ada, bob = await connect(server.url, transport), await connect(server.url, transport)
    await ask(bob, "watch", topics=["t"])
    post = {"topic": "t", "event": "e", "data": {"a": [1, 2.5, "é"]}, "key": "k"}
    id = await ask(ada, "post", **post)
    await ada.join("shop")
    assert await ask(ada, "post", **post) == id, "a member now: the same program all the same"
    for other in ({"data": None}, {"topic": "u"}, {"event": ""}):
        assert (await refused(ada, "post", **{**post, **other}))[0] == "bad-request"
    await ask(ada, "post", topic="t", data="last")
    assert await data_of(bob, 2) == [post["data"], "last"]


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("post", {"topic": "t"}, "bad-request", "missing required field `data`"),
    ("post", {"topic": 1, "data": 1}, "bad-request", "Expected `str`"),
    ("post", {"topic": "a.*", "data": 1}, "bad-request", "for patterns"),
    ("post", {"topic": "$watchers", "data": 1}, "bad-request", "the server's own"),
    ("post", {"room": "", "topic": "t", "data": 1}, "bad-request", "a room's name"),
    ("post", {"topic": "t", "data": 1, "event": "x" * 129}, "bad-request", "event: at most 128"),
    ("post", {"topic": "t", "data": 1, "key": "x" * 129}, "bad-request", "key: at most 128"),
    ("post", {"topic": "t", "data": [b"bytes"]}, "bad-request", "data: any JSON value"),
    ("post", {"topic": "t", "data": "x" * 1_023}, "too-large", "at most 1024 bytes; this one has 1025"),
    ("watch", {}, "bad-request", "missing required field `topics`"),
    ("watch", {"topics": []}, "bad-request", "1 to 64"),
    ("watch", {"topics": ["a"] * 65}, "bad-request", "1 to 64"),
    ("watch", {"topics": ["**.a"]}, "bad-request", "only at the end"),
    ("watch", {"topics": ["a"], "events": ["x"] * 65}, "bad-request", "at most as many"),
    ("watch", {"topics": ["a"], "events": ["é" * 65]}, "bad-request", "at most 128 bytes"),
    ("watch", {"topics": ["a"], "since": -1}, "bad-request", "since"),
    ("watch", {"topics": ["a"], "since": 2**53}, "bad-request", "since"),
    ("watch", {"topics": ["a"], "since": 1.5}, "bad-request", "Expected"),
    ("watch", {"topics": ["a"], "watch": -1}, "bad-request", "watch"),
    ("watch", {"room": "x" * 129, "topics": ["a"]}, "bad-request", "a room's name"),
    ("unwatch", {}, "bad-request", "no such watch"),
    ("unwatch", {"watch": 3}, "bad-request", "no such watch"),
]


async def test_what_is_refused(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(post_bytes=1_024)
    ada = await connect(server.url)
    for event, fields, code, message in REFUSED:
        error = await refused(ada, event, **fields)
        assert error[0] == code, (event, fields, error)
        assert message in error[1], (event, fields, error)
    assert list(server.signalling._feeds) == []


async def test_nesting(server: Server, connect: Connect) -> None:
    ada = await connect(server.url)
    deep: Any = 1
    for _ in range(64):
        deep = [deep]
    await ask(ada, "post", topic="t", data=deep)
    async with RawClient(server.url) as raw:
        await raw.greet()
        for _ in range(400):
            deep = {"x": deep}
        reply = await raw.call("post", {"room": "shop", "topic": "t", "data": deep})
        assert reply["error"]["code"] == "bad-request"
        assert "64 deep" in reply["error"]["message"]
    async with RawClient(server.url) as raw:
        await raw.greet()
        await raw.ws.send_str('42["post",{"room":"shop","topic":"t","data":' + "[" * 50_000 + "]" * 50_000 + "}]")
        assert await raw.closed(), "it is no packet that could be read"
    async with RawClient(server.url) as raw:
        await raw.greet()
        await raw.ws.send_str('421["post",{"room":"shop","topic":"t","data":NaN}]')
        assert await raw.closed(), "nor is this JSON"
    await ask(ada, "post", topic="t", data=1)


async def test_how_much_one_client_may_watch(server: Server, connect: Connect) -> None:
    ada = await connect(server.url)
    for number in range(MAX_WATCHES):
        await ask(ada, "watch", topics=["a"], watch=number, room=f"room {number % 3}")
    assert (await refused(ada, "watch", topics=["a"], watch=99))[0] == "forbidden"
    await ask(ada, "watch", topics=["b"], watch=0, room="room 0")
    await ask(ada, "unwatch", watch=63, room="room 0")
    await ask(ada, "watch", topics=[f"t.{n}" for n in range(MAX_PATTERNS)], events=["e"], watch=99)
    assert (await refused(ada, "watch", topics=["one more"], watch=99))[0] == "bad-request"
    assert (await refused(ada, "watch", topics=["more"], watch=99))[
        1
    ] == "topics, events: at most 64 of each in one watch"
    events = [f"e{n}" for n in range(MAX_PATTERNS)]
    assert (await refused(ada, "watch", topics=["t.0"], events=events, watch=99))[0] == "bad-request"
    await ask(ada, "watch", topics=["t.0"], watch=99)


async def test_rooms_with_feeds_are_bounded(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(max_feeds=2)
    ada = await connect(server.url)
    await ask(ada, "watch", topics=["**"], room="a")
    await ask(ada, "watch", topics=["**"], room="b")
    assert (await refused(ada, "post", topic="t", data=1))[0] == "busy"
    await ask(ada, "unwatch", room="a")
    await ask(ada, "post", topic="t", data=1)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_watcher_that_is_gone_leaves_nothing(server: Server, connect: Connect, transport: str) -> None:
    ada, bob = await connect(server.url, transport), await connect(server.url)
    await ask(ada, "watch", topics=["**"])
    await ask(ada, "watch", topics=["$watchers"], watch=2)
    await ask(bob, "watch", topics=["t"])
    await ada.close()
    await until(lambda: len(feed(server).watchers) == 1)
    await ask(bob, "post", topic="t", data=1)
    await ask(bob, "unwatch")
    posts = server.engine.sio.namespace_handlers["/"]._posts
    assert not feed(server).watched
    assert not feed(server)._index
    assert posts._watched == {}


async def test_who_watches_is_told_on_a_topic_of_its_own(server: Server, connect: Connect) -> None:
    ada, bob, eve = [await connect(server.url) for _ in range(3)]
    await bob.join("shop")
    await ask(eve, "watch", topics=["**"])
    await ask(ada, "watch", topics=["$watchers"])
    told = await ada.next("post")
    assert told["topic"] == "$watchers"
    assert told["data"]["count"] == 2
    (me,) = told["data"]["began"]
    assert me["topics"] == ["$watchers"]
    await ask(bob, "watch", topics=["a", "b.*"])
    assert (await ada.next("post"))["data"] == {"count": 3, "began": [{"id": bob.id, "topics": ["a", "b.*"]}]}
    await bob.close()
    gone = (await ada.next("post"))["data"]
    assert gone == {"count": 2, "ceased": [{"id": bob.id, "topics": ["a", "b.*"]}]}
    assert eve.waiting("post") == 0
    assert len(feed(server).history) == 0


async def watch_and_stop(raw: RawClient) -> None:
    """A watcher whose connection nobody reads: aiohttp stops reading when its buffer is full."""
    await raw.greet()
    assert "error" not in await raw.call("watch", {"room": "shop", "topics": ["**"]})


async def read_posts(raw: RawClient) -> AsyncIterator[tuple[str, Any]]:
    while True:
        text = await raw.ws.receive_str(timeout=DEADLINE)
        if text == "2":
            await raw.ws.send_str("3")
        elif text.startswith("42["):
            yield tuple(json.loads(text[2:]))


@pytest.mark.slow
async def test_a_watcher_that_reads_nothing_costs_no_memory_and_catches_up(
    start_server: StartServer, connect: Connect
) -> None:
    server = await start_server(history_bytes=20_000_000, ping_timeout=60.0)
    ada, bob = await connect(server.url), await connect(server.url)
    await ask(bob, "watch", topics=["**"])
    async with RawClient(server.url) as raw:
        await watch_and_stop(raw)
        before = psutil.Process().memory_info().rss
        for number in range(200):
            id = (await ask(ada, "post", topic="t", data=[number, "x" * 500_000]))["id"]
            assert (await bob.next("post"))["data"][0] == number, "others do not notice"
            bob.log.clear()
        assert psutil.Process().memory_info().rss - before < 45_000_000
        seen: list[int] = []
        missed = 0
        async for name, packet in read_posts(raw):
            if name == "missed":
                assert not missed
                missed = packet["id"]
                assert seen[-1] < missed
            else:
                assert packet["data"][0] == 199 - (id - packet["id"])
                assert packet["id"] == max(missed, seen[-1] if seen else 0) + 1 or not seen
                seen.append(packet["id"])
                if packet["id"] == id:
                    break
        assert missed
        assert id - missed == len(feed(server).history) > 30
        await ask(ada, "post", topic="t", data="live again")
        async for _, packet in read_posts(raw):
            assert packet["data"] == "live again"
            break


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_posts_that_are_larger_than_an_outbox(
    start_server: StartServer, connect: Connect, transport: str
) -> None:
    server = await start_server(outbox_bytes=131_072)
    ada, bob = await connect(server.url, transport), await connect(server.url)
    await ask(ada, "watch", topics=["**"])
    for number in range(12):
        await ask(bob, "post", topic="t", data=[number, "x" * (1_000_000 if number % 3 else 10)])
    assert [data[0] for data in await data_of(ada, 12)] == list(range(12))
    assert ada.waiting("missed") == 0


async def test_a_slow_watcher_makes_nobodys_relays_busy(server: Server, connect: Connect) -> None:
    ada = await connect(server.url)
    await ada.join("shop")
    async with RawClient(server.url) as raw:
        sid = await raw.greet()
        eve = Actor(raw.url)
        await raw.call("join", eve.join_fields("shop", proof=eve.proof("shop", sid=sid)))
        assert "error" not in await raw.call("watch", {"room": "shop", "topics": ["**"]})
        for _ in range(100):
            await ask(ada, "post", topic="t", data="x" * 200_000)
        for _ in range(20):  # more than what is left beside a post of that size
            n = await ada.relay("shop", [eve.id], [bytes(60_000)])
        while (await ada.next("relayed"))["n"] < n:
            pass
        assert ada.waiting("refused") == 0


async def test_a_poller_that_comes_late_gets_everything_in_order(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(outbox_bytes=131_072)
    ada = await connect(server.url)
    async with RawPoller(server.url) as raw:
        await raw.greet()
        assert await raw.post('421["watch",{"room":"shop","topics":["t"]}]') == 200
        for number in range(400):
            await ada.sio.emit("post", {"room": "shop", "topic": "t", "data": [number, "x" * 2_000]})
        await ask(ada, "post", topic="u", data=None)
        numbers: list[int] = []
        while len(numbers) < 400:
            _, text = await raw.get()
            for packet in text.split("\x1e"):
                if packet.startswith("42"):
                    name, post = json.loads(packet[2:])
                    assert name == "post"
                    numbers.append(post["data"][0])
                elif packet == "2":
                    await raw.post("3")
        assert numbers == list(range(400))
