"""Connections that come and go: resumed, replaced, refused; and nothing that remains of them."""

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import engineio.payload
import psutil
import pytest

from peers import Client, ConnectionFailed, Identity, Message, NotInRoom, Refused, Undelivered
from peers.connection import Connection
from peers.testing import Network, Server
from signalling.protocol.limits import MAX_POLL_PACKETS
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


async def test_a_second_program_with_the_same_identity_replaces_the_first(url: str) -> None:
    identity = Identity.generate()
    async with Client(url, identity=identity) as one, Client(url) as other:
        replaced, closed, events = Log[Any](), Log[Any](), Log[Any]()
        one.on("replaced", replaced)
        first = await one.join("r")
        first.on("closed", closed)
        third = await other.join("r")
        third.on("peer_left", lambda peer, reason: events(reason))
        third.on("peer_joined", lambda peer: events("joined"))
        async with Client(url, identity=identity) as two:
            await two.join("r")
            await replaced.count(1)
            assert "replaced" in (await closed.count(1))[0]
            with pytest.raises(NotInRoom, match="replaced"):
                await first.send("x")
            await events.count(2)
            assert events.items == ["restarted", "joined"]


async def test_a_clock_that_was_set_back_does_not_keep_a_program_out(url: str) -> None:
    identity = Identity.generate()
    ahead = Identity(identity._private)
    ahead.next_incarnation("r", 2**45)
    async with Client(url, identity=ahead) as one, Client(url, identity=identity) as two:
        await one.join("r")
        room = await two.join("r")
        assert room._presence.membership.incarnation > 2**45
        assert "r" not in one.rooms or await closed(one)


async def closed(client: Client) -> bool:
    """Until the client has lost its rooms."""
    await eventually(lambda: not client.rooms)
    return True


async def test_a_restarted_program_is_a_new_peer_and_what_is_unknown_is_reported(tmp_path: Path, url: str) -> None:
    path = tmp_path / "id.pem"
    async with Client(url) as one:
        a = await one.join("r", p2p="never")
        reports: Log[Undelivered] = Log()
        a.on("undelivered", reports)
        two = Client(url, identity=path)
        await two.join("r", p2p="never")
        peer = await a.wait_for_peer(two.id, timeout=10)
        await peer.send("taken")
        await peer.ping(timeout=10)
        two._connection._sio.eio.ws._response.connection.transport.abort()  # as if the program had been killed
        two._connection._closed = True
        for n in range(3):
            await peer.send({"lost": n})
        async with Client(url, identity=path) as again:
            b = await again.join("r", p2p="never")
            assert again.id == two.id
            got: Log[Any] = Log()
            b.on("message", lambda m: got(m.data))
            (report,) = await reports.count(1)
            assert [m.data for m in report.messages] == [{"lost": n} for n in range(3)]
            assert report.peer is peer
            await eventually(lambda: a.peers.get(two.id) not in (None, peer))
            await a.peers[two.id].send("fresh")
            await got.count(1)
            assert got.items == ["fresh"]
        await two.close()


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


async def cut_off(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Break a client's connection to the server, and keep it from coming back."""

    async def refuse() -> None:
        raise ConnectionFailed("no way there")

    monkeypatch.setattr(client._connection, "_dial", refuse)
    client._connection._sio.eio.ws._response.connection.transport.abort()
    await eventually(lambda: not client.connected)


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
        await eventually(lambda: peer.id in a._lost)
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
        assert not a._lost
        assert updated.items == ["before"]
        cut_from_the_server(eitherway_network, two)
        await eventually(lambda: peer.id in a._lost)
        with contextlib.suppress(ConnectionFailed):  # it is told when it comes back, with another statement
            await b.set_profile({"name": "meanwhile"})
        eitherway_network.heal()
        assert await updated.count(2) == ["before", "meanwhile"]
        assert (a.peers[b.id], left.items, joined.items) == (peer, [], [])
        cut_from_the_server(eitherway_network, two)
        await eventually(lambda: peer.id in a._lost)
        for attempt in list(peer._link.attempts.paths):
            peer._link.attempts.end(attempt)  # now nothing proves it any more
        await left.count(1)
        assert left.items == ["lost"]
        assert not a.peers
        eitherway_network.heal()


async def test_who_comes_back_and_finds_its_place_taken_stays_out(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else two programs with one identity would drive each other out for ever."""
    identity = Identity.generate()
    async with Client(url, identity=identity) as one, Client(url, identity=identity) as two:
        replaced, closed = Log[Any](), Log[Any]()
        one.on("replaced", replaced)
        first = await one.join("r", p2p="never")
        first.on("closed", closed)
        with monkeypatch.context() as patch:
            await cut_off(one, patch)
            second = await two.join("r", p2p="never")
        second.on("closed", closed)
        await eventually(lambda: one.connected)
        assert "replaced" in (await closed.count(1))[0]
        await replaced.count(1)
        assert "r" not in one.rooms
        assert two.rooms["r"] is second
        assert (await two._connection.request("leave", {"room": "r"})) == {}, "it is still a member"
        assert len(closed.items) == 1


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


async def test_polling_keeps_the_same_promises(connect: Connect) -> None:
    a = await connect(transports=["polling"]).join("r", p2p="never")
    b = await connect(transports=["polling"]).join("r", p2p="never")
    assert (a.client.transport, b.client.transport) == ("polling", "polling")
    peer = await a.wait_for_peer(timeout=10)
    got: Log[Any] = Log()
    b.on("message", lambda m: got(m.data))
    for n in range(300):
        await peer.send({"n": n, "fill": "x" * (n % 7) * 1000})
        if n % 50 == 0:
            await asyncio.sleep(0.01)
    async with asyncio.timeout(30):
        await peer.flush()
    assert [item["n"] for item in got.items] == list(range(300))


async def test_a_polling_client_reads_large_polls(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """python-engineio throws away a poll of more than 16 packets, and says nothing (V5)."""
    monkeypatch.setattr(engineio.payload.Payload, "max_decode_packets", 16)
    async with Client(url, transports=["polling"]) as client:
        await client.connect()
        assert engineio.payload.Payload.max_decode_packets == MAX_POLL_PACKETS


async def test_a_direct_path_between_polling_clients(connect: Connect) -> None:
    a = await connect(transports=["polling"]).join("r", p2p="eager")
    await connect(transports=["polling"]).join("r", p2p="eager")
    peer = await a.wait_for_peer(timeout=10)
    await eventually(lambda: peer.path == "direct")


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


@pytest.mark.timeout(180)
@pytest.mark.slow
async def test_200_connects_in_a_row_leave_nothing(url: str) -> None:
    process = psutil.Process()
    async with Client(url) as keeper:
        await keeper.join("r", p2p="never")

        async def visit() -> None:
            async with Client(url) as client, client.join("r", p2p="never") as room:
                await room.send("hello")

        for _ in range(20):
            await visit()
        gc.collect()
        before = (len(asyncio.all_tasks()), process.num_fds(), process.memory_info().rss)
        for _ in range(200):
            await visit()
        gc.collect()
        await eventually(lambda: len(asyncio.all_tasks()) <= before[0] and process.num_fds() <= before[1])
        grown = process.memory_info().rss - before[2]
        assert grown < 10_000_000, f"{grown} bytes more after 200 connects"


async def test_a_direct_path_leaves_nothing(url: str) -> None:
    process = psutil.Process()

    async def visit() -> None:
        async with Client(url) as one, Client(url) as two:
            a = await one.join("r", p2p="eager")
            await two.join("r", p2p="eager")
            peer = await a.wait_for_peer(timeout=10)
            await eventually(lambda: peer.path == "direct")

    await visit()
    before = (len(asyncio.all_tasks()), process.num_fds())
    for _ in range(5):
        await visit()
    await eventually(lambda: len(asyncio.all_tasks()) <= before[0] and process.num_fds() <= before[1])


@pytest.mark.timeout(150)
@pytest.mark.slow
async def test_a_stopped_peer_makes_its_senders_wait_and_nobody_else(tmp_path: Path) -> None:
    """SIGSTOP for a while: the server's memory does not grow, others go on, and everything arrives after SIGCONT."""
    program = tmp_path / "listener.py"
    program.write_text(
        "import asyncio, sys\n"
        "from peers import Client\n"
        "async def main():\n"
        "    async with Client(sys.argv[1]) as client:\n"
        "        room = await client.join('r', p2p='never', profile={'name': 'slow'})\n"
        "        async for message in room:\n"
        "            print(message.data['n'], flush=True)\n"
        "asyncio.run(main())\n"
    )
    async with ServerProcess() as server, Client(server.url) as one, Client(server.url) as two:
        with (tmp_path / "got").open("wb") as out:
            listener = await asyncio.create_subprocess_exec(sys.executable, str(program), server.url, stdout=out)
        try:
            a, b = await one.join("r", p2p="never"), await two.join("r", p2p="never")
            await eventually(lambda: len(a.peers) == 2 and len(b.peers) == 2)
            slow = next(p for p in a.peers.values() if p.name == "slow")
            other = a.peers[b.id]
            b.on("message", lambda m: None)
            assert server.process is not None
            memory = psutil.Process(server.process.pid)

            async def fill() -> None:
                for n in range(400):
                    await slow.send({"n": n, "fill": os.urandom(50_000)})

            await slow.ping(timeout=10)
            os.kill(listener.pid, signal.SIGSTOP)
            before = memory.memory_info().rss
            filling = asyncio.ensure_future(fill())
            most = 0.0
            loop = asyncio.get_running_loop()
            until = loop.time() + 20  # longer than the server takes to notice: it is away, and comes back
            while loop.time() < until:
                await other.send("x")
                start = loop.time()
                await other.flush()
                most = max(most, loop.time() - start)
            assert most < 2
            assert not filling.done()
            assert memory.memory_info().rss - before < 20_000_000
            os.kill(listener.pid, signal.SIGCONT)
            async with asyncio.timeout(60):
                await filling
                await slow.flush()
            assert (tmp_path / "got").read_text().split() == [str(n) for n in range(400)]
        finally:
            listener.kill()
            await listener.wait()
