"""What is done to readers that the server holds: heartbeats, being cut off, the end. Their clock is the test's."""

import asyncio
import time
from typing import Any

import pytest

from signalling.http.api.types import Closing
from signalling.http.stream import Stream
from signalling.http.stream_poll import Poll
from signalling.protocol.events import Post
from tests.signalling.actor import until
from tests.signalling.conftest import Server, StartServer
from tests.signalling.http.reading import SSE, Api, Event, EventReader
from tests.signalling.http.test_streams import read_all, streams, stuck

SLOW = Closing(closing="nothing was read", code="too-slow", retry_after=7.0)
OTHER = Closing(closing="the server is shutting down", code="shutting-down", retry_after=1.0)


async def held(server: Server) -> Any:
    """The one request that is held: the seam, for what would take minutes from outside. Nobody else looks at it."""
    sweeper = server.signalling._sweeper
    assert sweeper is not None
    sweeper.cancel()
    await until(lambda: len(streams(server)) == 1)
    (found,) = streams(server)._held
    return found


async def none_held(server: Server) -> None:
    """Until those that have gone have been noticed."""
    async with asyncio.timeout(10):
        while len(streams(server)):
            streams(server).sweep()
            await asyncio.sleep(0.01)


async def caught_up(server: Server) -> Stream:
    found = await held(server)
    assert isinstance(found, Stream)
    await until(lambda: found._caught_up)
    return found


async def test_a_heartbeat_comes_every_15_seconds_and_says_nothing(api: Api, server: Server) -> None:
    async with api.events() as events:
        await events.next("watching")
        stream = await caught_up(server)
        now = time.monotonic()
        for seconds, heard in ((1, 0), (14, 0), (16, 1), (17, 1), (30, 1), (32, 2)):
            stream.stalled_for(now + seconds)
            await api.post(data=seconds)
            assert (await events.next()).data["data"] == seconds, "not where it is: it has just had a post"
            assert events.comments == heard, seconds


async def test_a_heartbeat_of_an_old_client_is_no_chunk(api: Api, server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    writer.write(b"GET /api/v1/rooms/lobby/feed HTTP/1.0\r\nAccept: application/x-ndjson\r\n\r\n")
    async with asyncio.timeout(10):
        await reader.readuntil(b"watching")
        await reader.readline()
        stream = await caught_up(server)
        stream.stalled_for(time.monotonic() + 16)
        await api.post(data="next")
        assert await reader.readline() == b"\n"
        assert b'"next"' in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_a_heartbeat_does_not_pass_by_what_is_not_read_yet(api: Api, server: Server) -> None:
    for number in range(600):
        await api.post("often", number)
    wanted = await api.post("rare")
    opening = asyncio.ensure_future(api.http.get(f"{api.url}/rooms/lobby/feed?topics=rare&since=0", headers=SSE))
    async with asyncio.timeout(20):
        while not len(streams(server)):
            await asyncio.sleep(0)
    (stream,) = streams(server)._held
    assert isinstance(stream, Stream)
    assert not stream._caught_up
    stream.stalled_for(time.monotonic() + 100)
    async with await opening as answer:
        events = EventReader(answer)
        assert (await events.next()).data["id"] == wanted
        answer.close()


async def test_who_waits_for_posts_is_not_stalled(api: Api, server: Server) -> None:
    async with api.events() as events:
        await events.next("watching")
        stream = await caught_up(server)
        now = time.monotonic()
        await api.post()
        await events.post()
        for seconds in (1, 1_000, 2_000):
            assert stream.stalled_for(now + seconds) == 0.0


async def test_who_takes_what_is_offered_is_not_stalled(api: Api, server: Server) -> None:
    """Although something waits for it at all times."""
    reader = await stuck(server.url)
    stream = await caught_up(server)
    transport = stream._request.transport
    assert transport is not None
    loop = asyncio.get_running_loop()
    while transport.get_write_buffer_size() < 8_000:
        await api.post(data="x" * 2_000)
    now = time.monotonic()
    stream.stalled_for(now)
    waited = transport.get_write_buffer_size()
    async with asyncio.timeout(10):
        while transport.get_write_buffer_size() >= waited:
            await loop.sock_recv(reader, 2_000)
    while transport.get_write_buffer_size() < waited:
        await api.post(data="x" * 2_000)
    assert stream._caught_up
    assert stream.stalled_for(now + 100) == 0.0
    assert stream.stalled_for(now + 150) == 50.0
    reader.close()


async def test_an_event_that_is_cut_off_in_its_middle_is_not_made_another(api: Api, server: Server) -> None:
    reader = await stuck(server.url)
    stream = await caught_up(server)
    await api.post(data="x" * 1_000_000)
    await until(lambda: not stream._whole)
    stream.cut_off(SLOW, time.monotonic())
    everything = await read_all(reader)
    reader.close()
    assert b"too-slow" not in everything
    await none_held(server)


async def test_behind_a_large_event_why_can_be_written_again(api: Api, server: Server) -> None:
    async with api.events() as events:
        await events.next("watching")
        stream = await caught_up(server)
        await api.post(data="x" * 1_000_000)
        await events.post()
        await until(lambda: stream._caught_up)
        stream.cut_off(SLOW, time.monotonic() + 1_000)  # nobody ends the connection later
        assert await events.next() == Event(
            "closing", events.id, {"closing": SLOW.closing, "code": "too-slow", "retry_after": 7.0}
        )
        assert events.retry == 7_000
        with pytest.raises(EOFError):
            await events.next()
    await none_held(server)


async def test_who_is_cut_off_has_five_seconds_to_read_why(api: Api, server: Server) -> None:
    reader = await stuck(server.url)
    stream = await caught_up(server)
    for _ in range(200):
        await api.post(data="x" * 2_000)
    transport = stream._request.transport
    assert transport is not None
    now = time.monotonic()
    stream.stalled_for(now)
    stream.cut_off(SLOW, now)
    for seconds in (1, 4.9):
        assert stream.stalled_for(now + seconds) == 0.0, "it is not cut off again"
    assert stream._request.transport is not None
    assert transport.get_write_buffer_size()
    stream.stalled_for(now + 5.1)
    await until(lambda: stream._request.transport is None)
    reader.close()
    await none_held(server)


async def test_the_first_reason_is_the_reason(api: Api, server: Server) -> None:
    async with api.events() as events:
        await events.next("watching")
        stream = await caught_up(server)
        stream.end(SLOW)
        stream.end(OTHER)
        assert (await events.next("closing")).data["code"] == "too-slow"


async def test_one_that_has_hung_up_harms_nobody(api: Api, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    reader = await stuck(server.url)
    stream = await caught_up(server)
    reader.close()
    await until(lambda: stream._request.transport is None)
    stream._caught_up = True  # had it not been looked at meanwhile
    server.signalling._feeds.post(Post(room="lobby", topic="t", data=1))
    stream.abort()
    stream.cut_off(SLOW, time.monotonic())
    assert stream.stalled_for(time.monotonic() + 100) == 0.0
    await none_held(server)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_one_that_hangs_up_in_the_middle_is_no_failure(
    api: Api, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    reader = await stuck(server.url)
    stream = await caught_up(server)
    await api.post(data="x" * 1_000_000)
    await until(lambda: not stream._whole)
    reader.close()
    await none_held(server)
    assert "stream failed" not in caplog.text


async def test_a_page_that_nobody_reads_is_cut_off(api: Api, server: Server) -> None:
    await api.post(data="x" * 7_000_000)
    reader = await stuck(server.url, "application/json")
    poll = await held(server)
    assert isinstance(poll, Poll)
    await until(lambda: poll._writing_since is not None)
    assert poll.stalled_for(time.monotonic() + 100) > 99
    poll.cut_off(SLOW, time.monotonic())
    assert len(await read_all(reader)) < 7_000_000
    reader.close()
    await none_held(server)
    poll.abort()


async def test_a_poll_that_has_hung_up_is_waited_for_no_longer(server: Server) -> None:
    reader = await stuck(server.url, "application/json", "?wait=60")
    poll = await held(server)
    assert isinstance(poll, Poll)
    reader.close()
    await until(lambda: poll._request.transport is None)
    poll.abort()
    assert poll.stalled_for(time.monotonic()) == 0.0
    await until(lambda: len(streams(server)) == 0)


async def test_the_end_waits_for_readers_and_for_nobody_else(start_server: StartServer) -> None:
    server = await start_server()
    async with Api(server.url) as api:
        async with api.events() as events:  # none is left of it, and that is no reason not to wait for the next one
            await events.next("watching")
        await none_held(server)
        async with api.events() as events:
            await events.next("watching")
            closing = asyncio.ensure_future(streams(server).close(60.0))
            assert (await events.next("closing")).data["code"] == "shutting-down"
            async with asyncio.timeout(10):
                await closing
        async with asyncio.timeout(10):
            await streams(server).close(60.0)
