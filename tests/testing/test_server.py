"""A server for tests that is stopped, killed and started again."""

import asyncio
import contextlib
import socket

import aiohttp
import pytest

from peers import Client, ConnectionFailed, Room
from peers.testing import Network, Server
from tests.waiting import Log, eventually


async def pair(server: Server, one: Client, two: Client) -> tuple[Room, Room]:
    """Two programs in one room, over the relay, that see each other."""
    a, b = await one.join("r", p2p="never"), await two.join("r", p2p="never")
    await a.wait_for_peer(timeout=10)
    await b.wait_for_peer(timeout=10)
    return a, b


@pytest.mark.parametrize("how", ["kill", "stop"])
@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_clients_come_back_to_the_same_url(
    eitherway_server: Server, how: str, transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = eitherway_server
    url = server.url
    async with Client(url, transports=[transport]) as one, Client(url, transports=[transport]) as two:
        a, b = await pair(server, one, two)
        gone: Log[str] = Log()
        one.on("disconnected", gone)
        got: Log[object] = Log()
        b.on("message", lambda message: got(message.data))
        await getattr(server, how)()
        assert not server.running
        await gone.count(1)
        assert ("is about to leave" in caplog.text) == (how == "stop")  # which clients are told, and log
        with pytest.raises(ConnectionFailed):
            await Client(url).connect()
        sending = asyncio.ensure_future(a.send("meanwhile"))
        await server.start()
        assert (server.running, server.url) == (True, url)
        await got.count(1)
        await sending
        assert got.items == ["meanwhile"]


async def test_last_words_reach_those_who_are_far_away(
    eitherway_server: Server, eitherway_network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    async with Client(eitherway_server.url) as client:
        gone: Log[str] = Log()
        client.on("disconnected", gone)
        eitherway_network.delay(0.3, to=client)
        await eitherway_server.stop()
        await gone.count(1)
        assert "is about to leave" in caplog.text


async def test_doing_twice_what_is_done_does_nothing(eitherway_server: Server) -> None:
    await eitherway_server.start()
    await eitherway_server.kill()
    await eitherway_server.kill()
    await eitherway_server.stop()
    await eitherway_server.start()
    async with Client(eitherway_server.url) as client:
        assert client.connected


async def test_it_tells_what_to_do_when_its_port_is_taken(eitherway_server: Server) -> None:
    await eitherway_server.kill()
    with socket.create_server(("127.0.0.1", eitherway_server.port)):
        with pytest.raises(OSError, match="address already in use"):
            await eitherway_server.start()
    assert not eitherway_server.running
    await eitherway_server.start()


@pytest.mark.eitherway_server(max_peers=1)
class TestOptions:
    """Markers add up; the nearest one counts."""

    @pytest.mark.eitherway_server(max_rooms=2)
    async def test_they_reach_the_server(self, eitherway_server: Server) -> None:
        assert eitherway_server._config.max_peers == 1
        assert eitherway_server._config.max_rooms == 2

    @pytest.mark.eitherway_server(max_peers=2)
    async def test_the_nearest_counts(self, eitherway_server: Server) -> None:
        assert eitherway_server._config.max_peers == 2


def test_wrong_options_are_told() -> None:
    with pytest.raises(ValueError, match="max-peers"):
        Server(max_peers=0)


def test_without_an_event_loop() -> None:
    with Server() as server:
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200")


async def test_what_is_no_http_is_let_go(eitherway_server: Server) -> None:
    for nonsense in (b"\0" * 200_000, b"GET / HTTP/1.1\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", eitherway_server.port)
        writer.write(nonsense)
        with contextlib.suppress(OSError):  # it may have hung up already
            writer.write_eof()
        with pytest.raises((OSError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()
    async with aiohttp.ClientSession() as http, http.get(eitherway_server.url + "/healthz") as answer:
        assert answer.status == 200


async def test_connections_that_were_closed_are_forgotten(eitherway_server: Server) -> None:
    life = eitherway_server._life
    assert life is not None
    async with Client(eitherway_server.url):
        assert len(life.front._connections) == 1
    await eventually(lambda: not life.front._connections)
