"""Ends at any moment: clients closed while they connect, joins and leaves cancelled, handlers of peers long gone."""

import asyncio
import contextlib
import gc
import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from peers import Client, ConnectionFailed
from peers.dialling import discard
from peers.link import Link
from peers.peer import Peer
from peers.room import Room
from peers.testing import Network, Server
from tests.waiting import Log, eventually

Connect = Callable[..., Client]
CLOSING = inspect.signature(Link.close).parameters["timeout"].default
"""Seconds that closing a link takes at most."""


async def pair(one: Client, two: Client) -> tuple[Room, Room, Peer]:
    """Two rooms, and the second as a peer of the first."""
    a, b = await one.join("r", p2p="never"), await two.join("r", p2p="never")
    await b.wait_for_peer(timeout=10)
    return a, b, await a.wait_for_peer(timeout=10)


async def turns(number: int) -> None:
    """So many turns of the event loop."""
    for _ in range(number):
        await asyncio.sleep(0)


async def test_two_joins_at_once_share_one_connection(connect: Connect) -> None:
    client = connect()
    await asyncio.gather(client.join("a"), client.join("b"))
    assert client._connection.number == 1


async def test_a_room_is_joined_once(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    client, asked = connect(), Log[str]()
    request = client._connection.request

    async def count(event: str, data: Any, **options: Any) -> Any:
        asked(event)
        return await request(event, data, **options)

    monkeypatch.setattr(client._connection, "request", count)
    await client.join("r")
    await asyncio.sleep(0.1)
    assert asked.items == ["join"]


@pytest.mark.parametrize("after", [1, 2, 5, 10, 20, 40])
async def test_a_client_closed_while_it_connects_stays_closed(url: str, after: int) -> None:
    client = Client(url)
    connecting = asyncio.create_task(client.connect())
    await turns(after)
    await client.close()
    with contextlib.suppress(ConnectionFailed):  # unless it was connected in time
        await connecting
    assert not client.connected


@pytest.mark.parametrize("after", [1, 2, 3, 5, 8, 12, 20])
async def test_a_cancelled_join_leaves_no_member(connect: Connect, after: int) -> None:
    room = await connect().join("r", p2p="never")
    client = await connect().connect()
    joining = asyncio.ensure_future(client._join("r", {}, "never"))
    await turns(after)
    joining.cancel()
    await asyncio.wait([joining])
    if joining.cancelled():
        await asyncio.sleep(0.1)
        assert not room.peers
        assert not client.rooms


async def test_a_token_function_that_raises_is_asked_again(eitherway_server: Server) -> None:
    asked: Log[None] = Log()

    async def token() -> str:
        asked()
        if len(asked.items) == 2:
            raise RuntimeError("no token today")
        return "token"

    async with Client(eitherway_server.url, token=token) as client:
        errors: Log[Exception] = Log()
        client.on("error", errors)
        await eitherway_server.kill()
        await eventually(lambda: not client.connected)
        await eitherway_server.start()
        await eventually(lambda: client.connected)
        assert isinstance(errors.items[0], RuntimeError)


async def test_hanging_up_can_be_cancelled() -> None:
    """Else `close` would wait for ever for a task that goes on trying to come back."""

    async def disconnect() -> None:
        await asyncio.sleep(1)

    eio = SimpleNamespace(ws=None, http=None, read_loop_task=None, write_loop_task=None)
    task = asyncio.create_task(discard(SimpleNamespace(eio=eio, disconnect=disconnect)))
    await turns(2)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_a_cancelled_leave_is_carried_out(connect: Connect) -> None:
    a, b, peer = await pair(connect(), connect())
    b.on("message", lambda message: asyncio.sleep(0.2))
    await peer.send("x")
    leaving = asyncio.create_task(a.leave())
    await turns(1)
    leaving.cancel()
    await a.leave()
    assert not a.client.rooms
    await eventually(lambda: not b.peers)


async def test_what_went_with_an_unanswered_first_message_is_waited_for(
    eitherway_server: Server, eitherway_network: Network
) -> None:
    """The handshake's first message has carried it, so nothing is queued, and nothing has come back yet."""
    async with Client(eitherway_server.url) as one, Client(eitherway_server.url) as two:
        a, b, peer = await pair(one, two)
        lost, got = Log[Any](), Log[Any]()
        a.on("undelivered", lost)
        b.on("message", lambda message: got(message.data))
        eitherway_network.delay(0.3, "relay", to=two)
        await peer.send("hello")
        await eventually(lambda: not peer.stats().session.queued)
        assert not peer._link.core.bound
        await a.leave()
        assert (got.items, lost.items) == (["hello"], [])


async def test_those_who_leave_at_the_same_moment_do_not_wait_for_each_other(connect: Connect) -> None:
    """As soon as both byes have crossed it is over; else each would wait for as long as closing may take."""
    for n in range(10):
        rooms = [await connect().join(f"r{n}", p2p="never") for _ in range(3)]
        await eventually(lambda: all(len(room.peers) == 2 for room in rooms))  # noqa: B023
        for room in rooms:
            room.on("message", lambda message: None)
        for number in range(n):
            for room in rooms:
                await room.send(number)
        async with asyncio.timeout(CLOSING - 0.5):
            await asyncio.gather(*(room.leave() for room in rooms))


async def test_closing_waits_for_a_leave_that_is_under_way(connect: Connect) -> None:
    a, b, peer = await pair(connect(), connect())
    lost: Log[Any] = Log()
    got: Log[Any] = Log()
    a.on("undelivered", lost)
    b.on("message", got)
    for _ in range(50):
        await peer.send("x" * 10_000)
    leaving = asyncio.create_task(a.leave())
    await turns(1)
    await a.client.close()
    await leaving
    assert not lost.items
    assert len(got.items) == 50


async def test_a_client_closed_in_a_handler(connect: Connect) -> None:
    _, b, peer = await pair(connect(), connect())
    closed = asyncio.Event()

    @b.on("message")
    async def close(_: Any) -> None:
        await b.client.close()
        closed.set()

    await peer.send("go")
    async with asyncio.timeout(10):
        await closed.wait()
    assert not b.client.connected


async def test_a_handler_that_waits_for_something_cancelled_stops_nothing(connect: Connect) -> None:
    _, b, peer = await pair(connect(), connect())
    got: Log[Any] = Log()
    errors: Log[Any] = Log()
    b.client.on("error", errors)

    @b.on("message")
    async def handle(message: Any) -> None:
        got(message.data)
        if message.data == 0:
            task = asyncio.create_task(asyncio.sleep(10))
            task.cancel()
            await task

    for n in range(5):
        await peer.send(n)
    async with asyncio.timeout(5):
        await peer.flush()
    assert got.items == [0, 1, 2, 3, 4]
    assert isinstance(errors.items[0], asyncio.CancelledError)


async def test_handlers_and_readers_of_a_peer_that_is_gone_end_with_the_room(connect: Connect) -> None:
    a, b, peer = await pair(connect(), connect())
    begun = asyncio.Event()

    @peer.on("message")
    async def wait(_: Any) -> None:
        begun.set()
        await asyncio.sleep(100)

    async def read() -> list[Any]:
        return [event async for event in peer.events("peer_left")]

    reading = asyncio.create_task(read())
    await (await b.wait_for_peer()).send("x")
    await begun.wait()
    await b.leave()
    async with asyncio.timeout(5):
        assert len(await reading) == 1
    await a.client.close()  # nothing_remains looks for the handler


async def test_reading_what_is_over_ends(connect: Connect) -> None:
    a, b, peer = await pair(connect(), connect())
    await b.leave()
    await eventually(lambda: not a.peers)
    async with asyncio.timeout(5):
        assert [m async for m in peer.channel("never used")] == []
        await a.leave()
        assert [m async for m in a.channel("never used")] == []
        assert [e async for e in a.events("peer_joined")] == []


async def test_peers_that_are_gone_are_forgotten(connect: Connect) -> None:
    room = await connect().join("r", p2p="never")
    room.on("message", lambda message: None)
    for _ in range(3):
        client = connect()
        other = await client.join("r", p2p="never")
        peer = await other.wait_for_peer(timeout=10)
        await peer.send("x")
        await peer.flush()
        await client.close()
        await eventually(lambda: not room.peers)
    await asyncio.sleep(0.1)
    gc.collect()
    assert sum(isinstance(o, Peer) and o.room is room for o in gc.get_objects()) <= 1


async def test_a_channel_closed_before_anything_was_sent_ends_its_readers(connect: Connect) -> None:
    _, b, peer = await pair(connect(), connect())
    for _ in range(2):  # closing twice does nothing
        peer.channel("empty").close()
    other = await b.wait_for_peer()
    async with asyncio.timeout(5):
        assert [m async for m in other.channel("empty")] == []
