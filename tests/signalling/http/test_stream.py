"""Feeds as streams: Server-Sent Events and lines of JSON, and how a reader that comes back goes on."""

import asyncio
import random

import pytest

from signalling.http import stream
from tests.serving import ServerProcess
from tests.signalling.conftest import Connect, Server, StartServer
from tests.signalling.http.reading import NDJSON, SSE, Api, Event


async def test_a_stream_of_events(api: Api) -> None:
    before = await api.post(data=0)
    async with api.events("?topics=orders.*&event=shipped") as events:
        assert events.answer.content_type == "text/event-stream"
        assert events.answer.headers["Cache-Control"] == "no-store"
        assert events.answer.headers["X-Accel-Buffering"] == "no"
        assert await events.next() == Event("watching", str(before), {"watching": before})
        assert events.retry == 1_000
        await api.post("prices.1", 1, event="shipped")
        await api.post("orders.1", 2)
        id = await api.post("orders.1", {"a": "line\nline"}, event="shipped")
        event = await events.next()
        assert (event.name, event.id) == ("shipped", str(id))
        assert (event.data["topic"], event.data["data"]) == ("orders.1", {"a": "line\nline"})


async def test_a_stream_of_lines(api: Api) -> None:
    before = await api.post(data=0)
    async with api.lines("?topics=orders.*") as lines:
        assert await anext(lines) == {"watching": before}
        await api.post("prices.1", 1)
        id = await api.post("orders.1", "line\nline")
        line = await anext(lines)
        assert (line["id"], line["topic"], line["data"]) == (id, "orders.1", "line\nline")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"),
        ("text/html, application/xml;q=0.9", "application/json"),
        ("text/event-stream", "text/event-stream"),
        ("text/*", "text/event-stream"),
        ("Text/Event-Stream; charset=utf-8", "text/event-stream"),
        ("application/x-ndjson, application/json;q=0.5", "application/x-ndjson"),
        ("application/x-ndjson;q=0.5, application/json", "application/json"),
        ("text/event-stream;q=0, application/x-ndjson;q=0.1, */*;q=0.05", "application/x-ndjson"),
        ("text/event-stream;q=nonsense", "application/json"),
    ],
)
async def test_whoever_asks_says_how_to_get_it(api: Api, accept: str, kind: str) -> None:
    async with api.http.get(f"{api.url}/rooms/lobby/feed", headers={"Accept": accept}) as answer:
        assert (answer.status, answer.content_type) == (200, kind)
        answer.close()


async def test_a_reader_goes_on_after_the_last_id(api: Api) -> None:
    """It hangs up at random while posts are made, and each of them arrives once."""
    made: list[int] = []

    async def make() -> None:
        for number in range(200):
            made.append(await api.post(data=number))
            await asyncio.sleep(0)

    seen: list[int] = []
    first = await api.post(data="first")
    making = asyncio.ensure_future(make())
    last = str(first)
    dice = random.Random(7)
    while len(seen) < 200:
        async with api.events(**{"Last-Event-ID": last}) as events:
            for _ in range(min(dice.randrange(1, 40), 200 - len(seen))):
                seen.append((await events.post())["id"])
            last = events.id
    await making
    assert seen == made


async def test_the_header_is_newer_than_the_query(api: Api) -> None:
    ids = [await api.post(data=number) for number in range(3)]
    async with api.events(f"?since={ids[0]}", **{"Last-Event-ID": str(ids[1])}) as events:
        assert (await events.post())["id"] == ids[2]
    async with api.events(f"?since={ids[0]}") as events:
        assert (await events.post())["id"] == ids[1]
        assert (await events.post())["id"] == ids[2]
        assert await events.next() == Event("watching", str(ids[2]), {"watching": ids[2]})


async def test_since_0_begins_with_all_that_is_kept(api: Api) -> None:
    ids = [await api.post(data=number) for number in range(3)]
    async with api.events("?since=0") as events:
        assert [(await events.post())["id"] for _ in ids] == ids


async def test_what_was_forgotten_is_missed(start_server: StartServer) -> None:
    server = await start_server(history_posts=2)
    async with Api(server.url) as api:
        ids = [await api.post(data=number) for number in range(4)]
        async with api.events(f"?since={ids[0]}") as events:
            assert await events.next() == Event("missed", str(ids[1]), {"missed": ids[1]})
            assert (await events.post())["id"] == ids[2]
        async with api.lines(f"?since={ids[0]}") as lines:
            assert await anext(lines) == {"missed": ids[1]}
            assert (await anext(lines))["id"] == ids[2]


async def test_a_reader_that_outlives_the_server_is_told_that_it_missed_something() -> None:
    async with ServerProcess() as process, Api(process.url) as api:
        id = await api.post(data="before")
        async with api.events(f"?since={id - 1}") as events:
            assert (await events.post())["data"] == "before"
            await process.stop()
            assert (await events.next("closing")).data["code"] == "shutting-down"
            with pytest.raises(EOFError):
                await events.next()
        await process.start()
        await api.post(data="meanwhile")
        async with api.events(**{"Last-Event-ID": str(id)}) as events:
            event = await events.next()
            assert event.name == "missed"
            assert (await events.post())["data"] == "meanwhile"
            assert int(events.id) > id


async def test_a_stream_is_kept_alive_and_its_place_moves_on(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT", 0.5)
    server = await start_server()
    async with Api(server.url) as api, api.events("?topics=orders.*") as events:
        await events.next("watching")
        other = await api.post("prices.1")
        assert await events.next() == Event("watching", str(other), {"watching": other})
        # Nothing but comments from now on.
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3.5):
                await events.next()
        assert events.comments >= 2
    async with Api(server.url) as api, api.http.get(f"{api.url}/rooms/lobby/feed", headers=NDJSON) as answer:
        async with asyncio.timeout(10):
            assert await answer.content.readline() == b"\n"
            assert (await answer.content.readline()).startswith(b'{"watching":')
            assert await answer.content.readline() == b"\n"
        answer.close()


async def test_8_megabytes_arrive(api: Api) -> None:
    text = "ä" * 3_999_900
    async with api.events() as events, api.lines() as lines:
        await events.next("watching")
        await anext(lines)
        await api.post(data="small")
        await api.post(data=text)
        await api.post(data="small again")
        for wanted in ("small", text, "small again"):
            assert (await events.post())["data"] == wanted
            assert (await anext(lines))["data"] == wanted


async def test_an_old_client_is_not_sent_chunks(server: Server, api: Api) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    writer.write(b"GET /api/v1/rooms/lobby/feed HTTP/1.0\r\nAccept: application/x-ndjson\r\n\r\n")
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"chunked" not in head
        assert await reader.readline() == b"\n"
        assert (await reader.readline()).startswith(b'{"watching":')
        for number in range(3):
            await api.post(data=number)
            assert b'"data":%d' % number in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_readers_are_seen_watching(api: Api, server: Server, connect: Connect) -> None:
    ada = await connect(server.url)
    await ada.call("watch", {"room": "lobby", "topics": ["$watchers"]})
    async with api.events("?topics=orders.*") as events:
        await events.next("watching")
        while (seen := await ada.next("post"))["data"]["count"] < 2:
            assert seen["topic"] == "$watchers"
        (began,) = [each for each in seen["data"]["began"] if each["topics"] == ["orders.*"]]
        _, watchers = await api.call("GET", "/rooms/lobby/watchers")
        assert began in watchers["watchers"]
        async with api.lines("?topics=$watchers") as lines:
            await anext(lines)
            assert (await anext(lines))["data"]["count"] == 3
    while (await ada.next("post"))["data"]["count"] > 1:
        pass


async def test_a_browser_that_asks_with_a_token_in_the_query(api: Api) -> None:
    async with api.http.get(f"{api.url}/rooms/lobby/feed?token=whatever", headers=SSE) as answer:
        assert answer.status == 200
        answer.close()
