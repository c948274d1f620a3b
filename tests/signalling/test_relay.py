"""Relays: passed on, acknowledged in bulk, refused one by one (V4)."""

import asyncio
from typing import Any

import pytest

from signalling import announcer
from signalling.protocol.events import PeerAway
from tests.signalling.actor import Actor
from tests.signalling.conftest import Connect, Server, StartServer


async def members(server: Server, connect: Connect, count: int, transport: str = "websocket") -> list[Actor]:
    """Members of the lobby."""
    actors = [await connect(server.url, transport) for _ in range(count)]
    for actor in actors:
        await actor.join("lobby")
    return actors


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_packet_reaches_the_peer_it_is_for(server: Server, connect: Connect, transport: str) -> None:
    ada, bob = await members(server, connect, 2, transport)
    n = await ada.relay("lobby", [bob.id], [b"sealed"])
    assert await bob.next("relay") == {"room": "lobby", "from": ada.id, "packet": b"sealed"}
    assert await ada.next("relayed") == {"n": n}


async def test_each_recipient_gets_its_packet_and_the_body(server: Server, connect: Connect) -> None:
    ada, bob, cyd = await members(server, connect, 3)
    await ada.relay("lobby", [bob.id, cyd.id], [b"for Bob", b"for Cyd", b"for all"])
    expected = {"room": "lobby", "from": ada.id, "body": b"for all"}
    assert await bob.next("relay") == {**expected, "packet": b"for Bob"}
    assert await cyd.next("relay") == {**expected, "packet": b"for Cyd"}


@pytest.mark.parametrize("small", [16, 0], ids=["small room", "large room"])
@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_delta_comes_before_what_is_relayed_from_the_peer_that_it_announces(
    server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch, transport: str, small: int
) -> None:
    monkeypatch.setattr(announcer, "SMALL_ROOM", small)
    (ada,) = await members(server, connect, 1)
    bob = await connect(server.url, transport)  # with polling both come in one turn of the server's loop
    fields = bob.join_fields("lobby")
    await asyncio.gather(
        bob.sio.emit("join", fields),
        bob.sio.emit("relay", {"room": "lobby", "n": 1, "to": [ada.id], "packets": [b"first"]}),
    )
    await ada.next("relay")
    assert [event for event, _ in ada.log] == ["roster", "relay"]


async def test_relays_are_acknowledged_every_64_kilobytes(server: Server, connect: Connect) -> None:
    ada, bob = await members(server, connect, 2)
    for _ in range(20):
        await ada.relay("lobby", [bob.id], [bytes(60_000)])
    told: list[int] = []
    while not told or told[-1] < 20:
        told.append((await ada.next("relayed"))["n"])
    assert told == sorted(set(told))
    assert told[0] <= 2, "64 KB are two of them"


async def test_relays_are_acknowledged_within_50_milliseconds(server: Server, connect: Connect) -> None:
    ada, bob = await members(server, connect, 2)
    took = []
    for _ in range(5):
        start = asyncio.get_running_loop().time()
        n = await ada.relay("lobby", [bob.id], [b"small"])
        assert await ada.next("relayed") == {"n": n}
        took.append(asyncio.get_running_loop().time() - start)
    assert min(took) < 0.05


async def test_what_cannot_be_passed_on_is_refused_by_number_and_name(server: Server, connect: Connect) -> None:
    ada, bob, cyd = await members(server, connect, 3)
    await cyd.close()
    await ada.change(PeerAway)
    n = await ada.relay("lobby", ["stranger", bob.id, cyd.id], [b"1", b"2", b"3"])
    assert await ada.next("refused") == {"n": n, "to": "stranger", "code": "unknown-peer"}
    assert await ada.next("refused") == {"n": n, "to": cyd.id, "code": "away"}
    assert (await bob.next("relay"))["packet"] == b"2"
    assert await ada.next("relayed") == {"n": n}
    names = [event for event, _ in ada.log if event.startswith("re")]
    assert names[-3:] == ["refused", "refused", "relayed"], "a refusal after the acknowledgement comes too late"


async def test_a_stranger_to_the_room_relays_nothing(server: Server, connect: Connect) -> None:
    (ada,) = await members(server, connect, 1)
    eve = await connect(server.url)
    n = await eve.relay("lobby", [ada.id], [b"x"])
    assert await eve.next("refused") == {"n": n, "to": ada.id, "code": "not-in-room"}
    assert await eve.next("relayed") == {"n": n}
    assert not ada.waiting("relay")


async def test_a_packet_that_is_too_large(server: Server, connect: Connect) -> None:
    ada, bob = await members(server, connect, 2)
    n = await ada.relay("lobby", [bob.id], [bytes(60_001)])
    assert await ada.next("refused") == {"n": n, "to": bob.id, "code": "too-large"}


async def test_too_many_bytes_a_second(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(relay_rate=10_000.0, relay_burst=100_000)
    ada, bob = await members(server, connect, 2)
    await ada.relay("lobby", [bob.id], [bytes(60_000)])
    n = await ada.relay("lobby", [bob.id], [bytes(60_000)])
    assert await ada.next("refused") == {"n": n, "to": bob.id, "code": "rate-limited"}
    await bob.next("relay")
    assert not bob.waiting("relay")


@pytest.mark.parametrize(
    "changed",
    [
        {"n": 0, "again": True},
        {"n": 2**53},
        {"to": []},
        {"to": ["a"] * 257, "packets": [b""] * 257},
        {"packets": []},
        {"packets": [b"1", b"2", b"3"]},
        {"packets": ["text"]},
        {"room": 1},
    ],
)
async def test_a_relay_that_makes_no_sense(server: Server, connect: Connect, changed: dict[str, Any]) -> None:
    ada, bob = await members(server, connect, 2)
    fields: dict[str, Any] = {"room": "lobby", "n": 0, "to": [bob.id], "packets": [b"x"]}
    if changed.pop("again", False):
        await ada.sio.emit("relay", fields)
        await ada.next("relayed")
        await bob.next("relay")
    reply = await ada.call("relay", {**fields, **changed})
    assert reply["error"]["code"] == "bad-request"
    assert not bob.waiting("relay")
