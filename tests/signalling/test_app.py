"""Starting and closing: nothing is left behind."""

import asyncio
import gc

import psutil
import pytest

from signalling.app import Signalling
from signalling.config import Config
from tests.signalling.actor import Actor, until
from tests.signalling.conftest import Connect, StartServer
from tests.signalling.raw import RawClient, RawPoller
from tests.signalling.test_slow_client import fill


def sockets() -> int:
    return len(psutil.Process().net_connections(kind="inet"))


async def test_close_leaves_no_task_and_no_socket(start_server: StartServer) -> None:
    # By hand: python-engineio's client leaves tasks of its own behind for some seconds.
    tasks, connections = len(asyncio.all_tasks()), sockets()
    server = await start_server(grace=60.0)
    ada = Actor(server.url)
    async with RawPoller(server.url) as poller, RawClient(server.url) as raw, RawClient(server.url):
        sid = await raw.greet()
        await raw.call("join", ada.join_fields("lobby", proof=ada.proof("lobby", sid=sid)))
        poll = asyncio.ensure_future(poller.get())
        await asyncio.sleep(0)
        await server.close()
        await poll
    await until(lambda: len(asyncio.all_tasks()) <= tasks)
    gc.collect()
    assert sockets() <= connections


async def test_closing_tells_clients_and_takes_no_more_joins(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(drain_timeout=5.0, reconnect_after=2.5)
    ada = await connect(server.url)
    await ada.join("lobby")
    closing = asyncio.ensure_future(server.close())
    shutdown = await ada.next("shutdown")
    assert shutdown["reconnect_after"] == 2.5
    async with asyncio.timeout(5):
        await ada.ended.wait()
    await closing


async def test_closing_waits_for_a_slow_reader_within_bounds(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(drain_timeout=3.0)
    ada = await connect(server.url)
    await ada.join("lobby")
    async with RawClient(server.url) as raw:
        eve = Actor(server.url)
        sid = await raw.greet()
        await raw.call("join", eve.join_fields("lobby", proof=eve.proof("lobby", sid=sid)))
        await fill(ada, eve)
        closing = asyncio.ensure_future(server.close())
        await ada.next("shutdown")
        assert (await ada.call("join", ada.join_fields("hall")))["error"]["code"] == "shutting-down"
        async with asyncio.timeout(10):
            await closing


async def test_what_a_client_said_that_is_forgotten_already_is_nobodys_error(
    start_server: StartServer, caplog: pytest.LogCaptureFixture
) -> None:
    server = await start_server()
    async with RawClient(server.url) as raw:
        await raw.greet()
        sockets = server.engine.sio.eio.sockets
        (sid,) = sockets
        # As when a loop that is late reads, after the server has cut a client off, what came before.
        socket = sockets.pop(sid)
        await server.engine._on_message(sid, '2["leave",{"room":"lobby"}]')
        sockets[sid] = socket
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_taken_stun_port_is_no_reason_to_fail(
    caplog: pytest.LogCaptureFixture, start_server: StartServer
) -> None:
    first = await start_server()
    assert first.signalling.stun_port
    second = await start_server(stun_port=first.signalling.stun_port)
    assert second.signalling.stun_port is None
    assert "no STUN responder" in caplog.text


async def test_starting_and_closing_twice_is_as_good_as_once() -> None:
    signalling = Signalling(Config(stun_port=0))
    signalling.aiohttp_app()
    await signalling.start()
    await signalling.start()
    await signalling.close()
    await signalling.close()


async def test_100_connections_in_a_row_leave_nothing(start_server: StartServer) -> None:
    server = await start_server()
    await _come_and_go(server.url)
    await asyncio.sleep(0)
    tasks, connections = len(asyncio.all_tasks()), sockets()
    for _ in range(100):
        await _come_and_go(server.url)
    await asyncio.sleep(0.1)
    assert sockets() <= connections + 2
    assert len(server.signalling._clients) == 0
    engine_tasks = [task for task in asyncio.all_tasks() if "_send_ping" not in repr(task)]
    assert len(engine_tasks) <= tasks + 2


async def _come_and_go(url: str) -> None:
    async with RawClient(url) as raw:
        await raw.greet()
