"""One client's events are handled one after another, on any python-socketio server (V3)."""

import asyncio
from typing import Any

import socketio
from aiohttp import web

from signalling.app import Signalling
from signalling.config import Config
from signalling.protocol.events import PeerAway
from signalling.relay import Relays
from signalling.rooms.memory import MemoryStore
from signalling.rooms.roster import Admission, Entry, Roster
from tests.signalling.actor import until
from tests.signalling.conftest import Connect, Server


class SlowStore(MemoryStore):
    """A store whose joins take their time, as one in a database would."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()

    async def join(self, room: str, entry: Entry, most: int) -> tuple[Admission, Roster]:
        await self.go_on.wait()
        return await super().join(room, entry, most)


async def stock_server(
    monkeypatch: Any, store: MemoryStore
) -> tuple[Signalling, web.AppRunner, str, socketio.AsyncServer]:
    """A python-socketio server with all its defaults, handlers as tasks included, that ours is attached to."""
    monkeypatch.setattr("signalling.app.MemoryStore", lambda: store)
    sio = socketio.AsyncServer(async_mode="aiohttp")
    signalling = Signalling(Config(stun=False, drain_timeout=0.2))
    signalling.attach(sio)
    app = web.Application()
    sio.attach(app)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return signalling, runner, f"http://127.0.0.1:{runner.addresses[0][1]}", sio


async def test_events_wait_for_the_ones_before_them(monkeypatch: Any, connect: Connect) -> None:
    store = SlowStore()
    signalling, runner, url, _ = await stock_server(monkeypatch, store)
    ada = await connect(url)
    answers: list[str] = []

    def answered(name: str) -> Any:
        return lambda reply: answers.append(f"{name} {reply.get('error', {}).get('code', 'ok')}")

    await ada.sio.emit("join", ada.join_fields("lobby"), callback=answered("join"))
    for number in range(63):
        await ada.sio.emit("leave", {"room": "lobby" if number == 0 else "hall"}, callback=answered(f"leave {number}"))
    error = (await ada.call("leave", {"room": "hall"}))["error"]
    assert error["code"] == "rate-limited", "64 wait already"
    assert answers == []
    store.go_on.set()
    await ada.call("leave", {"room": "hall"})
    expected = ["join ok", "leave 0 ok"] + [f"leave {number} not-in-room" for number in range(1, 63)]
    assert answers == expected
    await signalling.close()
    await runner.cleanup()


async def test_a_client_that_goes_while_it_joins_is_no_member(monkeypatch: Any, connect: Connect) -> None:
    store = SlowStore()
    signalling, runner, url, sio = await stock_server(monkeypatch, store)
    ada, bob = await connect(url), await connect(url)
    await ada.sio.emit("join", ada.join_fields("lobby"))
    await bob.call("leave", {"room": "lobby"})
    sid = ada.sid
    await ada.close()
    await until(lambda: not sio.manager.is_connected(sid, "/"))
    store.go_on.set()
    reply = await bob.join("lobby")
    if not reply["peers"][0].get("away"):
        assert (await bob.change(PeerAway)).id == ada.id
    await signalling.close()
    await runner.cleanup()


async def test_a_handler_that_fails_says_so_and_stops_nothing(
    server: Server, connect: Connect, monkeypatch: Any
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("signalling.namespace._read", fail)
    ada = await connect(server.url)
    assert (await ada.call("leave", {"room": "lobby"}))["error"]["code"] == "internal"
    monkeypatch.undo()
    assert (await ada.call("leave", {"room": "lobby"}))["error"]["code"] == "not-in-room"


async def test_a_relay_that_fails_stops_nothing(server: Server, connect: Connect, monkeypatch: Any) -> None:
    """It is handled where its frames are read: what it raised would end the connection."""
    failed: list[str] = []

    def fail(*_: Any) -> None:
        failed.append("a relay")
        raise ZeroDivisionError

    ada, bob = await connect(server.url), await connect(server.url)
    for actor in (ada, bob):
        await actor.join("lobby")
    monkeypatch.setattr(Relays, "relay", fail)
    await ada.relay("lobby", [bob.id], [b"lost"])
    await until(lambda: bool(failed))
    monkeypatch.undo()
    await ada.relay("lobby", [bob.id], [b"the next"])
    assert (await bob.next("relay"))["packet"] == b"the next"
