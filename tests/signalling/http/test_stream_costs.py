"""What a reader of a feed costs: bytes that wait for it, posts that it keeps from being forgotten, turns of a loop."""

import asyncio
import gc

from signalling.feeds.stored import Stored
from signalling.http.stream import Stream
from signalling.http.stream_spelling import SLICE
from signalling.protocol.events import Post
from tests.signalling.actor import until
from tests.signalling.conftest import Connect, Server, StartServer
from tests.signalling.http.reading import NDJSON, Api, Event
from tests.signalling.http.test_stream_held import caught_up, held, none_held
from tests.signalling.http.test_streams import streams, stuck


async def test_little_waits_for_one_that_reads_nothing(api: Api, server: Server) -> None:
    """Small posts, large ones, and what is kept already: some slices wait in this process, and no more."""
    reader = await stuck(server.url)
    stream = await caught_up(server)
    transport = stream._request.transport
    assert transport is not None
    for _ in range(300):
        await api.post(data="x" * 2_000)
        assert transport.get_write_buffer_size() <= 3 * SLICE
    reader.close()
    await none_held(server)
    for _ in range(150):
        id = await api.post(data="x" * 20_000)
    await api.post(data="x" * 4_000_000)
    for accept, query in (
        ("text/event-stream", "?since=0"),
        ("text/event-stream", f"?since={id}"),
        ("application/json", f"?since={id}"),
    ):
        reader = await stuck(server.url, accept, query)
        one = await held(server)
        transport = one._request.transport
        await until(lambda transport=transport: transport.get_write_buffer_size() > 0)  # type: ignore[misc]
        assert transport.get_write_buffer_size() <= 3 * SLICE
        reader.close()
        await none_held(server)


async def test_one_that_is_behind_keeps_no_post_from_being_forgotten(api: Api, server: Server) -> None:
    for _ in range(256):
        await api.post("orders.forgotten", "x" * 20_000)
    reader = await stuck(server.url, query="?since=0")
    stream = await held(server)
    await until(lambda: stream._request.transport.get_write_buffer_size() > SLICE // 4)
    server.signalling._feeds.close("lobby")
    gc.collect()
    alive = sum(isinstance(each, Stored) and each.topic == "orders.forgotten" for each in gc.get_objects())
    reader.close()
    assert alive < 20


async def test_what_is_not_for_a_reader_is_looked_through_in_turns(api: Api, server: Server) -> None:
    for number in range(3_000):
        server.signalling._feeds.post(Post(room="lobby", topic="often", data=number))
    wanted = await api.post("rare")
    for headers in (NDJSON, {}):
        asking = asyncio.ensure_future(api.http.get(f"{api.url}/rooms/lobby/feed?topics=rare&since=0", headers=headers))
        turns = 0
        async with asyncio.timeout(20):
            while not any(one._caught_up for one in streams(server)._held if isinstance(one, Stream)):
                turns += len(streams(server))
                if asking.done() and not headers:
                    break
                await asyncio.sleep(0)
        assert turns >= 3_000 / 256 - 2
        async with await asking as answer:
            if headers:
                assert b'"id":%d' % wanted in b"".join([await answer.content.readline() for _ in range(2)])
            else:
                assert [post["id"] for post in (await answer.json())["posts"]] == [wanted]
            answer.close()
        await none_held(server)


async def test_a_reader_that_was_woken_sleeps_again(api: Api, server: Server) -> None:
    async with api.events() as events:
        await events.next("watching")
        await api.post(data="x" * 100_000)  # which its own task writes
        await events.post()
        stream = await caught_up(server)
        assert not stream._news.is_set(), "it goes round and round"


async def test_one_whose_posts_are_rare_has_missed_none_of_them(start_server: StartServer) -> None:
    """Although the room has forgotten many others since the last one."""
    server = await start_server(history_posts=4)
    async with Api(server.url) as api, api.events("?topics=orders.*") as events:
        await events.next("watching")
        for number in range(10):
            await api.post("prices", number)
        wanted = await api.post("orders.1", "x" * 100_000)  # too large to be written at once
        assert (await events.next()).data["id"] == wanted


async def test_who_is_told_that_it_missed_some_is_told_where_it_is(start_server: StartServer) -> None:
    server = await start_server(history_posts=2)
    async with Api(server.url) as api:
        ids = [await api.post(data=number) for number in range(4)]
        async with api.events(f"?since={ids[0]}") as events:
            assert await events.next() == Event("missed", str(ids[1]), {"missed": ids[1]})
            assert [(await events.next()).data["id"] for _ in range(2)] == ids[2:]
            await caught_up(server)
            last = await api.post(data="last")
            assert (await events.next()).data["id"] == last, "and not once more where it is"


async def test_what_is_not_kept_does_not_bring_back_what_was(api: Api, server: Server, connect: Connect) -> None:
    """Who watches is told between posts: a reader without room for that misses it, and has no post again."""
    reader = await stuck(server.url, "application/x-ndjson", "?topics=**,$watchers")
    stream = await caught_up(server)
    transport = stream._request.transport
    assert transport is not None
    ids: list[int] = []
    while transport.get_write_buffer_size() < 40_000:
        ids.append(await api.post(data="x" * 4_000))
    assert stream._caught_up
    ada = await connect(server.url)
    await ada.call("watch", {"room": "lobby", "topics": ["$watchers"]})
    for number in range(5):  # so much of it that there is no room
        topics = [f"{'x' * 200}.{number}.{each}" for each in range(60)]
        await ada.call("watch", {"room": "lobby", "topics": topics, "watch": number + 1})
    while (await ada.next("post"))["data"]["count"] < 7:
        pass
    ids.append(await api.post(data="last"))
    received = bytearray()
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(20):
        while b'"last"' not in received:
            received += await loop.sock_recv(reader, 1_000_000)
    reader.close()
    found = [int(part.partition(b",")[0]) for part in bytes(received).split(b'"id":')[1:] if b'"orders.1"' in part[:60]]
    assert found == ids
