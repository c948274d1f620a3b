"""Many readers, and slow ones: bounds, memory, and how streams end."""

import asyncio
import json
import socket
import sys
import time

import psutil
import pytest

from signalling.http.streams import Streams
from tests.serving import ServerProcess
from tests.signalling.actor import until
from tests.signalling.conftest import Server, StartServer
from tests.signalling.http.reading import SSE, Api, Event, watched

READERS = 500


def streams(server: Server) -> Streams:
    """The seam to what is held, for what cannot be seen from outside."""
    assert server.signalling._parts is not None
    return server.signalling._parts.api.streams


async def stuck(server_url: str, accept: str = "text/event-stream", query: str = "") -> socket.socket:
    """A reader with a small buffer that asks and reads nothing."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    connection.setblocking(False)
    host, _, port = server_url.removeprefix("http://").partition(":")
    loop = asyncio.get_running_loop()
    await loop.sock_connect(connection, (host, int(port)))
    request = f"GET /api/v1/rooms/lobby/feed{query} HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: {accept}\r\n\r\n"
    await loop.sock_sendall(connection, request.encode())
    return connection


async def read_all(connection: socket.socket) -> bytes:
    """What there is to be read until the server ends the connection, whichever way."""
    loop = asyncio.get_running_loop()
    parts = []
    async with asyncio.timeout(20):
        try:
            while part := await loop.sock_recv(connection, 1_000_000):
                parts.append(part)
        except ConnectionError:
            pass
    return b"".join(parts)


async def test_one_that_reads_nothing_is_cut_off_and_the_others_do_not_notice(
    start_server: StartServer, caplog: pytest.LogCaptureFixture
) -> None:
    server = await start_server(slow_timeout=2.0)
    async with Api(server.url) as api:
        lazy = await stuck(server.url)
        await watched(api, 1)
        async with api.events() as events:
            await events.next("watching")
            began = time.monotonic()
            for number in range(8):
                await api.post(data=str(number) * 1_000_000)
                assert (await events.post())["data"] == str(number) * 1_000_000
            await watched(api, 1)
            assert time.monotonic() - began > 2.0
            await api.post(data="still here")
            assert (await events.post())["data"] == "still here"
        assert len(await read_all(lazy)) < 4_000_000
        lazy.close()
    assert "stream cut off" in caplog.text
    assert "nothing was read for 2 s" in caplog.text
    assert streams(server).cut == 1


async def test_why_stands_where_it_can_still_be_written(start_server: StartServer) -> None:
    server = await start_server(slow_timeout=2.0)
    async with Api(server.url) as api:
        lazy = await stuck(server.url)
        await watched(api, 1)
        for _ in range(400):
            if streams(server).cut:  # on a slow machine, while this goes on
                break
            await api.post(data="x" * 2_000)
        await until(lambda: streams(server).cut == 1, 20)
        everything = await read_all(lazy)
        lazy.close()
    assert b'"code":"too-slow"' in everything
    assert everything.endswith(b"\n\n\r\n0\r\n\r\n")


async def test_one_that_reads_slowly_is_not_cut_off_and_misses_nothing(start_server: StartServer) -> None:
    server = await start_server(slow_timeout=2.0)
    async with Api(server.url) as api:
        lazy = await stuck(server.url, "application/x-ndjson")
        await watched(api, 1)
        ids = [await api.post(data="x" * 60_000) for _ in range(20)]
        loop = asyncio.get_running_loop()
        received = bytearray()
        async with asyncio.timeout(60):
            while b'"id":%d' % ids[-1] not in received:
                part = await loop.sock_recv(lazy, 100_000)
                assert part, "it was cut off"
                received += part
                await asyncio.sleep(0.3)
        lazy.close()
    found = [part.partition(b",")[0] for part in bytes(received).split(b'"id":')[1:]]
    assert found == [b"%d" % id for id in ids]
    assert streams(server).cut == 0


async def test_one_that_falls_behind_what_the_room_keeps_is_told(start_server: StartServer) -> None:
    server = await start_server(history_posts=4, slow_timeout=60.0)
    async with Api(server.url) as api:
        lazy = await stuck(server.url)
        await watched(api, 1)
        ids = [await api.post(data="x" * 500_000) for _ in range(12)]
        loop = asyncio.get_running_loop()
        received = bytearray()
        async with asyncio.timeout(60):
            while b'"id":%d' % ids[-1] not in received:
                received += await loop.sock_recv(lazy, 1_000_000)
        lazy.close()
    assert b"event: missed\n" in received
    assert received.index(b"event: missed\n") < received.index(b'"id":%d' % ids[-1])


async def test_an_address_has_so_many_and_no_more(start_server: StartServer) -> None:
    server = await start_server(max_streams=2, max_all_streams=3, trust_forwarded=True)
    async with Api(server.url) as api:
        async with api.events(), api.events():
            async with api.http.get(f"{api.url}/rooms/lobby/feed", headers=SSE) as answer:
                assert answer.status == 429
                assert answer.headers["Retry-After"] == "10"
                assert (await answer.json(content_type=None))["code"] == "rate-limited"
            async with api.events(**{"X-Forwarded-For": "192.0.2.1"}):
                headers = {**SSE, "X-Forwarded-For": "192.0.2.2"}
                async with api.http.get(f"{api.url}/rooms/lobby/feed", headers=headers) as answer:
                    assert answer.status == 503
                    assert (await answer.json(content_type=None))["code"] == "busy"
        await watched(api, 0)
        async with api.events() as events:
            await events.next("watching")
    assert streams(server).refused == 2


async def test_all_are_told_when_the_server_leaves(start_server: StartServer) -> None:
    server = await start_server(drain_timeout=5.0, reconnect_after=2.5)
    async with Api(server.url) as api, api.events() as events, api.lines() as lines:
        await events.next("watching")
        await anext(lines)
        poll = asyncio.ensure_future(api.call("GET", "/rooms/lobby/feed?wait=20"))
        await watched(api, 3)
        began = time.monotonic()
        closing = asyncio.ensure_future(server.signalling.close())
        wanted = {"closing": "the server is shutting down", "code": "shutting-down", "retry_after": 2.5}
        assert await events.next() == Event("closing", events.id, wanted)
        assert events.retry == 2_500
        assert await anext(lines) == wanted
        with pytest.raises(EOFError):
            await events.next()
        with pytest.raises(StopAsyncIteration):
            await anext(lines)
        assert (await poll)[1]["posts"] == []
        for path in ("/rooms/lobby/feed", "/rooms/lobby/feed?wait=20"):
            status, problem = await api.call("GET", path, headers=SSE if "wait" not in path else {})
            assert (status, problem["code"]) == (503, "shutting-down")
        await closing
        assert time.monotonic() - began < 8


async def test_one_that_does_not_read_holds_up_no_end(start_server: StartServer) -> None:
    server = await start_server(drain_timeout=0.5)
    async with Api(server.url) as api:
        lazy = await stuck(server.url)
        await watched(api, 1)
        await api.post(data="x" * 7_000_000)
        began = time.monotonic()
        await server.signalling.close()
        assert time.monotonic() - began < 8
        assert len(streams(server)) == 0
        lazy.close()


async def test_nothing_is_left_of_streams(server: Server) -> None:
    async with Api(server.url) as api:
        for _ in range(20):
            async with api.events() as events:
                await events.next("watching")
        await until(lambda: len(streams(server)) == 0)
        assert not streams(server)._from
        tasks = len(asyncio.all_tasks())
        for _ in range(50):
            async with api.events() as events:
                await events.next("watching")
        await until(lambda: len(streams(server)) == 0)
        assert len(asyncio.all_tasks()) <= tasks + 2


@pytest.mark.slow
async def test_500_readers_get_every_post() -> None:
    async with ServerProcess() as process, Api(process.url) as api:
        readers = [await _lines(process.url) for _ in range(READERS)]
        await watched(api, READERS)
        began = time.monotonic()
        for number in range(40):
            await api.post(data=number)
        await api.post(data="last")
        async with asyncio.timeout(60):
            everything = await asyncio.gather(*(reader.readuntil(b'"last"') for reader, _ in readers))
        seconds = time.monotonic() - began
        for text in everything:
            found = [json.loads(line)["data"] for line in _unchunked(text) if b'"topic"' in line]
            assert found == list(range(40))
        for _, writer in readers:
            writer.close()
        print(f"{READERS} readers, {41 * READERS / seconds:,.0f} deliveries/s, all in one process with them")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="how much a kernel buffers is said for Linux alone")
async def test_500_readers_of_8_megabytes_share_them() -> None:
    async with ServerProcess("--slow-timeout", "120") as process, Api(process.url) as api:
        assert process.process is not None
        memory = psutil.Process(process.process.pid)
        readers = [await stuck(process.url) for _ in range(READERS)]
        await watched(api, READERS)
        await api.post(data="warm")
        before = memory.memory_info().rss
        text = "x" * 7_900_000
        await api.post(data=text)
        await watched(api, READERS)
        grown = memory.memory_info().rss - before
        print(f"grown by {grown / 1e6:.0f} MB")
        assert grown < 250_000_000
        for reader in readers[1:]:
            reader.close()
        received = 0
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(60):
            while received < len(text):
                received += len(await loop.sock_recv(readers[0], 1_000_000))
        readers[0].close()


async def _lines(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=2**22)
    writer.write(b"GET /api/v1/rooms/lobby/feed HTTP/1.1\r\nHost: here\r\nAccept: application/x-ndjson\r\n\r\n")
    return reader, writer


def _unchunked(text: bytes) -> list[bytes]:
    """The complete lines of a chunked answer, heads of chunks included."""
    return text.split(b"\n")[:-1]
