"""Posting and watching from Python, with a real server, over connections that break."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from peers import Client, ConnectionFailed, NotInRoom, Post, Refused, Room, Watch, feed, feed_watch
from peers.presence import Presence
from peers.testing import Network, Server
from tests.waiting import Log, eventually, free_port

Connect = Callable[..., Client]


async def take(posts: AsyncIterator[Post], count: int) -> list[Post]:
    """The next so many posts."""
    async with asyncio.timeout(30):
        return [await anext(posts) for _ in range(count)]


async def data_of(posts: AsyncIterator[Post], count: int) -> list[Any]:
    return [post.data for post in await take(posts, count)]


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_who_is_no_member_posts_and_watches(connect: Connect, transport: str) -> None:
    one, other = connect(transports=transport), connect()
    async with other.feed("shop").watch("orders.*") as watch:
        posts = aiter(watch)
        ids = [await one.feed("shop").post(f"orders.{n}", {"n": n, "x": [None, 1.5, "é"]}) for n in range(3)]
        await one.feed("shop").post("other", 1)
        got = await take(posts, 3)
    assert ids == sorted(set(ids)) == [post.id for post in got]
    assert [post.topic for post in got] == ["orders.0", "orders.1", "orders.2"]
    assert got[1].data == {"n": 1, "x": [None, 1.5, "é"]}
    assert (got[0].room, got[0].event, got[0].sender, got[0].missed) == ("shop", "", "", False)
    assert abs(got[0].at - time.time()) < 60
    assert one.rooms == other.rooms == {}
    assert [post async for post in posts] == []


async def test_members_see_whom_a_post_is_from(connect: Connect) -> None:
    ada, bob = await connect().join("shop"), await connect().join("shop")
    peer = await ada.wait_for_peer(timeout=10)
    async with ada.watch(["orders.*", "returns"], event=["shipped", "lost"]) as watch:
        posts = aiter(watch)
        await bob.post("orders.1", 1, event="paid")
        await bob.post("orders.1", 2, event="shipped")
        await ada.post("returns", 3, event="lost")
        theirs, own = await take(posts, 2)
    assert (theirs.sender, theirs.data, theirs.event) == (peer, 2, "shipped")
    assert (own.sender, own.data) == (ada.id, 3)
    await bob.leave()
    for use in (lambda: bob.post("t", 1), lambda: anext(aiter(bob.watch("t")))):
        with pytest.raises(NotInRoom):
            await use()


async def test_since_begins_with_what_is_kept(connect: Connect) -> None:
    shop = connect().feed("shop")
    ids = [await shop.post("t", n) for n in range(5)]
    assert await data_of(aiter(shop.watch("t", since=0)), 5) == [0, 1, 2, 3, 4]
    watch = shop.watch("**", since=ids[2])
    assert watch.last == ids[2]
    posts = aiter(watch)
    assert await data_of(posts, 1) == [3]
    assert watch.last == ids[3]
    (first,) = await take(aiter(shop.watch("t", since=1)), 1)
    assert (first.data, first.missed) == (0, True), "who knows what was there before"
    assert not (await take(posts, 1))[0].missed


async def test_a_watch_ends_where_its_loop_is_left(connect: Connect) -> None:
    client = connect()
    shop = client.feed("shop")
    await shop.post("t", 1)
    async for post in shop.watch("t", since=0):
        assert post.data == 1
        break
    await eventually(lambda: not client._watches._all and not client._watches._tasks)
    async with shop.watch("$watchers") as watchers:
        (told,) = await take(aiter(watchers), 1)
        assert told.data["count"] == 1, "the one before is gone at the server, too"


async def test_what_is_no_post(connect: Connect) -> None:
    client = connect()
    shop = client.feed("shop")
    for data in (b"bytes", {"x": b"y"}, {1, 2}, object()):
        with pytest.raises(TypeError, match="any JSON value"):
            await shop.post("t", data)
    with pytest.raises(ValueError, match="Out of range"):
        await shop.post("t", float("nan"))
    for topic, code in (("a.*", "bad-request"), ("$own", "bad-request")):
        with pytest.raises(Refused) as caught:
            await shop.post(topic, 1)
        assert caught.value.code == code
    with pytest.raises(Refused, match="only at the end"):
        await anext(aiter(shop.watch("**.a")))
    with pytest.raises(Refused):
        await shop.watch("").start()
    with pytest.raises(TypeError, match="topics are str"):
        shop.watch([1])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="a room's name"):
        client.feed("")
    await shop.post("t", 1, key="k")
    with pytest.raises(Refused, match="of another post"):
        await shop.post("t", 2, key="k")
    assert not client._watches._all


async def test_a_server_that_is_not_there() -> None:
    client = Client(f"http://127.0.0.1:{free_port()}")
    shop = client.feed("shop")
    with pytest.raises(ConnectionFailed):
        await shop.post("t", 1)
    with pytest.raises(ConnectionFailed):
        await anext(aiter(shop.watch("t")))
    await client.close()


async def test_a_closed_client_ends_what_it_watches(connect: Connect) -> None:
    client = connect()
    room = await client.join("room")
    idle, of_room = client.feed("shop").watch("t"), room.watch("t")
    waiting = [asyncio.ensure_future(anext(aiter(watch), None)) for watch in (idle, of_room)]
    await eventually(lambda: len(client._watches._live) == 2)
    await room.leave()
    assert await waiting[1] is None
    assert not waiting[0].done()
    await client.close()
    assert await waiting[0] is None
    for use in (lambda: client.feed("shop").post("t", 1), lambda: anext(aiter(client.feed("shop").watch("t")))):
        with pytest.raises(ConnectionFailed, match="is closed"):
            await use()


async def test_a_connection_that_is_given_up_is_told(eitherway_server: Server, eitherway_network: Network) -> None:
    async with Client(eitherway_server.url, reconnect=False) as client:
        watch = await client.feed("shop").watch("t").start()
        waiting = asyncio.ensure_future(anext(aiter(watch)))
        await asyncio.sleep(0)
        eitherway_network.hang_up(client)
        with pytest.raises(ConnectionFailed, match="was lost"):
            await waiting
        with pytest.raises(ConnectionFailed):
            await client.feed("shop").post("t", 1)


async def test_watching_goes_on_with_the_next_connection(eitherway_server: Server, eitherway_network: Network) -> None:
    url = eitherway_server.url
    async with Client(url) as ada, Client(url) as bob, ada.join("shop") as room:
        async with room.watch("t") as watch:
            posts = aiter(watch)
            shop = bob.feed("shop")
            for n in range(4):
                await shop.post("t", [n, "before"])
                if n % 2:
                    eitherway_network.hang_up(ada)
                    await eventually(lambda: not ada.connected)
                await shop.post("t", [n, "after"])
            got = await take(posts, 8)
    assert [post.data for post in got] == [[n, when] for n in range(4) for when in ("before", "after")]
    assert not any(post.missed for post in got)


async def test_a_server_that_was_restarted_has_forgotten_and_says_so(eitherway_server: Server) -> None:
    async with Client(eitherway_server.url) as client:
        shop = client.feed("shop")
        async with shop.watch("t") as watch:
            posts = aiter(watch)
            first = await shop.post("t", 1)
            assert await data_of(posts, 1) == [1]
            await eitherway_server.kill()
            await eitherway_server.start()
            second = await shop.post("t", 2)
            (post,) = await take(posts, 1)
    assert (post.data, post.missed, post.id) == (2, True, second)
    assert second > first, "ids go on growing"


@pytest.mark.eitherway_server(ping_interval=1.0, ping_timeout=1.0)
async def test_a_post_whose_reply_is_lost_is_posted_once(eitherway_server: Server, eitherway_network: Network) -> None:
    url = eitherway_server.url
    async with Client(url) as ada, Client(url) as bob, ada.join("shop") as room:
        async with bob.feed("shop").watch("t") as watch:
            posts = aiter(watch)
            eitherway_network.cut("relay", to=ada)
            posting = asyncio.ensure_future(room.post("t", "once"))
            (first,) = await take(posts, 1)
            assert (first.data, posting.done()) == ("once", False)
            eitherway_network.hang_up(ada)
            eitherway_network.heal()
            async with asyncio.timeout(30):
                assert await posting == first.id
            assert first.sender == ada.id
            await room.post("t", "next")
            (second,) = await take(posts, 1)
    assert (second.data, second.id, second.sender) == ("next", first.id + 1, ada.id)


@pytest.mark.eitherway_server(grace=0.2, max_peers=1)
async def test_who_is_no_member_again_yet_posts_when_it_is_one(
    eitherway_server: Server, eitherway_network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its place is taken meanwhile; who posts without being a member is nobody."""
    waits, wait = Log[None](), Presence.until_joined

    async def until_joined(presence: Presence) -> None:
        waits(None)
        await wait(presence)

    monkeypatch.setattr(Presence, "until_joined", until_joined)
    url = eitherway_server.url
    async with Client(url) as ada, Client(url) as bob, Client(url) as carol:
        room = await ada.join("shop")
        async with bob.feed("shop").watch("t") as watch:
            posts = aiter(watch)
            eitherway_network.cut("relay", from_=ada)
            eitherway_network.hang_up(ada)
            place = await taken(carol, "shop")
            eitherway_network.heal()
            await eventually(lambda: ada.connected)
            posting = asyncio.ensure_future(room.post("t", "from ada"))
            await bob.feed("shop").post("t", "from bob")
            assert await data_of(posts, 1) == ["from bob"]
            await place.leave()
            (post,) = await take(posts, 1)
            assert (post.data, post.sender, post.id) == ("from ada", ada.id, await posting)
    assert 1 <= len(waits.items) < 10, "it waits, and does not look again and again"


async def taken(client: Client, room: str) -> Room:
    """The only place in a room, as soon as it is free."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await client.join(room)
            except Refused:
                await asyncio.sleep(0.05)


async def test_posts_wait_for_a_server_that_comes_back(eitherway_server: Server) -> None:
    async with Client(eitherway_server.url) as client, client.join("shop") as room:
        await eitherway_server.kill()
        await eventually(lambda: not client.connected)
        posting = [asyncio.ensure_future(room.post("t", n)) for n in range(3)]
        await asyncio.sleep(0)
        await eitherway_server.start()
        async with asyncio.timeout(30):
            ids = await asyncio.gather(*posting)
        got = await take(aiter(room.watch("t", since=0)), 3)
        assert sorted(ids) == [post.id for post in got]
        assert sorted(post.data for post in got) == [0, 1, 2]
        assert {post.sender for post in got} == {client.id}, "a member again, before it posts"


async def test_a_post_that_no_connection_survives_is_given_up(eitherway_server: Server) -> None:
    async with Client(eitherway_server.url, transports="websocket") as client:
        with pytest.raises(ConnectionFailed, match=f"sent {feed.MAX_TRIES} times: is it larger"):
            await client.feed("shop").post("t", "x" * 3_000_000)
        await client.feed("shop").post("t", "small")


async def test_a_slow_reader_slows_nobody_and_gets_everything(connect: Connect) -> None:
    client, other = connect(), connect()
    shop = other.feed("shop")
    async with client.feed("shop").watch("t") as slow, client.feed("shop").watch("u") as quick:
        posts = aiter(slow)
        for n in range(3 * feed_watch.MAX_WAITING):
            await shop.post("t", n)
        await shop.post("u", "quick")
        assert await data_of(aiter(quick), 1) == ["quick"]
        assert len(slow._posts) == feed_watch.MAX_WAITING
        await shop.post("t", "last")
        got = await take(posts, 3 * feed_watch.MAX_WAITING + 1)
        assert [post.data for post in got] == [*range(3 * feed_watch.MAX_WAITING), "last"]
        assert not any(post.missed for post in got)


@pytest.mark.eitherway_server(history_posts=10)
async def test_a_reader_too_slow_for_the_server_is_told(
    eitherway_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_watch, "MAX_WAITING_BYTES", 10_000)
    async with Client(eitherway_server.url) as client, client.feed("shop").watch("t") as watch:
        posts = aiter(watch)
        for n in range(40):
            await client.feed("shop").post("t", [n, "x" * 3_000])
        await eventually(lambda: not client._watches._tasks)
        waiting = len(watch._posts)
        assert 3 < waiting < 15
        got = await take(posts, waiting + 10)
        assert [post.data[0] for post in got] == [*range(waiting), *range(30, 40)]
        assert [n for n, post in enumerate(got) if post.missed] == [waiting]


async def test_how_they_are_shown(connect: Connect) -> None:
    shop = connect().feed("shop")
    assert repr(shop) == "<Feed 'shop'>"
    watch = shop.watch(["a", "b"])
    assert isinstance(watch, Watch)
    assert repr(watch) == "<Watch 'shop' a b>"
    await watch.close()
    assert repr(watch) == "<Watch 'shop' a b ended>"
    assert [post async for post in watch] == []


async def test_what_a_live_watch_has_missed_is_told_with_the_next_post(connect: Connect) -> None:
    client = connect()
    async with client.feed("shop").watch("t") as watch:
        posts = aiter(watch)
        first = await client.feed("shop").post("t", 1)
        assert not (await take(posts, 1))[0].missed
        client._receive("missed", {"room": "shop", "id": first, "watch": watch._number})  # as the server says it
        assert watch.last == first
        for data in (2, 3):
            await client.feed("shop").post("t", data)
        assert [(post.data, post.missed) for post in await take(posts, 2)] == [(2, True), (3, False)]
