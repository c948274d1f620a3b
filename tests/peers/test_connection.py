"""Connections that come and go: lost, resumed, refused; and what was asked on them."""

import asyncio
import contextlib
import signal
from collections.abc import Callable
from typing import Any

import pytest

from peers import Client, ConnectionFailed, Message, NotInRoom, Refused
from peers.connection import Connection
from peers.testing import Network, Server
from signalling.rooms.memory import MemoryStore
from signalling.rooms.roster import Admission, Entry, Roster
from tests.serving import ServerProcess, serving
from tests.waiting import Log, eventually, free_port

Connect = Callable[..., Client]


async def test_the_server_killed_and_restarted_in_mid_stream() -> None:
    """Peers come back with their ids; nothing is lost or doubled; what is sent while offline waits."""
    async with ServerProcess() as server, Client(server.url) as one, Client(server.url) as two:
        a, b = await one.join("r", p2p="never"), await two.join("r", p2p="never")
        left: Log[Any] = Log()
        a.on("peer_left", left)
        b.on("peer_left", left)
        got: Log[Any] = Log()
        b.on("message", lambda m: got(m.data))
        peer = await a.wait_for_peer(timeout=10)
        await b.wait_for_peer(timeout=10)
        for n in range(100):
            await peer.send(n)
            if n == 30:
                await server.stop(signal.SIGKILL)
            if n == 60:
                await eventually(lambda: not one.connected and not two.connected)
            if n == 80:
                await server.start()
        async with asyncio.timeout(30):
            await peer.flush()
        assert got.items == list(range(100))
        assert a.peers[b.id] is peer
        assert not left.items


async def test_a_server_that_is_gone_is_tried_every_second_and_found_again_at_once(
    eitherway_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: Log[None] = Log()
    dial = Connection._dial

    async def noting(connection: Connection) -> None:
        tried()
        await dial(connection)

    async with Client(eitherway_server.url) as client:
        await client.join("r", p2p="never")
        monkeypatch.setattr(Connection, "_dial", noting)
        await eitherway_server.kill()
        await tried.count(9, 9.0)  # doubling on, it would have taken 14 s on average
        await eitherway_server.start()
        await eventually(lambda: client.connected, 2.0)


async def test_a_connection_that_is_lost_again_and_again_is_tried_less_often(
    eitherway_server: Server, eitherway_network: Network
) -> None:
    connected: Log[None] = Log()
    loop = asyncio.get_running_loop()
    async with Client(eitherway_server.url) as client:
        client.on("connected", connected)
        begun = loop.time()
        for count in range(1, 6):
            eitherway_network.hang_up(client)
            await connected.count(count)
        assert loop.time() - begun >= sum(bound / 4 for bound in (0.25, 0.5, 1, 2, 4))


async def test_after_a_connection_that_lasted_the_first_wait_is_short_again(
    eitherway_server: Server, eitherway_network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: Log[None] = Log()
    waits: list[float] = []
    pause = Connection._pause

    def noted(connection: Connection, nobody: bool, outage: float) -> float:
        waits.append(pause(connection, nobody, outage))
        return 0.0

    monkeypatch.setattr("peers.connection.STEADY", 0.0)
    monkeypatch.setattr(Connection, "_pause", noted)
    async with Client(eitherway_server.url) as client:
        client.on("connected", connected)
        for count in range(1, 9):
            eitherway_network.hang_up(client)
            await connected.count(count)
    assert len(waits) >= 8
    assert max(waits) <= 0.25


async def test_who_is_asked_to_come_back_later_comes_a_little_later_than_that() -> None:
    """A server that shuts down says the same to all of its clients."""
    client = Client("http://127.0.0.1:1")
    connection = client._connection
    connection._shutdown({"reason": "the server is shutting down", "reconnect_after": 3.0})
    assert 3.0 < connection._pause(False, 0.0) <= 4.5
    assert connection._pause(False, 0.0) <= 0.25
    await client.close()


async def test_a_direct_path_carries_on_while_the_server_is_gone(eitherway_server: Server) -> None:
    server = eitherway_server
    async with Client(server.url) as one, Client(server.url) as two:
        a, b = await one.join("r", p2p="eager"), await two.join("r", p2p="eager")
        peer = await a.wait_for_peer(timeout=10)
        await eventually(lambda: peer.path == "direct" and b.peers[a.id].path == "direct")
        await server.kill()
        await eventually(lambda: not one.connected and not two.connected)
        got: Log[Any] = Log()
        b.on("message", lambda m: got((m.data, m.path)))
        for n in range(50):
            await peer.send(n)
        await got.count(50)
        assert got.items == [(n, "direct") for n in range(50)]
        await server.start()
        await eventually(lambda: one.connected and two.connected)
        await peer.send("after")
        await got.count(51)


@pytest.mark.eitherway_server(grace=0.3)
async def test_gone_past_the_grace_is_left(eitherway_server: Server, eitherway_network: Network) -> None:
    url = eitherway_server.url
    async with Client(url) as one:
        a = await one.join("r", p2p="never")
        left: Log[Any] = Log()
        a.on("peer_left", lambda peer, reason: left(reason))
        two = Client(url, reconnect=False)
        await two.join("r", p2p="never")
        peer = await a.wait_for_peer(timeout=10)
        await peer.ping(timeout=10)
        eitherway_network.hang_up(two)
        await left.count(1)
        assert left.items == ["lost"]
        with pytest.raises(NotInRoom):
            await peer.send("x")
        await two.close()


def cut_from_the_server(network: Network, client: Client) -> None:
    """Break a client's connection, and let no other come about."""
    network.cut("relay", from_=client)
    network.hang_up(client)


@pytest.mark.eitherway_server(grace=0.3)
async def test_lost_to_the_server_but_not_to_its_direct_path(
    eitherway_server: Server, eitherway_network: Network
) -> None:
    """A peer that only the server has lost, past the grace time, stays a peer while the direct path proves it."""
    url = eitherway_server.url
    async with Client(url) as one, Client(url) as two:
        a, b = await one.join("r", p2p="eager"), await two.join("r", p2p="eager")
        peer = await a.wait_for_peer(timeout=10)
        await eventually(lambda: peer.path == "direct" and b.peers[a.id].path == "direct")
        left, joined, got, updated = Log[Any](), Log[Any](), Log[Any](), Log[Any]()
        a.on("peer_left", lambda peer, reason: left(reason))
        a.on("peer_joined", joined)
        a.on("peer_updated", lambda peer: updated(peer.name))
        b.on("message", lambda m: got(m.data))
        await b.set_profile({"name": "before"})
        await updated.count(1)
        cut_from_the_server(eitherway_network, two)
        await eventually(lambda: peer.id in a._members.lost)
        await peer.send("still here")
        await peer.flush()
        assert (got.items, left.items, peer.away) == (["still here"], [], True)
        eitherway_network.heal()
        await eventually(lambda: two.connected and not peer.away)
        await peer.send("back")
        await peer.flush()
        assert got.items == ["still here", "back"]
        assert a.peers[b.id] is peer
        assert not joined.items
        assert not a._members.lost
        assert updated.items == ["before"]
        cut_from_the_server(eitherway_network, two)
        await eventually(lambda: peer.id in a._members.lost)
        with contextlib.suppress(ConnectionFailed):  # it is told when it comes back, with another statement
            await b.set_profile({"name": "meanwhile"})
        eitherway_network.heal()
        assert await updated.count(2) == ["before", "meanwhile"]
        assert (a.peers[b.id], left.items, joined.items) == (peer, [], [])
        cut_from_the_server(eitherway_network, two)
        await eventually(lambda: peer.id in a._members.lost)
        for attempt in list(peer._link.attempts.paths):
            peer._link.attempts.end(attempt)  # now nothing proves it any more
        await left.count(1)
        assert left.items == ["lost"]
        assert not a.peers
        eitherway_network.heal()


class SlowStore(MemoryStore):
    """A store whose joins take their time once `waits` is set, as one in a database would."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = False
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()

    async def join(self, room: str, entry: Entry, most: int) -> tuple[Admission, Roster]:
        if self.waits:
            self.asked.set()
            await self.go_on.wait()
        return await super().join(room, entry, most)


async def test_a_question_ends_with_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """python-socketio's own `call` would wait for a reply that can come no more (V6)."""
    store = SlowStore()
    store.waits = True
    monkeypatch.setattr("signalling.app.MemoryStore", lambda: store)
    async with serving() as url, Client(url, reconnect=False) as client:
        await client.connect()
        question = asyncio.ensure_future(client.join("r", p2p="never"))
        await store.asked.wait()
        client._connection._sio.eio.ws._response.connection.transport.abort()
        try:
            with pytest.raises(ConnectionFailed, match="was lost"):
                await asyncio.wait_for(question, 5)
        finally:
            store.go_on.set()
        assert not client._connection._calls


async def test_who_is_cancelled_when_the_reply_comes_is_cancelled(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = (await connect().connect())._connection

    async def emit(*arguments: Any, **options: Any) -> None:
        """The reply is ours to give."""

    monkeypatch.setattr(connection._sio, "emit", emit)
    asking = asyncio.create_task(connection.request("leave", {"room": "r"}))
    await eventually(lambda: bool(connection._calls))
    next(iter(connection._calls)).set_result(None)
    asking.cancel()
    await asyncio.wait([asking])
    assert asking.cancelled()


async def test_nothing_is_sent_on_a_new_connection_before_it_has_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    store = SlowStore()
    monkeypatch.setattr("signalling.app.MemoryStore", lambda: store)
    async with serving() as url, Client(url) as one, Client(url) as two:
        a, b = await one.join("r", p2p="never"), await two.join("r", p2p="never")
        got: Log[Any] = Log()
        b.on("message", lambda m: got(m.data))
        peer = await a.wait_for_peer(timeout=10)
        await peer.send("before")
        await peer.flush()
        emitted: list[str] = []
        emit = one._connection.emit

        async def noting(event: str, data: Any) -> None:
            emitted.append(event)
            await emit(event, data)

        store.waits = True
        one._connection._sio.eio.ws._response.connection.transport.abort()
        await eventually(lambda: not one.connected)
        await peer.send("meanwhile")
        await store.asked.wait()
        monkeypatch.setattr(one._connection, "emit", noting)
        await peer.send("before it is let in")
        await eventually(lambda: not peer._link._scheduled)
        await a._links.sent()
        early = list(emitted)
        store.go_on.set()
        await peer.flush()
        assert early == []
        assert "relay" in emitted
        assert got.items == ["before", "meanwhile", "before it is let in"]


async def test_a_client_holds_so_many_direct_paths_and_no_more(connect: Connect) -> None:
    client = connect()
    assert client._shared.quota.left == 32
    client._shared.quota.left = 1
    a = await client.join("r", p2p="eager")
    others = [await connect().join("r", p2p="eager") for _ in range(2)]
    await eventually(lambda: len(a.peers) == 2 and all(len(room.peers) == 2 for room in others))
    await eventually(lambda: sorted(str(peer.path) for peer in a.peers.values()) == ["direct", "relay"])
    await eventually(lambda: others[0].peers[others[1].id].path == "direct")
    relayed = next(peer for peer in a.peers.values() if peer.path == "relay")
    await relayed.ping(timeout=10)
    assert relayed.stats().attempts == 0
    assert client._shared.quota.left == 0
    await next(room for room in others if room.id != relayed.id).leave()
    await eventually(lambda: client._shared.quota.left == 1 or relayed.path == "direct")


async def test_no_server_is_one_clear_error() -> None:
    client = Client(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(ConnectionFailed, match="eitherway serve"):
        await client.connect()
    with pytest.raises(ConnectionFailed):
        await client.join("r")
    await client.close()
    with pytest.raises(ConnectionFailed, match="closed"):
        await client.connect()


async def test_a_full_room_is_refused() -> None:
    async with serving(max_peers=1) as url, Client(url) as one, Client(url) as two:
        await one.join("r")
        with pytest.raises(Refused) as refused:
            await two.join("r")
        assert refused.value.code == "room-full"
        await two.join("other")


async def test_without_aiortc_the_relay_carries_on(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peers.links.direct_available", lambda: False)
    a = await connect().join("r", p2p="eager")
    monkeypatch.undo()
    b = await connect().join("r", p2p="eager")
    peer = await b.wait_for_peer(timeout=10)
    got: Log[Message[Any]] = Log()
    a.on("message", got)
    for _ in range(5):
        await peer.send("x")
        await peer.flush()
    assert {m.path for m in got.items} == {"relay"}
    negotiation = peer._link.attempts.negotiation
    await eventually(lambda: negotiation._wanted)
    assert not negotiation._allowed, "the other side said that it makes no direct paths"
    assert peer.stats().attempts == 0
