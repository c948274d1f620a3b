"""Relay events that are put together without python-socketio: the same ones, and nothing else."""

import json
from typing import Any

import pytest

from signalling.engine.relays import RelayReader
from signalling.protocol.events import Relay
from signalling.protocol.limits import MAX_ATTACHED_BYTES
from tests.signalling.actor import Actor
from tests.signalling.conftest import Connect, Server
from tests.signalling.raw import RawClient


def _text(count: int = 1, *, head: str = "45{}-", order: list[int] | None = None, **changed: Any) -> str:
    packets = [{"_placeholder": True, "num": number} for number in (order or range(count))]
    event = {"room": "lobby", "n": 7, "to": ["ada"], "packets": packets, **changed}
    return head.format(count) + json.dumps(["relay", event], separators=(",", ":"))


@pytest.mark.parametrize("namespace", ["/", "/talk"])
def test_a_relay_is_complete_with_its_last_attachment(namespace: str) -> None:
    reader = RelayReader(namespace)
    assert reader.begin(_text(2, head="45{}-" if namespace == "/" else "45{}-/talk,"))
    assert reader.add(b"one") is None
    assert reader.waiting
    assert reader.add(b"two") == Relay(room="lobby", n=7, to=["ada"], packets=[b"one", b"two"])
    assert not reader.waiting


@pytest.mark.parametrize(
    "text",
    [
        _text(2, order=[1, 0]),
        _text(2, order=[0]),
        _text(1, order=[0, 1]),
        _text(258),
        _text(n="7"),
        _text(to=[1]),
        _text(packets=["AA"]),
        _text(head="45{}-/talk,"),
        _text(head="45{}-12"),
        _text()[:-2],
        _text().replace("relay", "signal"),
        _text().replace("true", "false"),
        '450-["relay",{"room":"lobby","n":7,"to":[],"packets":[]}]',
        '42["relay",{}]',
    ],
)
def test_what_is_unusual_is_left_alone(text: str) -> None:
    reader = RelayReader("/")
    assert not reader.begin(text)
    assert not reader.waiting


def test_attachments_are_bounded() -> None:
    reader = RelayReader("/")
    reader.begin(_text(2))
    reader.add(bytes(MAX_ATTACHED_BYTES))
    with pytest.raises(ValueError, match="1000000 bytes"):
        reader.add(b"x")


async def test_placeholders_in_another_order_are_relayed_too(server: Server, connect: Connect) -> None:
    bob = await connect(server.url)
    await bob.join("lobby")
    async with _joined(server) as raw:
        await raw.ws.send_str(_text(2, order=[1, 0], to=[bob.id]))
        await raw.ws.send_bytes(b"one")
        await raw.ws.send_bytes(b"two")
        event = await bob.next("relay")
        assert (event["packet"], event["body"]) == (b"two", b"one")


async def test_a_pong_may_come_before_an_attachment(server: Server, connect: Connect) -> None:
    bob = await connect(server.url)
    await bob.join("lobby")
    async with _joined(server) as raw:
        await raw.ws.send_str(_text(to=[bob.id]))
        await raw.ws.send_str("3")
        await raw.ws.send_bytes(b"one")
        assert (await bob.next("relay"))["packet"] == b"one"


@pytest.mark.parametrize("then", ['42["leave",{}]', "4", "bytes"])
async def test_who_sends_something_else_than_an_attachment_is_cut_off(server: Server, then: str) -> None:
    async with _joined(server) as raw:
        await raw.ws.send_str(_text(2))
        if then == "bytes":
            await raw.ws.send_bytes(bytes(600_000))
            await raw.ws.send_bytes(bytes(600_000))
        else:
            await raw.ws.send_str(then)
        assert await raw.closed()


class _joined(RawClient):  # noqa: N801
    """A client that is in the room."""

    def __init__(self, server: Server) -> None:
        super().__init__(server.url)

    async def __aenter__(self) -> "_joined":
        await super().__aenter__()
        eve = Actor(self.url)
        await self.call("join", eve.join_fields("lobby", proof=eve.proof("lobby", sid=await self.greet())))
        return self
