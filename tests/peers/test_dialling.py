"""The way to a server: by which transport, and what is said when there is none."""

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
from aiohttp import web

from peers import Client, ConnectionFailed
from peers.dialling import Unreachable
from peers.tries import Line
from signalling.app import Signalling
from signalling.config import Config
from tests.serving import serving
from tests.waiting import Log, eventually, free_port


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
        async with asyncio.timeout(20), Client(front, timeout=2.0) as client:
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


# ---- whose work it was: who finds nobody there may come again soon


async def found_nobody(url: str, **options: object) -> bool:
    """Whether a client that cannot connect knows that no server has had any work from it."""
    client = Client(url, timeout=1.0, **options)  # type: ignore[arg-type]
    with pytest.raises(Unreachable) as caught:
        await client._connection._dial()
    await client.close()
    return caught.value.nobody


@contextlib.asynccontextmanager
async def answering(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """What answers all requests so."""
    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_refused_and_unknown_is_nobody() -> None:
    assert await found_nobody(f"http://127.0.0.1:{free_port()}")
    assert await found_nobody("http://nowhere.invalid")


def proxy(status: int) -> contextlib.AbstractAsyncContextManager[str]:
    """A proxy whose answer to all requests is this."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status)

    return answering(answer)


async def test_a_proxy_whose_server_is_not_there_is_nobody() -> None:
    for status in (502, 503):
        async with proxy(status) as url:
            assert await found_nobody(url)


async def test_a_server_that_is_silent_or_answers_something_else_is_somebody() -> None:
    async with in_front_of(None) as url:
        assert not await found_nobody(url)
    async with proxy(500) as url:
        assert not await found_nobody(url)


# ---- where packets are lost


@contextlib.contextmanager
def swallowing() -> Iterator[socket.socket]:
    """A port at which the first packet of every connection is lost, as on a network that is gone: the system drops it
    while as many connections wait to be accepted as may. Listening there anew lets the next one through."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(2):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener


async def test_where_nobody_answers_no_second_transport_is_tried() -> None:
    with swallowing() as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        said = await failure(url)
        assert "by websocket: no answer in 1 s" in said
        assert "polling" not in said
        assert await found_nobody(url)


async def test_a_network_that_is_back_is_noticed_though_a_try_hangs_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system alone may send the next packet of the first try 4 s after the one before it; Linux 6.5 and later wait
    so long only after the first five, so the tries are counted as well."""
    loop = asyncio.get_running_loop()
    tried: Log[socket.socket] = Log()
    make_socket = Line.make_socket

    def noted(line: Line, address: object) -> socket.socket:
        tried(make_socket(line, address))
        return tried.items[-1]

    monkeypatch.setattr(Line, "make_socket", noted)
    with swallowing() as listener:
        client = Client(f"http://127.0.0.1:{listener.getsockname()[1]}")
        begun = loop.time()
        connecting = asyncio.ensure_future(client.connect())
        await eventually(lambda: loop.time() - begun > 3.2)
        assert not connecting.done()
        assert len(tried.items) >= 2, "the first try hangs, and nobody has begun another"
        runner = web.AppRunner(Signalling(Config().changed(host="127.0.0.1", port=0, stun_port=0)).aiohttp_app())
        await runner.setup()
        try:
            await web.SockSite(runner, listener).start()
            async with asyncio.timeout(2.5):
                await connecting
            await client.join("r", p2p="never")
            await client.close()
            assert all(each.fileno() == -1 for each in tried.items), "nothing remains of any try"
        finally:
            await runner.cleanup()


async def test_a_websocket_on_which_nothing_follows_is_closed() -> None:
    """Engine.io forgets it when it is given up before its first packet."""

    async def nothing(request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        await websocket.receive()
        return websocket

    async with answering(nothing) as url:
        said = await failure(url, transports=["websocket"])
        assert "no answer in 1 s" in said
        gc.collect()  # one that was not closed says so now, and warnings are errors
