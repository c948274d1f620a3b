"""The network for tests, with real clients, real WebRTC and a real server."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import ifaddr
import pytest
from aiortc import RTCPeerConnection

from peers import Client, Peer, Room
from peers.testing import Network, Server
from tests.waiting import DEADLINE, Log, eventually

PROGRAM = Path(__file__).parent / "other_program.py"


async def meet(one: Client, two: Client, p2p: Any) -> tuple[Room, Room, Peer, Peer]:
    """Both in one room, each as the other sees it."""
    a, b = await one.join("r", p2p=p2p), await two.join("r", p2p=p2p)
    to_b, to_a = await a.wait_for_peer(two.id, timeout=10), await b.wait_for_peer(one.id, timeout=10)
    if p2p == "eager":
        await eventually(lambda: to_b.path == to_a.path == "direct")
    return a, b, to_b, to_a


@asynccontextmanager
async def pair(server: Server, p2p: str, **options: Any) -> AsyncIterator[tuple[Room, Room, Peer, Peer]]:
    """Two clients in a room."""
    async with Client(server.url, **options) as one, Client(server.url, **options) as two:
        yield await meet(one, two, p2p)


def data_of(room: Room) -> Log[Any]:
    """What arrives in a room, and by which path."""
    got: Log[Any] = Log()
    room.on("message", lambda message: got((message.data, message.path)))
    return got


async def ping(peer: Peer, path: str, below: float) -> float:
    """Ping until an answer by this path comes within so many seconds: a busy machine makes some slower."""
    async with asyncio.timeout(DEADLINE):
        while (answer := await peer.ping())[0] >= below or answer[1] != path:
            pass
    return answer[0]


async def test_the_direct_path_cut_in_silence_and_healed(eitherway_server: Server, eitherway_network: Network) -> None:
    async with pair(eitherway_server, "eager") as (a, b, to_b, to_a):
        got, changes = data_of(b), Log[Any]()
        a.on("path_changed", lambda peer, path: changes(path))
        await to_b.send(1)
        await to_b.flush()
        eitherway_network.cut("direct")
        await to_b.send(2)
        await to_b.flush()
        assert got.items == [(1, "direct"), (2, "relay")]
        assert len(to_b._link.attempts.paths) == 1  # nobody was told: the path is suspect, and no more
        eitherway_network.heal("direct")
        await changes.until(lambda items: items == ["relay", "direct"])
        await to_b.send(3)
        await to_b.flush()
        assert got.items[-1] == (3, "direct")


async def test_no_direct_path_comes_to_be_where_it_is_cut(eitherway_server: Server, eitherway_network: Network) -> None:
    eitherway_network.cut("direct")
    async with pair(eitherway_server, "auto") as (_, b, to_b, to_a):
        await eventually(lambda: bool(to_b._link.attempts.paths and to_a._link.attempts.paths))
        await asyncio.sleep(1.0)  # a direct path is there after a tenth of that, as the next line proves
        assert to_b.path == "relay"
        eitherway_network.heal()
        await eventually(lambda: to_b.path == "direct")


async def test_one_direction_to_one_peer(eitherway_server: Server, eitherway_network: Network) -> None:
    url = eitherway_server.url
    async with Client(url) as one, Client(url) as two, Client(url) as three:
        await three.join("r", p2p="eager")
        a, _, to_b, to_a = await meet(one, two, "eager")
        to_c = await a.wait_for_peer(three.id)
        await eventually(lambda: to_c.path == "direct")
        eitherway_network.delay(0.3, "direct", from_=one, to=two)
        for peer in (to_b, to_a):
            assert await ping(peer, "direct", 0.6) >= 0.3  # one way of two
        await ping(to_c, "direct", 0.3)
        eitherway_network.delay(0)
        eitherway_network.cut("direct", from_=to_a, to=two.id)  # however it is named
        await eventually(lambda: to_b.path == "relay")
        assert to_c.path == "direct"


@pytest.mark.parametrize(("p2p", "legs"), [("eager", 2), ("never", 4)])
async def test_a_delay_is_seen_in_round_trips(
    eitherway_server: Server, eitherway_network: Network, p2p: str, legs: int
) -> None:
    async with pair(eitherway_server, p2p) as (_, _, to_b, _):
        eitherway_network.delay(0.1)
        path = "direct" if p2p == "eager" else "relay"
        assert await ping(to_b, path, 0.1 * legs + 0.3) >= 0.1 * legs
        eitherway_network.delay(0)
        await ping(to_b, path, 0.1)


async def test_a_share_of_datagrams_is_lost_and_nothing_else(
    eitherway_server: Server, eitherway_network: Network
) -> None:
    async with pair(eitherway_server, "eager") as (a, b, to_b, _):
        there, here = b.channel("pose", lane="datagram"), to_b.channel("pose", lane="datagram")
        poses: Log[Any] = Log()
        there.on("message", lambda message: poses(message.data))
        while not poses.items:  # until the channel is open
            await here.send(-1)
            await asyncio.sleep(0.01)
        got = data_of(b)
        eitherway_network.loss(0.3)
        for n in range(300):
            await here.send(n)
            if n % 10 == 0:
                await to_b.send(n)
                await to_b.flush()
        assert [data for data, _ in got.items] == list(range(0, 300, 10))
        arrived = [n for n in poses.items if n >= 0]
        assert 100 < len(arrived) < 300  # several travel in one packet, and for a moment over the relay


async def test_the_relay_stalls_and_nobody_is_told(eitherway_server: Server, eitherway_network: Network) -> None:
    async with pair(eitherway_server, "never") as (a, b, to_b, _):
        got, gone = data_of(b), Log[str]()
        a.client.on("disconnected", gone)
        eitherway_network.cut("relay")
        await to_b.send("held")
        with pytest.raises(TimeoutError):
            await to_b.ping(timeout=0.3)
        assert (got.items, gone.items) == ([], [])
        eitherway_network.heal("relay")
        await got.count(1)
        assert (got.items, gone.items) == ([("held", "relay")], [])


async def test_the_relay_of_one_client_each_way(eitherway_server: Server, eitherway_network: Network) -> None:
    async with pair(eitherway_server, "never") as (a, b, to_b, to_a):
        at_a, at_b = data_of(a), data_of(b)
        eitherway_network.cut("relay", from_=a)  # what a sends
        await to_b.send(1)
        await to_a.send(2)
        await at_a.count(1)
        assert at_b.items == []
        eitherway_network.heal()
        await at_b.count(1)
        eitherway_network.cut("relay", to=a.client)  # what a receives
        await to_a.send(3)
        await to_b.send(4)
        await at_b.count(2)
        assert [data for data, _ in at_a.items] == [2]
        eitherway_network.heal()
        await at_a.count(2)


@pytest.mark.eitherway_server(ping_interval=1, ping_timeout=1)
async def test_who_is_cut_off_for_long_is_lost_and_comes_back(
    eitherway_server: Server, eitherway_network: Network
) -> None:
    async with pair(eitherway_server, "never") as (a, b, to_b, to_a):
        got, gone = data_of(b), Log[str]()
        a.client.on("disconnected", gone)
        eitherway_network.cut(from_=a)
        eitherway_network.cut(to=a)
        await eventually(lambda: to_a.away)
        await gone.count(1)
        await to_b.send("meanwhile")
        eitherway_network.heal()
        await got.count(1)
        assert not to_a.away


async def test_a_client_on_polling_is_known_by_all_its_connections(
    eitherway_server: Server, eitherway_network: Network
) -> None:
    async with pair(eitherway_server, "never", transports=["polling"]) as (a, b, to_b, _):
        got, alone = data_of(b), eitherway_server._life
        eitherway_network.cut("relay", from_=a)
        await to_b.send("held")
        with pytest.raises(TimeoutError):
            await to_b.ping(timeout=0.3)
        eitherway_network.heal()
        await got.count(1)
        assert alone is not None
        assert {connection.client for connection in alone.front._connections.values()} == {a.id, b.id}


async def test_hanging_up_on_one_client_or_all(eitherway_server: Server, eitherway_network: Network) -> None:
    async with pair(eitherway_server, "never") as (a, b, to_b, _):
        gone_a, gone_b, got = Log[str](), Log[str](), data_of(b)
        a.client.on("disconnected", gone_a)
        b.client.on("disconnected", gone_b)
        eitherway_network.hang_up(a)
        await gone_a.count(1)
        await eventually(lambda: a.client.connected)
        assert gone_b.items == []
        eitherway_network.hang_up()
        await gone_a.count(2)
        await gone_b.count(1)
        await to_b.send("x")
        await got.count(1)


async def test_a_peer_in_another_process_is_reached_through_the_same_network(
    eitherway_server: Server, eitherway_network: Network
) -> None:
    async with other_program(eitherway_server.url), Client(eitherway_server.url) as client, client.join("r") as room:
        peer = await room.wait_for_peer(timeout=20)
        await eventually(lambda: peer.path == "direct")
        eitherway_network.delay(0.1, "direct")
        assert await ping(peer, "direct", 0.5) >= 0.2
        eitherway_network.delay(0, "direct")
        with pytest.raises(ValueError, match="another process"):
            eitherway_network.cut(from_=peer)
        eitherway_network.cut("direct", from_=peer)  # what comes from another process is dropped here
        got = data_of(room)
        await peer.send("echo")
        await got.count(1)
        assert got.items == [("echo", "relay")]


@asynccontextmanager
async def other_program(url: str) -> AsyncIterator[None]:
    """A peer in a process of its own."""
    program = await asyncio.create_subprocess_exec(sys.executable, str(PROGRAM), url)
    try:
        yield
    finally:
        program.kill()
        await program.wait()
        program._transport.close()  # type: ignore[attr-defined]


async def test_what_is_on_its_way_when_a_socket_is_closed_does_no_harm(
    eitherway_server: Server, eitherway_network: Network
) -> None:
    raised: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: raised.append(context))
    async with pair(eitherway_server, "eager") as (_, _, to_b, _):
        eitherway_network.delay(0.2, "direct")
        await to_b.send("on its way")
        (path,) = to_b._link.attempts.paths.values()
        wires = [protocol.transport.outgoing for protocol in path._stack._gatherer._connection._protocols]  # type: ignore[union-attr]
        await eventually(lambda: any(wire._waiting for wire in wires))
        await path.close()
        await asyncio.sleep(0.3)
    assert raised == []


async def test_a_machine_without_any_other_network_has_direct_paths_on_loopback(
    eitherway_server: Server, eitherway_network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ifaddr, "get_adapters", list)
    async with pair(eitherway_server, "eager") as (_, _, to_b, _):
        (direct,) = to_b.stats().direct.values()
        assert direct.local_address.startswith("127.0.0.1:")
        eitherway_network.cut("direct")
        await eventually(lambda: to_b.path == "relay")


async def test_what_is_not_ours_is_left_alone(eitherway_network: Network) -> None:
    eitherway_network.cut()
    one, two = RTCPeerConnection(), RTCPeerConnection()
    got: Log[Any] = Log()
    channel: Any = one.createDataChannel("x")
    two.on("datachannel", lambda opened: opened.on("message", got))
    channel.on("open", lambda: channel.send("hello"))
    await one.setLocalDescription(await one.createOffer())
    await two.setRemoteDescription(one.localDescription)
    await two.setLocalDescription(await two.createAnswer())
    await one.setRemoteDescription(two.localDescription)
    await got.count(1)
    await one.close()
    await two.close()


async def test_wrong_use_is_told(eitherway_server: Server, eitherway_network: Network) -> None:
    network = eitherway_network
    async with Client(eitherway_server.url) as a, Client(eitherway_server.url) as b:
        wrongs: list[tuple[Callable[[], None], str]] = [
            (lambda: network.cut("tunnel"), "'direct' or 'relay'"),  # type: ignore[arg-type]
            (lambda: network.cut(from_="nobody"), "nobody"),
            (lambda: network.cut("relay", from_=a, to=b), "other end is the server"),
            (lambda: network.cut(from_=a, to=b), "name the path 'direct'"),
            (lambda: network.delay(-1), "0 or more"),
            (lambda: network.delay(float("nan")), "0 or more"),
            (lambda: network.loss(1.5), "from 0 to 1"),
            (lambda: network.hang_up("nobody"), "nobody"),
        ]
        for wrong, told in wrongs:
            with pytest.raises(ValueError, match=told):
                wrong()
    with pytest.raises(RuntimeError, match="one network at a time"), Network(eitherway_server):
        pass
    assert network._rules._rules == []


def test_a_network_undoes_everything_at_its_end() -> None:
    init = Client.__init__
    with Server() as server:
        with Network(server) as network:
            assert Client.__init__ is not init
            network.cut()
        assert Client.__init__ is init
        assert server.rules._rules == []
        with Network(server):
            pass


async def test_a_client_that_is_gone_is_forgotten(eitherway_server: Server, eitherway_network: Network) -> None:
    async with Client(eitherway_server.url):
        assert len(eitherway_network._clients) == 1
    await eventually(lambda: gc.collect() >= 0 and len(eitherway_network._clients) == 0)
