"""Clients that cannot use WebSocket: long-polling keeps the same promises."""

import asyncio
from collections.abc import Callable
from typing import Any

import engineio.payload
import pytest

from peers import Client
from signalling.protocol.limits import MAX_POLL_PACKETS
from tests.waiting import Log, eventually

Connect = Callable[..., Client]


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
