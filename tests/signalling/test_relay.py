"""Relays: passed on, acknowledged in bulk, refused one by one (V4)."""

import pytest

from tests.signalling.conftest import Connect, Server


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_packet_reaches_the_peer_it_is_for(server: Server, connect: Connect, transport: str) -> None:
    ada, bob = await connect(server.url, transport), await connect(server.url, transport)
    await ada.join("lobby")
    await bob.join("lobby")
    n = await ada.relay("lobby", [bob.id], [b"sealed"])
    assert await bob.next("relay") == {"room": "lobby", "from": ada.id, "packet": b"sealed"}
    assert await ada.next("relayed") == {"n": n}
