"""A client that stops reading: its senders are told `busy`, then it is cut off; the server's memory stays bounded."""

import asyncio
import contextlib
import json
import logging

import psutil
import pytest

from tests.signalling.actor import Actor
from tests.signalling.conftest import Connect, StartServer
from tests.signalling.raw import RawClient

PACKET = bytes(60_000)


async def stopped(raw: RawClient) -> Actor:
    """A member of the lobby whose connection nobody reads: aiohttp stops reading when its buffer is full."""
    sid = await raw.greet()
    eve = Actor(raw.url)
    await raw.call("join", eve.join_fields("lobby", proof=eve.proof("lobby", sid=sid)))
    return eve


async def fill(sender: Actor, receiver: Actor) -> int:
    """Relays until the server says `busy`, and returns the bytes sent."""
    sent = 0
    while not sender.waiting("refused"):
        for _ in range(4):
            await sender.relay("lobby", [receiver.id], [PACKET])
        sent += 4 * len(PACKET)
        await sender.next("relayed")
        assert sent < 100_000_000, "it takes everything"
    return sent


async def test_senders_are_told_busy_and_others_do_not_notice(start_server: StartServer, connect: Connect) -> None:
    server = await start_server()
    ada, bob = await connect(server.url), await connect(server.url)
    await ada.join("lobby")
    await bob.join("lobby")
    before = psutil.Process().memory_info().rss
    async with RawClient(server.url) as raw:
        eve = await stopped(raw)
        await fill(ada, eve)
        assert (await ada.next("refused"))["code"] == "busy"
        signal = {"room": "lobby", "to": eve.id, "kind": "offer", "attempt": 1, "packet": "x" * 65_000}
        assert (await ada.call("signal", signal))["error"]["code"] == "busy"
        for _ in range(100):
            await ada.relay("lobby", [eve.id], [PACKET])
        await ada.relay("lobby", [bob.id], [b"for Bob"])
        assert (await bob.next("relay"))["packet"] == b"for Bob"
        assert psutil.Process().memory_info().rss - before < 20_000_000
        assert not eve.ended.is_set()


async def test_everything_that_was_taken_arrives_when_it_reads_again(
    start_server: StartServer, connect: Connect
) -> None:
    server = await start_server()
    ada = await connect(server.url)
    await ada.join("lobby")
    async with RawClient(server.url) as raw:
        eve = await stopped(raw)
        sent = await fill(ada, eve)
        n = ada.n
        while n > 0 and (await _last_relayed(ada)) < n:
            pass
        refused = ada.waiting("refused")
        packets = 0
        while packets < sent // len(PACKET) - refused:
            message = await raw.ws.receive(timeout=10)
            packets += message.data == PACKET
        await ada.relay("lobby", [eve.id], [b"room again"])
        while (await raw.ws.receive(timeout=10)).data != b"room again":
            pass


async def _last_relayed(ada: Actor) -> int:
    return int((await ada.next("relayed"))["n"])


async def test_a_client_that_stays_full_is_cut_off(
    start_server: StartServer, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    server = await start_server(slow_timeout=0.5)
    ada = await connect(server.url)
    await ada.join("lobby")
    async with RawClient(server.url) as raw:
        eve = await stopped(raw)
        await ada.next("roster")
        await fill(ada, eve)
        away = (await ada.next("roster"))["changes"][0]
        assert (away["change"], away["id"]) == ("peer-away", eve.id)
        assert "too slow" in away["reason"]
        assert any("too slow" in record.getMessage() for record in caplog.records)


async def test_deltas_that_found_no_room_leave_a_gap_that_the_client_sees(
    start_server: StartServer, connect: Connect
) -> None:
    server = await start_server(outbox_bytes=131_072)
    ada = await connect(server.url)
    await ada.join("lobby")
    async with RawClient(server.url) as raw:
        eve = await stopped(raw)
        await fill(ada, eve)
        for _ in range(600):  # whatever room there may still be for something small
            await ada.relay("lobby", [eve.id], [b""])
        await ada.relay("lobby", [ada.id], [b"the last"])
        await ada.next("relay")
        bob = await connect(server.url)
        await bob.join("lobby")
        while True:
            message = await raw.ws.receive(timeout=10)
            if isinstance(message.data, str) and '"roster"' in message.data:
                break
        assert '"base":3,"version":3,"changes":[]' in message.data


async def test_a_client_that_asks_much_and_reads_nothing_is_not_listened_to(
    start_server: StartServer, connect: Connect
) -> None:
    server = await start_server()
    for _ in range(10):
        await (await connect(server.url)).join("lobby", '{"a":"' + "x" * 4_000 + '"}')
    async with RawClient(server.url) as raw:
        eve, sid = Actor(server.url), await raw.greet()
        queue = server.engine.queue(sid)
        question = "421" + json.dumps(["join", eve.join_fields("lobby", proof=eve.proof("lobby", sid=sid))])
        most = 0
        with contextlib.suppress(TimeoutError, ConnectionError, RuntimeError):
            async with asyncio.timeout(5):
                for _ in range(2_000):  # the same again, for 40 KB of roster each time
                    await raw.ws.send_str(question)
                    await asyncio.sleep(0)
                    most = max(most, queue.bytes)
        assert 1_000_000 < most < 1_200_000
