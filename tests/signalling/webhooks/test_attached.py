"""Webhooks of a server that is attached to somebody's own, and starts when somebody connects."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import socketio
from aiohttp import web
from socketio.exceptions import ConnectionError as Refused

from signalling.app import Signalling
from signalling.config import Config
from signalling.webhooks.database import StoreError
from tests.signalling.actor import Actor
from tests.signalling.conftest import Connect
from tests.signalling.webhooks.receivers import Receiver
from tests.signalling.webhooks.servers import options

Attach = Callable[..., Awaitable[tuple[Signalling, str]]]


@pytest.fixture
async def attach() -> AsyncIterator[Attach]:
    """Attaches servers to stock ones, and gives their URLs."""
    running: list[tuple[Signalling, web.AppRunner]] = []

    async def attach(**given: Any) -> tuple[Signalling, str]:
        signalling = Signalling(Config(stun=False, drain_timeout=0.2, **given))
        sio = socketio.AsyncServer(async_mode="aiohttp")
        signalling.attach(sio)
        app = web.Application()
        sio.attach(app)
        runner = web.AppRunner(app, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        running.append((signalling, runner))
        return signalling, f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield attach
    for signalling, runner in running:
        await signalling.close()
        await runner.cleanup()


async def test_the_first_who_comes_is_told_of(attach: Attach, connect: Connect, receiver: Receiver) -> None:
    _, url = await attach(**options(receiver.url))
    ada = await connect(url)
    await ada.join("room")
    await receiver.count(2)
    assert receiver.types == ["room.started", "peer.joined"]


async def test_without_a_store_nobody_is_let_in(attach: Attach, receiver: Receiver, tmp_path: Path) -> None:
    signalling, url = await attach(**options(receiver.url, webhook_store=str(tmp_path / "nowhere" / "store.db")))
    with pytest.raises(StoreError, match="No such file"):
        await signalling.start()
    ada = Actor(url)
    with pytest.raises(Refused):
        await ada.connect()
    assert ada.refusal["data"]["code"] == "internal"
    await ada.close()
    (tmp_path / "nowhere").mkdir()
    again = await Actor(url).connect()  # it is tried anew for each
    await again.join("room")
    await receiver.count(2)
    await again.close()
