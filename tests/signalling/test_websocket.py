"""The WebSocket that replaces the aiohttp driver's."""

import asyncio
import socket

import pytest

from tests.signalling.actor import Actor, until
from tests.signalling.conftest import Connect, Server, StartServer
from tests.signalling.raw import RawClient
from tests.signalling.test_slow_client import fill, stopped


async def test_compression_is_declined(server: Server) -> None:
    async with RawClient(server.url) as raw:
        assert raw.ws.compress == 0


@pytest.mark.skipif(not hasattr(socket, "TCP_NOTSENT_LOWAT"), reason="this system cannot limit it")
async def test_the_kernel_holds_little_unsent(server: Server, connect: Connect) -> None:
    await connect(server.url)
    (engine_socket,) = server.engine.sio.eio.sockets.values()
    raw = engine_socket.queue.websocket._request.transport.get_extra_info("socket")
    assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 65_536


async def test_a_client_that_is_stopped_for_good_leaves_nothing(
    start_server: StartServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signalling.engine.server._CLOSING", 0.1)
    server = await start_server(ping_interval=1.0, ping_timeout=1.0)
    ada: Actor = await connect(server.url)
    await ada.join("lobby")
    async with RawClient(server.url) as raw:
        eve = await stopped(raw)
        await fill(ada, eve)
        await until(lambda: _writers() == 1)
        assert len(server.engine.sio.eio.sockets) == 1


def _writers() -> int:
    """How many tasks write to a client, or try to."""
    return sum(task.get_coro().__qualname__.endswith("writer") for task in asyncio.all_tasks())  # type: ignore[union-attr]
