"""Attached to somebody else's python-socketio server, beside its own events."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import socketio
from aiohttp import web
from socketio.exceptions import ConnectionError as Refused

from peers import Client, ConnectionFailed
from signalling import clients
from signalling.app import Signalling
from signalling.config import Config
from signalling.membership import Membership
from signalling.protocol.events import Join, Joined
from tests.signalling.actor import Actor, until
from tests.signalling.raw import RawClient


class Host:
    """Somebody's server, with an event of its own."""

    def __init__(self, path: str = "socket.io") -> None:
        self.sio = socketio.AsyncServer(async_mode="aiohttp")
        self.sio.on("chat", self._chat)
        self.sio.on("connect", self._connect, namespace="/other")
        self.sio.on("chat", self._chat, namespace="/other")
        self.signalling = Signalling(Config(stun=False, drain_timeout=0.2))
        self._path = path
        self.url = ""

    async def start(self) -> web.AppRunner:
        app = web.Application()
        self.sio.attach(app, socketio_path=self._path)
        runner = web.AppRunner(app, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    async def _connect(self, *_: Any) -> None:
        pass

    async def _chat(self, sid: str, data: Any) -> Any:
        return {"heard": data}


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    host = Host()
    host.signalling.attach(host.sio)
    runner = await host.start()
    yield host
    await host.signalling.close()
    await runner.cleanup()


async def test_both_work_on_one_connection(host: Host) -> None:
    ada, bob = await Actor(host.url).connect(), await Actor(host.url).connect("polling")
    await ada.join("lobby")
    await bob.join("lobby")
    assert await ada.call("chat", [1, b"x"]) == {"heard": [1, b"x"]}
    await ada.relay("lobby", [bob.id], [b"sealed"])
    assert (await bob.next("relay"))["packet"] == b"sealed"
    await ada.close()
    await bob.close()


async def test_its_other_namespaces_are_left_alone(host: Host) -> None:
    client = socketio.AsyncClient(reconnection=False, handle_sigint=False)
    await client.connect(host.url, namespaces=["/other"], transports=["websocket"], wait_timeout=5)
    assert await client.call("chat", "hello", namespace="/other", timeout=5) == {"heard": "hello"}
    await client.disconnect()


async def test_attachments_are_bounded_there_too(host: Host) -> None:
    async with RawClient(host.url) as raw:
        await raw.greet()
        await raw.ws.send_str('451-["relay",{"_placeholder":true,"num":0}]')
        await raw.ws.send_bytes(bytes(999_999))
        await raw.ws.send_str('452-["relay",1]')
        await raw.ws.send_bytes(bytes(600_000))
        await raw.ws.send_bytes(bytes(600_000))
        assert await raw.closed()


async def test_in_a_namespace_of_its_own() -> None:
    host = Host()
    host.sio.on("connect", host._connect)
    with pytest.raises(ValueError, match="another namespace"):
        host.signalling.attach(host.sio)
    host.signalling.attach(host.sio, "/rooms")
    runner = await host.start()
    async with RawClient(host.url) as raw:
        await raw.ws.send_str('40/rooms,{"protocol":1}')
        assert (await raw.ws.receive_str()).startswith("40/rooms,")
        await raw.ws.send_str('42/rooms,1["leave",{"room":"lobby"}]')
        assert "not-in-room" in await raw.ws.receive_str()
    await host.signalling.close()
    await runner.cleanup()


async def test_closing_lets_our_clients_go_and_nobody_else(host: Host) -> None:
    ada = await Actor(host.url).connect()
    other = socketio.AsyncClient(reconnection=False, handle_sigint=False)
    await other.connect(host.url, namespaces=["/other"], transports=["websocket"], wait_timeout=5)
    await ada.join("lobby")
    await host.signalling.close()
    assert (await ada.next("shutdown"))["reconnect_after"] == 1.0
    async with asyncio.timeout(5):
        await ada.ended.wait()
    assert await other.call("chat", "hello", namespace="/other", timeout=5) == {"heard": "hello"}
    late = Actor(host.url)
    with pytest.raises(Refused):
        await late.connect()
    assert late.refusal["data"]["code"] == "shutting-down"
    await other.disconnect()
    await ada.close()
    await late.close()


def test_another_serializer_cannot_be_served() -> None:
    class Other(socketio.packet.Packet):  # type: ignore[misc]
        pass

    with pytest.raises(ValueError, match="serializer"):
        Signalling().attach(socketio.AsyncServer(async_mode="aiohttp", serializer=Other))


def test_one_signalling_serves_one_server() -> None:
    signalling = Signalling()
    signalling.aiohttp_app()
    with pytest.raises(RuntimeError, match="another one"):
        signalling.aiohttp_app()


async def test_clients_of_a_namespace_below_a_path() -> None:
    host = Host("below/socket.io")
    host.signalling.attach(host.sio, "/eitherway")
    runner = await host.start()
    try:
        url = f"{host.url}/below"
        async with Client(url, namespace="/eitherway") as one, Client(url, namespace="/eitherway") as two:
            a, b = await one.join("r"), await two.join("r")
            messages = aiter(b)
            await (await a.wait_for_peer(timeout=10)).send("hello")
            assert (await anext(messages)).data == "hello"
        async with Client(url, timeout=1.0) as client:  # every server has the namespace `/`
            with pytest.raises(ConnectionFailed, match=r"did not answer 'join' in 1 s: .* in the namespace '/'"):
                await client.join("r")
    finally:
        await host.signalling.close()
        await runner.cleanup()


async def test_a_relay_right_behind_a_join_waits_for_it(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    bob, eve = await Actor(host.url).connect(), Actor(host.url)
    await bob.join("lobby")
    join = Membership.join

    async def slow_join(self: Membership, client: clients.Client, fields: Join) -> Joined:
        await until(lambda: client.waiting == 2)
        return await join(self, client, fields)

    monkeypatch.setattr(Membership, "join", slow_join)
    async with RawClient(host.url) as raw:
        fields = eve.join_fields("lobby", proof=eve.proof("lobby", sid=await raw.greet()))
        relay = {"room": "lobby", "n": 0, "to": [bob.id], "packets": [{"_placeholder": True, "num": 0}]}
        await raw.ws.send_str("421" + json.dumps(["join", fields]))
        await raw.ws.send_str("451-" + json.dumps(["relay", relay]))
        await raw.ws.send_bytes(b"behind")
        assert (await bob.next("relay"))["packet"] == b"behind"
    await bob.close()
