"""Signals: passed on whatever they say, within 64 KiB."""

import asyncio
from typing import Any

import pytest

from signalling import announcer
from tests.signalling.actor import Actor
from tests.signalling.conftest import Connect, Server


def signal(to: Actor | str, packet: Any = None, **changed: Any) -> dict[str, Any]:
    to = to if isinstance(to, str) else to.id
    return {"room": "lobby", "to": to, "kind": "offer", "attempt": 1, "packet": packet, **changed}


@pytest.mark.parametrize(
    "packet", [b"sealed", {"type": "offer", "sdp": "v=0"}, {"a": [b"x", {"b": b"y"}]}, None, "text", 1.5, [1, None]]
)
@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_any_json_or_bytes_are_passed_on(server: Server, connect: Connect, transport: str, packet: Any) -> None:
    ada, bob = await connect(server.url, transport), await connect(server.url, transport)
    await ada.join("lobby")
    await bob.join("lobby")
    assert await ada.call("signal", signal(bob, packet)) == {}
    expected = {"room": "lobby", "from": ada.id, "kind": "offer", "attempt": 1, "packet": packet}
    assert await bob.next("signal") == expected


async def test_what_cannot_be_passed_on_is_refused(server: Server, connect: Connect) -> None:
    ada, bob = await connect(server.url), await connect(server.url)
    await ada.join("lobby")
    await bob.join("lobby")

    async def code(data: dict[str, Any]) -> str:
        return str((await ada.call("signal", data))["error"]["code"])

    assert await code(signal("a" * 32)) == "unknown-peer"
    assert await code(signal(bob, room="hall")) == "not-in-room"
    assert await code(signal(bob, "x" * 65_536)) == "too-large"
    assert await code(signal(bob, b"x" * 65_537)) == "too-large"
    assert await code(signal(bob, "x" * 1_000_000)) == "too-large"
    assert await code(signal(bob, b"x" * 1_000_000)) == "too-large"
    assert await code(signal(bob, attempt=-1)) == "bad-request"
    assert await code(signal(bob, kind="gossip")) == "bad-request"
    assert await ada.call("signal", signal(bob, b"x" * 65_536)) == {}
    await bob.close()
    await ada.next("roster")  # Bob came
    await ada.next("roster")  # Bob is away
    assert await code(signal(bob)) == "away"


@pytest.mark.parametrize("small", [16, 0], ids=["small room", "large room"])
async def test_a_delta_comes_before_a_signal_from_the_peer_that_it_announces(
    server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    monkeypatch.setattr(announcer, "SMALL_ROOM", small)
    ada, bob = await connect(server.url), await connect(server.url, "polling")
    await ada.join("lobby")
    await asyncio.gather(bob.sio.emit("join", bob.join_fields("lobby")), bob.sio.emit("signal", signal(ada)))
    await ada.next("signal")
    assert [event for event, _ in ada.log] == ["roster", "signal"]
