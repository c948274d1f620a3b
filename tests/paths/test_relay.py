"""The relay path keeps what a path promises, through a real server."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from peers.codec.frames import Lane
from peers.connection import TRANSPORTS, Connection
from peers.identity import Identity
from peers.membership import Membership
from peers.paths.relay import RelayPath, Relays
from signalling.protocol.limits import MAX_PACKET
from tests.paths.check_path import End, Pair, check_path
from tests.serving import serving
from tests.waiting import Log, eventually

LARGEST = MAX_PACKET - 1


class RelayEnd:
    """One program's end of a relay path: its lane is written before each packet, since a real one is sealed in it."""

    def __init__(self, url: str, end: End, finish: Any, transports: Sequence[str]) -> None:
        self._end, self._finish = end, finish
        self.connection = Connection(
            url,
            transports=transports,
            reconnect=False,
            on_event=self._event,
            on_connected=lambda: None,
            on_disconnected=lambda reason: self._ended(reason),
            on_closed=lambda error: None,
            on_error=lambda error: None,
        )
        self.identity = Identity.generate()
        self._relays = Relays(self.connection)
        self.refusals: Log[Any] = Log()
        self.path: RelayPath
        self._over = False

    async def join(self) -> None:
        """Become a member of the room."""
        await self.connection.open()
        membership = Membership(self.identity, bytes(range(32)), "r", {})
        event = membership.join(
            origin=self.connection.origin, sid=self.connection.sid, connection=self.connection.number
        )
        await self.connection.request("join", msgspec.to_builtins(event))

    def meet(self, peer: str) -> None:
        """Make the path to a peer."""
        self.path = RelayPath(
            self._relays,
            "r",
            peer,
            on_drain=lambda: None if self._over else self._end.on_drain(),
            on_refused=lambda what, code: self.refusals((what, code)),
        )

    @property
    def waiting(self) -> int:
        return self.path.waiting

    def send(self, lane: Lane, packet: bytes) -> None:
        if not packet:
            raise ValueError("an empty packet")
        if not self._over:
            self.path.send(bytes([lane]) + packet, packet)

    async def close(self) -> None:
        self._ended("closed")
        await self.connection.close()
        self._relays.reset()
        await self._finish(self)

    def _event(self, name: str, data: Any) -> None:
        if name == "relay" and not self._over:
            self._end.on_packet(Lane(data["packet"][0]), bytes(data["packet"][1:]))
        elif name == "relayed":
            self._relays.relayed(data["n"])
        elif name == "refused":
            self._relays.refused(data["n"], data["to"], data["code"])
        elif name == "roster" and any(c["change"] in ("peer-away", "peer-left") for c in data["changes"]):
            self._ended("the peer's connection is gone")

    def _ended(self, reason: str) -> None:
        if not self._over:
            self._over = True
            self._end.on_ended(reason)


async def make_relay_pair(transports: Sequence[str] = TRANSPORTS) -> Pair:
    """Two programs in one room of a server of their own."""
    stack = contextlib.AsyncExitStack()
    url = await stack.enter_async_context(serving())
    open_ends: set[RelayEnd] = set()

    async def finish(end: RelayEnd) -> None:
        open_ends.discard(end)
        if not open_ends:
            await stack.aclose()

    left, right = End(), End()
    ends = [RelayEnd(url, end, finish, transports) for end in (left, right)]
    open_ends.update(ends)
    for end in ends:
        await end.join()
    one, two = ends
    one.meet(two.identity.id)
    two.meet(one.identity.id)
    left.path, right.path = one, two
    return Pair(left, right)


TestRelayPath = check_path(make_relay_pair, largest=LARGEST)


async def test_what_the_server_refuses_comes_back_with_its_reason() -> None:
    pair = await make_relay_pair()
    one, two = pair.left.path, pair.right.path
    assert isinstance(one, RelayEnd)
    assert isinstance(two, RelayEnd)
    one.meet("a" * 32)
    one.send(Lane.RELIABLE, b"to nobody")
    assert (await one.refusals.count(1))[0] == (b"to nobody", "unknown-peer")
    await eventually(lambda: one.waiting == 0)
    await pair.close()


async def test_what_is_sent_in_one_turn_goes_as_one_event(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = await make_relay_pair()
    one = pair.left.path
    assert isinstance(one, RelayEnd)
    sizes: list[int] = []
    emit = one.connection.emit

    async def count(event: str, data: Any) -> None:
        sizes.append(len(data["packets"]))
        await emit(event, data)

    monkeypatch.setattr(one.connection, "emit", count)
    for number in range(100):
        one.send(Lane.RELIABLE, bytes([number]))
    await pair.right.until(lambda: len(pair.right.packets) == 100)
    assert len(sizes) < 5
    assert sum(sizes) == 100
    await pair.close()
    await asyncio.sleep(0)


async def test_a_request_of_long_polling_takes_all_that_is_sent_in_one_turn() -> None:
    pair = await make_relay_pair(["polling"])
    for number in range(600):
        pair.left.path.send(Lane.RELIABLE, number.to_bytes(2))
    await pair.right.until(lambda: len(pair.right.packets) == 600)
    await pair.close()
    await asyncio.sleep(0)
