"""The client that reads quickly does what python-socketio's does; and the private names it leans on are still there."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import engineio
import pytest
import socketio
from aiohttp import web

from peers import engine
from peers.dialling import discard
from tests.waiting import eventually

RELAY = '51-["relay",{"room":"r","from":"a","packet":{"_placeholder":true,"num":0}}]'
BODY = (
    '52-["relay",{"room":"r","from":"a","packet":{"_placeholder":true,"num":0},"body":{"_placeholder":true,"num":1}}]'
)
OTHER = '51-["signal",{"packet":{"_placeholder":true,"num":0}}]'
EVENTS = ("relay", "signal", "roster", "disconnect")
Server = Callable[[web.WebSocketResponse], Awaitable[None]]


def listening(client: socketio.AsyncClient) -> list[tuple[str, Any]]:
    """What the client's handlers get."""
    got: list[tuple[str, Any]] = []
    for name in EVENTS:
        client.on(name, lambda data=None, name=name: got.append((name, data)))
    return got


@asynccontextmanager
async def connected(
    server: Server, pause: float = 0.0
) -> AsyncIterator[tuple[socketio.AsyncClient, list[tuple[str, Any]]]]:
    """A client by WebSocket of a server that does this so long after it has let it in, and then waits."""

    async def serve(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        opened = {"sid": "e", "upgrades": [], "pingInterval": 200, "pingTimeout": 200}
        await ws.send_str("0" + json.dumps(opened))
        assert (await ws.receive_str()).startswith("40")
        await ws.send_str('40{"sid":"s"}')
        await asyncio.sleep(pause)
        await server(ws)
        await ws.receive()
        return ws

    app = web.Application()
    app.router.add_get("/socket.io/", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    client = engine.make_client(reconnection=False, handle_sigint=False)
    got = listening(client)
    try:
        await client.connect(f"http://127.0.0.1:{runner.addresses[0][1]}", transports=["websocket"])
        yield client, got
    finally:
        await discard(client)
        await runner.cleanup()


def test_the_seam_fits_what_is_installed_and_notices_when_it_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine.FITS
    client = engine.make_client()
    assert type(client.eio).__mro__[1] is engineio.AsyncClient
    assert client.eio.handlers["message"] == client._handle_eio_message
    assert client._binary_packet is None
    for name in (
        "state",
        "queue",
        "ws",
        "write_loop_task",
        "current_transport",
        "ping_interval",
        "ping_timeout",
        "request_timeout",
    ):
        assert hasattr(client.eio, name)
    assert not engine.fits(engineio.AsyncClient, object)
    assert not engine.fits(object, socketio.AsyncClient)
    monkeypatch.setattr(engine, "FITS", False)
    assert type(engine.make_client()) is socketio.AsyncClient


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([RELAY, b"1", RELAY, b"2", BODY, b"3", b"4"], id="as the server sends it"),
        pytest.param(['2["roster",1]', RELAY, b"1", OTHER, b"2", '2["roster",2]', RELAY, b"3"], id="among others"),
        pytest.param([RELAY, "text"], id="text for an attachment"),
        pytest.param([BODY, b"1", "text"], id="text for the second attachment"),
        pytest.param([RELAY, '2["roster",1]', '2["roster",2]'], id="an event for an attachment"),
        pytest.param([b"stray"], id="an attachment of nothing"),
        pytest.param([RELAY, b"1", b"stray"], id="one attachment more than announced"),
        pytest.param(['51-["relay",{"room"'], id="no JSON"),
        pytest.param(['51-["relay",' + "[" * 100_000], id="deep"),
        pytest.param([RELAY.replace('"num":0', '"num":9'), b"1"], id="a placeholder for nothing"),
        pytest.param(['51-["relay",{"packet":1}]', b"1"], id="no placeholder"),
        pytest.param(['51-["relay",{"x":[{"_placeholder":true,"num":0}]}]', b"1"], id="a placeholder elsewhere"),
        pytest.param(['51-["relay",1,2]', b"1"], id="not what a relay looks like"),
        pytest.param([RELAY.replace('"r"', f'"{"r" * 5_000}"'), b"1"], id="a long name"),
        pytest.param(['451-["relay",1]', "9", "", "x"], id="nonsense"),
    ],
)
async def test_what_arrives_is_what_arrives_at_a_stock_client(parts: list[str | bytes]) -> None:
    stock, ours = socketio.AsyncClient(), engine.make_client()
    theirs_got, ours_got = listening(stock), listening(ours)
    for part in parts:
        try:
            await stock._handle_eio_message(part)
        except Exception:  # which its task would tell asyncio
            stock._binary_packet = None
        await ours._handle_eio_message(part)
    assert ours_got == theirs_got
    assert (ours._binary_packet, ours._relay) == (None, None)
    await ours._handle_eio_message(RELAY)
    await ours._handle_eio_message(b"after")
    assert ours_got[len(theirs_got) :] == [("relay", {"room": "r", "from": "a", "packet": b"after"})]


async def test_frames_are_handled_in_the_order_of_the_wire_and_an_error_ends_nothing() -> None:
    async def server(ws: web.WebSocketResponse) -> None:
        for n in range(100):
            await ws.send_str(f'42["roster",{n}]')
            await ws.send_str("4" + RELAY)
            await ws.send_bytes(b"%d" % n)
        await ws.send_str("42[")
        await ws.send_str('42["roster",100]')

    async with connected(server) as (_, got):
        await eventually(lambda: len(got) == 201)
        assert [data if name == "roster" else int(data["packet"]) for name, data in got] == [
            n for n in range(100) for _ in range(2)
        ] + [100]


async def test_a_ping_is_answered_even_within_a_packet() -> None:
    answers: list[str] = []

    async def server(ws: web.WebSocketResponse) -> None:
        await ws.send_str("4" + RELAY)
        await ws.send_str("2")
        answers.append(await ws.receive_str())
        await ws.send_bytes(b"x")

    async with connected(server) as (_, got):
        await eventually(lambda: len(got) == 1)
        assert answers == ["3"]


async def silent(ws: web.WebSocketResponse) -> None:
    await asyncio.sleep(1.5)


async def closing(ws: web.WebSocketResponse) -> None:
    await ws.send_str("1")


async def leaving(ws: web.WebSocketResponse) -> None:
    await ws.send_str("41")


async def cutting(ws: web.WebSocketResponse) -> None:
    await ws.close()


async def babbling(ws: web.WebSocketResponse) -> None:
    await ws.send_str("")


@pytest.mark.parametrize("server", [silent, closing, leaving, cutting, babbling])
async def test_a_connection_ends_as_a_stock_one(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    ends: list[list[tuple[str, Any]]] = []
    for fits, pause in ((False, 0.1), (True, 0.1), (True, 0.0)):  # a stock client may not notice an end at once
        monkeypatch.setattr(engine, "FITS", fits)
        async with connected(server, pause) as (client, got):
            await eventually(lambda: client.eio.state == "disconnected" and bool(got))
        ends.append(got)
    assert ends == [ends[0]] * 3


async def test_who_is_heard_is_not_hung_up_on() -> None:
    async def server(ws: web.WebSocketResponse) -> None:
        for n in range(8):
            await asyncio.sleep(0.1)
            await ws.send_str(f'42["roster",{n}]')

    async with connected(server) as (client, got):
        await eventually(lambda: len(got) == 8)
        assert client.connected


async def test_a_poll_that_is_refused_holds_no_connection() -> None:
    opened = {"sid": "e", "upgrades": [], "pingInterval": 200, "pingTimeout": 200}
    over = asyncio.Event()
    polls = iter(["0" + json.dumps(opened), '40{"sid":"s"}'])

    async def serve(request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            return web.Response(text="OK")
        if (text := next(polls, None)) is not None:
            return web.Response(text=text)
        response = web.StreamResponse(status=400)  # as uvicorn refuses: with a body that is still under way
        await response.prepare(request)
        await over.wait()
        return response

    app = web.Application()
    app.router.add_route("*", "/socket.io/", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as http:
        client = engine.make_client(reconnection=False, handle_sigint=False, http_session=http)
        got = listening(client)
        await client.connect(f"http://127.0.0.1:{runner.addresses[0][1]}", transports=["polling"])
        await eventually(lambda: bool(got))
        assert isinstance(http.connector, aiohttp.TCPConnector)
        assert not http.connector._acquired
    over.set()
    await runner.cleanup()
