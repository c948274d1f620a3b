"""The WebSocket that replaces the aiohttp driver's."""

import asyncio
import json
import socket

import pytest
from engineio.packet import MESSAGE, Packet

from signalling.engine.packets import Parts
from signalling.engine.websocket import WebSocket
from signalling.protocol.writing import AT_ONCE, Gathered
from tests.signalling.actor import Actor, until
from tests.signalling.conftest import Connect, Server, StartServer
from tests.signalling.raw import RawClient, joined_writes
from tests.signalling.test_slow_client import fill, stopped


async def test_compression_is_declined(server: Server) -> None:
    async with RawClient(server.url) as raw:
        assert raw.ws.compress == 0


@pytest.mark.skipif(not hasattr(socket, "TCP_NOTSENT_LOWAT"), reason="this system cannot limit it")
async def test_the_kernel_holds_little_unsent(server: Server, connect: Connect) -> None:
    await connect(server.url)
    (engine_socket,) = server.engine.sio.eio.sockets.values()
    raw = engine_socket.queue.websocket._request.transport.get_extra_info("socket")
    assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 65_536


async def test_relays_are_handled_where_they_are_read_and_nothing_else_is(
    server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | bytes] = []
    wait = WebSocket.wait

    async def noted(self: WebSocket) -> str | bytes:
        seen.append(data := await wait(self))
        return data

    monkeypatch.setattr(WebSocket, "wait", noted)
    ada, bob = await connect(server.url), await connect(server.url)
    await ada.join("lobby")
    await bob.join("lobby")
    for n in range(10):
        await ada.relay("lobby", [bob.id], [b"%d" % n])
    assert [(await bob.next("relay"))["packet"] for _ in range(10)] == [b"%d" % n for n in range(10)]
    await ada.call("leave", {"room": "lobby"})
    texts = [data for data in seen if isinstance(data, str)]
    assert texts == seen
    assert sum('"join"' in text for text in texts) == 2
    assert any('"leave"' in text for text in texts)
    assert not any('"relay"' in text for text in texts)


async def test_relays_that_have_come_together_go_out_together_but_not_all_at_once(
    server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob, eve = await connect(server.url), Actor(server.url)
    await bob.join("lobby")
    async with RawClient(server.url) as raw:
        sid = await raw.greet()
        await raw.call("join", eve.join_fields("lobby", proof=eve.proof("lobby", sid=sid)))
        written: list[int] = []
        flush = Gathered.flush

        def noted(self: Gathered) -> None:
            relays = sum(b"relay" in frame for frame in self._frames)
            if relays:
                written.append(relays)
            flush(self)

        monkeypatch.setattr(Gathered, "flush", noted)
        for n in range(160):
            relay = {"room": "lobby", "n": n, "to": [bob.id], "packets": [{"_placeholder": True, "num": 0}]}
            await raw.ws.send_str("451-" + json.dumps(["relay", relay]))
            await raw.ws.send_bytes(b"%d" % n)
        assert [(await bob.next("relay"))["packet"] for _ in range(160)] == [b"%d" % n for n in range(160)]
    assert 10 <= len(written) <= 40, "32 frames a turn are 16 relays, and others have a turn after them"


async def test_what_is_for_a_client_that_reads_is_written_past_the_queue(
    server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob, polling = await connect(server.url), await connect(server.url), await connect(server.url, "polling")
    for actor in (ada, bob, polling):
        await actor.join("lobby")
    written: list[int] = []
    write = WebSocket.write

    def noted(self: WebSocket, parts: Parts) -> None:
        written.append(len(parts))
        write(self, parts)

    monkeypatch.setattr(WebSocket, "write", noted)
    for size in (1, 125, 126, 65_000, 60_000):
        packet = bytes(size % 60_001)
        await ada.relay("lobby", [bob.id, polling.id], [packet, packet])
        for actor in (bob, polling):
            assert (await actor.next("relay"))["packet"] == packet
    relays = [parts for parts in written if parts == 2]
    assert len(relays) == 5, "those for bob: the other client polls"


async def test_nothing_overtakes_what_is_in_the_queue(server: Server) -> None:
    async with RawClient(server.url) as raw:
        await raw.greet()
        (engine_socket,) = server.engine.sio.eio.sockets.values()
        engine_socket.queue.put_nowait(Packet(MESSAGE, '2["reply"]'))
        engine_socket.queue.source.push(('2["event"]',))
        assert [await raw.ws.receive_str() for _ in range(2)] == ['42["reply"]', '42["event"]']


async def test_control_frames_that_come_with_relays_are_no_packets(server: Server, connect: Connect) -> None:
    bob, eve = await connect(server.url), Actor(server.url)
    await bob.join("lobby")
    async with RawClient(server.url) as raw:
        await raw.call("join", eve.join_fields("lobby", proof=eve.proof("lobby", sid=await raw.greet())))
        relay = {"room": "lobby", "n": 0, "to": [bob.id], "packets": [{"_placeholder": True, "num": 0}]}
        with joined_writes(raw):
            await raw.ws.send_str("451-" + json.dumps(["relay", relay]))
            await raw.ws.ping(b"between")
            await raw.ws.send_bytes(b"whole")
            await raw.ws._writer.close(1000)
        assert (await bob.next("relay"))["packet"] == b"whole"
        assert await raw.closed()


async def test_what_is_for_a_client_that_does_not_read_waits_where_it_is_counted(
    server: Server, connect: Connect
) -> None:
    ada: Actor = await connect(server.url)
    await ada.join("lobby")
    async with RawClient(server.url) as raw:
        eve = await stopped(raw)
        await fill(ada, eve)
        sockets = [each.queue.websocket for each in server.engine.sio.eio.sockets.values()]
        unwritten = [each._request.transport.get_write_buffer_size() for each in sockets]
        assert 0 < max(unwritten) < 2 * AT_ONCE


async def test_who_relays_and_answers_pings_stays(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(ping_interval=0.2, ping_timeout=1.5)
    ada, bob = await connect(server.url), await connect(server.url)
    await ada.join("lobby")
    await bob.join("lobby")
    for _ in range(120):
        await ada.relay("lobby", [bob.id], [b"x"])
        await bob.next("relay")
        await asyncio.sleep(0.02)
    assert not ada.ended.is_set()


async def test_a_client_that_is_stopped_for_good_leaves_nothing(
    start_server: StartServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signalling.engine.server._CLOSING", 0.1)
    server = await start_server(ping_interval=1.0, ping_timeout=1.0)
    ada: Actor = await connect(server.url)
    await ada.join("lobby")
    async with RawClient(server.url) as raw:
        eve = await stopped(raw)
        await fill(ada, eve)
        await until(lambda: _writers() == 1 and len(server.engine.sio.eio.sockets) == 1)


def _writers() -> int:
    """How many tasks write to a client, or try to."""
    return sum(task.get_coro().__qualname__.endswith("writer") for task in asyncio.all_tasks())  # type: ignore[union-attr]
