"""`/healthz` and `/readyz`: alive, and fit for clients, are two things."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import socketio

from signalling.app import Signalling
from signalling.config import Config
from tests.signalling.actor import until
from tests.signalling.conftest import Connect, Server, StartServer
from tests.signalling.raw import RawClient
from tests.signalling.test_slow_client import fill, stopped
from tests.signalling.webhooks.receivers import hang, receiving
from tests.signalling.webhooks.servers import options
from tests.signalling.webhooks.test_outbox import Disk


async def ask(server: Server, path: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as http, http.get(server.url + path) as answer:
        return answer.status, await answer.json()


async def test_a_server_that_serves_is_alive_and_ready(server: Server) -> None:
    assert await ask(server, "/healthz") == (200, {"status": "ok"})
    assert await ask(server, "/readyz") == (200, {"status": "ready"})


async def test_one_that_is_closing_is_alive_and_not_ready(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(drain_timeout=3.0)
    ada = await connect(server.url)
    await ada.join("lobby")
    async with RawClient(server.url) as raw:
        await fill(ada, await stopped(raw))  # so that the end takes its time
        closing = asyncio.ensure_future(server.close())
        await ada.next("shutdown")
        assert await ask(server, "/readyz") == (503, {"status": "unready", "reason": "closing"})
        assert await ask(server, "/healthz") == (200, {"status": "closing"})
        await closing


async def test_one_that_cannot_store_webhooks_is_not_ready_until_it_can(
    start_server: StartServer, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    async with receiving() as receiver:
        receiver.answer = hang  # so that there is something to be stored
        server = await start_server(**options(receiver.url, webhook_store=str(tmp_path / "store.db")))
        ada = await connect(server.url)
        disk.full = True
        large = {"room": "room", "topic": "orders.new", "data": "x" * 100_000}
        assert (await ada.call("post", large))["error"]["code"] == "busy"
        assert await ask(server, "/readyz") == (503, {"status": "unready", "reason": "webhooks cannot be stored"})
        assert await ask(server, "/healthz") == (200, {"status": "ok"})
        disk.full = False
        await until(lambda: server.signalling.unready is None)
        assert await ask(server, "/readyz") == (200, {"status": "ready"})


async def test_one_that_was_attached_is_ready_once_it_has_started() -> None:
    signalling = Signalling(Config(stun_port=0))
    assert signalling.unready == "not started"
    signalling.attach(socketio.AsyncServer(async_mode="aiohttp"))
    assert signalling.unready == "not started"
    await signalling.start()
    assert signalling.unready is None
    await signalling.close()
    assert signalling.unready == "closing"
