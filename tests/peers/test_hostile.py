"""Strangers, liars and servers that talk nonsense: what they send is dropped and counted, and the rest goes on."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import socketio
from aiohttp import web

from peers import Client, ConnectionFailed, Refused
from tests.serving import serving
from tests.signalling.actor import Actor
from tests.waiting import Log, eventually

Connect = Callable[..., Client]


async def test_a_member_that_sends_rubbish_harms_nobody(url: str, connect: Connect) -> None:
    a, b = await connect().join("r", p2p="eager"), await connect().join("r", p2p="eager")
    stranger = await Actor(url).connect()
    await stranger.join("r")
    await eventually(lambda: stranger.id in b.peers and a.id in b.peers)
    got: Log[Any] = Log()
    b.on("message", lambda m: got(m.data))
    to_b = a.peers[b.id]
    rng = random.Random(1)
    for n in range(200):
        kind = bytes([rng.choice((0, 1, 2, 3, 4, 5, 255))])
        await stranger.relay("r", [b.id], [kind + rng.randbytes(rng.randrange(0, 400))])
        signal = {
            "room": "r",
            "to": b.id,
            "kind": rng.choice(("request", "offer", "answer", "candidate")),
            "attempt": rng.randrange(2**31),
            "packet": rng.choice((rng.randbytes(80), "text", {"sdp": "nonsense"}, None, [1, 2])),
        }
        if n % 10 == 0:
            await stranger.call("signal", signal)
        await to_b.send(n)
    await to_b.flush()
    assert got.items == list(range(200))
    # The rubbish comes by the relay, and may still be on its way.
    await eventually(lambda: sum(b.peers[stranger.id].stats().drops.values()) > 100)
    await stranger.close()


async def test_packets_of_others_played_again_are_dropped(url: str, connect: Connect) -> None:
    """A member that can see what is relayed (it cannot, but the server can) plays it again, to both sides."""
    a, b = await connect().join("r", p2p="never"), await connect().join("r", p2p="never")
    to_b = await a.wait_for_peer(timeout=10)
    to_a = await b.wait_for_peer(timeout=10)
    got: Log[Any] = Log()
    b.on("message", lambda m: got(m.data))
    packets: list[bytes] = []
    original = to_b._link.relay.send
    to_b._link.relay.send = lambda packet, what: (packets.append(packet), original(packet, what))[1]  # type: ignore[method-assign,func-returns-value]
    for n in range(30):
        await to_b.send(n)
        await to_b.flush()
    for packet in packets * 2:
        to_a._link.receive_relay(packet)  # replayed
        to_b._link.receive_relay(packet)  # reflected
        to_a._link.receive_relay(packet[:-1] + bytes([packet[-1] ^ 1]))  # tampered with
    await to_b.send("after")
    await to_b.flush()
    assert got.items == [*range(30), "after"]
    assert sum(to_a.stats().drops.values()) >= len(packets)
    assert sum(to_b.stats().drops.values()) >= len(packets)


@pytest.mark.parametrize(
    ("kind", "attempt", "payload"),
    [
        ("offer", 2**31, {"type": "offer", "sdp": "nonsense"}),
        ("offer", 7, {"type": "offer", "sdp": "v=0\r\n" * 1000}),
        ("offer", 8, {"type": "answer"}),
        ("answer", 9, {"type": "answer", "sdp": "", "offer": "AAAA"}),
        ("candidate", 1, {"candidate": "nonsense", "sdpMid": "0", "sdpMLineIndex": 0}),
        ("candidate", 1, {"candidate": 7}),
        ("request", 0, {"seen": -1}),
        ("request", 0, {"seen": "x"}),
    ],
)
async def test_a_peer_with_a_key_that_signals_nonsense(
    connect: Connect, kind: str, attempt: int, payload: dict[str, Any]
) -> None:
    a, b = await connect().join("r", p2p="eager"), await connect().join("r", p2p="eager")
    to_b = await a.wait_for_peer(timeout=10)
    to_a = await b.wait_for_peer(timeout=10)
    await to_b.ping(timeout=10)
    for n in range(5):
        to_b._link.signal(kind, attempt + n, payload)
        to_a._link.signal(kind, attempt + n, payload)
    got: Log[Any] = Log()
    b.on("message", lambda m: got(m.data))
    for n in range(20):
        await to_b.send(n)
    await to_b.flush()
    assert got.items == list(range(20))
    if kind != "offer":  # who numbers its offers absurdly stays on the relay: it is its own link
        await eventually(lambda: to_b.path == "direct" and to_a.path == "direct", 40)


async def test_a_peer_that_breaks_the_session_ends_that_session_only(connect: Connect) -> None:
    a, b = await connect().join("r", p2p="never"), await connect().join("r", p2p="never")
    c = await connect().join("r", p2p="never")
    await eventually(lambda: all(len(room.peers) == 2 for room in (a, b, c)))
    got: Log[Any] = Log()
    b.on("message", lambda m: got(m.data))
    reports: Log[Any] = Log()
    a.on("undelivered", reports)
    errors: Log[Any] = Log()
    b.client.on("error", errors)
    liar = a.peers[b.id]
    await liar.send("before")
    await liar.flush()
    # It claims to have handled what was never sent: the honest side ends the session, and a new one begins.
    receiver = liar._link.core.session._receiver
    before = liar._link.core.session
    next(iter(receiver.channels.values())).handled += 10**9
    next(iter(receiver.channels.values())).limit += 10**9
    liar._link.core.session.listen(0, 0.0)
    await b.peers[a.id].send("x")
    await eventually(lambda: liar._link.core.session is not before)
    await c.peers[b.id].send("c is not concerned")
    await liar.send("after")
    await got.until(lambda items: "after" in items)
    assert [i for i in got.items if i != "c is not concerned"] == ["before", "after"]
    assert a.peers[b.id] is liar
    assert f"({a.id}) in room 'r' broke the protocol" in str((await errors.count(1))[0])


NONSENSE: list[Any] = [None, 7, "x", [], {}, {"room": "r"}, {"room": 7}, b"bytes", {"room": "r", "base": "x"}]


@contextlib.asynccontextmanager
async def liar_server(answers: dict[str, Any]) -> AsyncIterator[tuple[str, socketio.AsyncServer]]:
    """A Socket.IO server that acknowledges events with whatever it is told to."""
    sio = socketio.AsyncServer(async_mode="aiohttp")
    for event, answer in answers.items():
        sio.on(event, lambda sid, data, answer=answer: answer)
    app = web.Application()
    sio.attach(app)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", sio
    finally:
        await sio.shutdown()
        await runner.cleanup()
        for task in asyncio.all_tasks():  # a stock server leaves its pings behind; ours does not
            if "AsyncSocket" in repr(task.get_coro()):
                task.cancel()


@pytest.mark.parametrize("answer", [*NONSENSE, {"error": {}}, {"error": {"code": 7, "message": None}}])
async def test_a_server_whose_reply_to_join_makes_no_sense(answer: Any) -> None:
    async with liar_server({"join": answer}) as (url, _), Client(url) as client:
        with pytest.raises((ConnectionFailed, Refused)):
            await client.join("r")


async def test_a_server_that_sends_nonsense_is_survived() -> None:
    async with serving() as honest, Client(honest) as one:
        room = await one.join("r", p2p="never")
        async with Client(honest) as two:
            await two.join("r", p2p="never")
            peer = await room.wait_for_peer(timeout=10)
            for name in ("roster", "signal", "relay", "relayed", "refused", "replaced", "room-closed"):
                for data in NONSENSE:
                    one._receive(name, data)
            one._receive("relayed", {"n": 10**9})
            one._receive("refused", {"n": 10**9, "to": peer.id, "code": "busy"})
            one._receive("relay", {"room": "r", "from": "a" * 32, "packet": b"x"})
            for _ in range(500):
                one._receive("relay", {"room": "r", "from": "b" * 32, "packet": bytes(1000)})
            await peer.ping(timeout=10)
            assert one.rooms
            assert len(room._presence._held) <= 64
            await asyncio.sleep(0)


async def test_a_signal_under_another_label_is_dropped(connect: Connect) -> None:
    """Kind and attempt stand beside the sealed signal, for the server to see; it may not make another one of it."""
    a, b = await connect().join("r", p2p="eager"), await connect().join("r", p2p="eager")
    to_b = await a.wait_for_peer(timeout=10)
    to_a = await b.wait_for_peer(timeout=10)
    await eventually(lambda: to_b.path == "direct" and to_a.path == "direct")
    negotiation = to_a._link.attempts.negotiation
    before = (negotiation.begun, negotiation.ignored.total())
    for kind, attempt, label, number in (
        ("candidate", 7, "offer", 7),
        ("candidate", 7, "candidate", 8),
        ("offer", 7, "request", 7),
        ("answer", 7, "answer", 0),
    ):
        packet = to_b._link.core.seal_signal(kind, attempt, {"candidate": 7}, asyncio.get_running_loop().time())
        assert packet is not None
        to_a._link.receive_signal(label, number, packet)
    assert (negotiation.begun, negotiation.ignored.total()) == before
    packet = to_b._link.core.seal_signal("candidate", 7, {"candidate": 7}, asyncio.get_running_loop().time())
    assert packet is not None
    to_a._link.receive_signal("candidate", 7, packet)
    assert negotiation.ignored.total() == before[1] + 1, "as it was sealed, it is looked at"
