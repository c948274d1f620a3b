"""Pairs of direct paths in one process, connected by hand as a link does it by signals."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from peers.paths.direct import DirectPath
from peers.paths.ice_servers import IceServers, Memory
from signalling.protocol.events import IceServer
from tests.paths.check_path import DEADLINE, End, Pair


class DirectEnd(End):
    """One side: its path, what that told, and the candidates that it found."""

    def __init__(
        self, *, offers: bool, ice_servers: Sequence[IceServer] = (), attempt: int = 1, memory: Memory | None = None
    ) -> None:
        super().__init__()
        self.opened = 0
        self.candidates: list[dict[str, Any] | None] = []
        self.other: DirectEnd | None = None
        self.direct = self.path = DirectPath(
            attempt,
            offers=offers,
            ice_servers=IceServers(ice_servers, memory or Memory()),
            on_open=self.on_open,
            on_packet=self.on_packet,
            on_drain=self.on_drain,
            on_ended=self.on_ended,
            on_candidate=self.on_candidate,
        )

    def on_open(self) -> None:
        self._note("open")
        self.opened += 1

    def on_candidate(self, candidate: dict[str, Any] | None) -> None:
        self._note("candidate")
        self.candidates.append(candidate)
        if self.other is not None:
            self.other.direct.take_candidate(candidate)


MakeEnd = Callable[..., DirectEnd]
"""What makes an offering side from its ICE servers, and whatever else it takes."""


def ends(ice_servers: Sequence[IceServer] = (), memory: Memory | None = None) -> tuple[DirectEnd, DirectEnd]:
    """An offering and an answering side, each getting the other's candidates."""
    left = DirectEnd(offers=True, ice_servers=ice_servers, memory=memory)
    right = DirectEnd(offers=False, ice_servers=ice_servers, memory=memory)
    left.other, right.other = right, left
    return left, right


async def describe(left: DirectEnd, right: DirectEnd) -> None:
    """Pass offer and answer."""
    await left.direct.take_answer(await right.direct.answer(await left.direct.offer()))


async def make_direct_pair(ice_servers: Sequence[IceServer] = ()) -> Pair:
    """A pair that is open on both sides."""
    left, right = ends(ice_servers)
    async with asyncio.timeout(DEADLINE):
        await describe(left, right)
        for end in (left, right):
            await end.until(lambda end=end: end.opened == 1)  # type: ignore[misc]
    return Pair(left, right)
