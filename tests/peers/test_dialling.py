"""The way to a server: by which transport, and what is said when there is none."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from peers import Client, ConnectionFailed
from tests.serving import serving
from tests.waiting import free_port


@contextlib.asynccontextmanager
async def in_front_of(port: int | None) -> AsyncIterator[str]:
    """Something in front of a server that lets requests through, but for those to upgrade to WebSocket, of which
    nothing more is heard; of any request if there is no server."""
    tasks: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
        writer.close()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if port is None or b"upgrade: websocket" in head.lower():
            await reader.read()
            writer.close()
            return
        back, forth = await asyncio.open_connection("127.0.0.1", port)
        forth.write(head)
        await asyncio.gather(pump(reader, forth), pump(back, writer))

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(handle(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()
        if tasks:
            await asyncio.wait(tasks, timeout=5)


async def failure(url: str, **options: object) -> str:
    """What is said when this server is dialled."""
    with pytest.raises(ConnectionFailed) as caught:
        async with Client(url, timeout=1.0, **options):  # type: ignore[arg-type]
            pass
    return str(caught.value)


async def test_what_swallows_websockets_is_passed_by_polling() -> None:
    async with serving() as url, in_front_of(int(url.rpartition(":")[2])) as front:
        async with asyncio.timeout(10), Client(front, timeout=1.0) as client:
            assert client.transport == "polling"
            await client.join("r", p2p="never")


async def test_a_server_that_says_nothing_is_given_up_in_time() -> None:
    async with in_front_of(None) as url, asyncio.timeout(10):
        assert "by websocket: no answer in 1 s; by polling: no answer in 1 s" in await failure(url)


async def test_nobody_there_is_said_once() -> None:
    said = await failure(f"http://127.0.0.1:{free_port()}")
    assert "Connection refused. Is `eitherway serve` running there?" in said
    assert "polling" not in said


async def test_a_name_that_is_not_known() -> None:
    assert "the host 'nowhere.invalid' is not known" in await failure("http://nowhere.invalid")


async def test_some_other_server() -> None:
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        assert "it answered 404: is that a signalling server, and the path right?" in await failure(url)
        assert "404" in await failure(url, transports="polling")
        assert "TLS failed" in await failure(url.replace("http", "https"))
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ws://127.0.0.1", "http://", ""])
def test_a_bad_url_is_told(url: str) -> None:
    with pytest.raises(ValueError, match="looks like"):
        Client(url)


@pytest.mark.parametrize("url", ["http://ada:secret@127.0.0.1", "http://127.0.0.1/?room=r", "http://127.0.0.1/#r"])
def test_what_a_url_is_not_to_have(url: str) -> None:
    with pytest.raises(ValueError, match="no user, query or fragment"):
        Client(url)
