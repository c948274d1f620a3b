"""The clients that are connected: what the server knows of each."""

import asyncio
import dataclasses
from typing import NamedTuple

from signalling.access import OPEN, Access
from signalling.outbox import Outbox
from signalling.protocol.ids import is_guest
from signalling.throttle import TokenBucket


@dataclasses.dataclass(slots=True)
class Seat:
    """A client's place in one room: whom it speaks as. `relay_texts` is the text of its relays, spelled beforehand."""

    room: str
    peer: str
    relay_texts: tuple[str, str]
    is_guest: bool = dataclasses.field(init=False)
    """Whether it may signal and nothing else."""

    def __post_init__(self) -> None:
        self.is_guest = is_guest(self.peer)


@dataclasses.dataclass(slots=True)
class RelayCount:
    """Which relays of a client have been taken and which of those it has been told of (V4)."""

    last: int = -1
    untold_bytes: int = 0
    timer: asyncio.TimerHandle | None = None


class LinkEnds(NamedTuple):
    """How many links a client has on which path, by its own word."""

    direct: int = 0
    turn: int = 0
    relay: int = 0


@dataclasses.dataclass(slots=True)
class Client:
    """One Socket.IO connection. `host` is what it named in the Host header of its first request."""

    sid: str
    host: str
    outbox: Outbox
    events: TokenBucket
    relay_bytes: TokenBucket
    access: Access = OPEN
    lock: asyncio.Lock = dataclasses.field(default_factory=asyncio.Lock)
    waiting: int = 0
    seats: dict[str, Seat] = dataclasses.field(default_factory=dict)
    relays: RelayCount = dataclasses.field(default_factory=RelayCount)
    links: LinkEnds = dataclasses.field(default_factory=LinkEnds)

    @property
    def is_member(self) -> bool:
        """Whether it is in a room, and not as a guest."""
        for seat in self.seats.values():  # noqa: SIM110 - it is asked of every client for each look at the metrics
            if not seat.is_guest:
                return True
        return False


Clients = dict[str, Client]
"""Every connected client by its sid."""
