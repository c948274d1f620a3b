"""The network between clients of this process: cut, healed, delayed and lossy when told so."""

import functools
import math
import random
from collections.abc import Callable
from types import TracebackType
from typing import Any, ClassVar, Literal, Protocol, Self
from weakref import WeakValueDictionary

from peers.client import Client
from peers.testing.datagrams import Ends, Tap
from peers.testing.front import HEADER
from peers.testing.rules import PATHS, Kind
from peers.testing.server import Server
from peers.testing.wire import Wire

Path = Literal["direct", "relay"]


class Named(Protocol):
    """A Client, a Room or a Peer."""

    @property
    def id(self) -> str:
        """The program's id."""


Who = Named | str | None


class Network:
    """What is between the clients of this process, and between them and a `Server`.

    ``with Network(server) as network``. Clients made while it is there are known to it. Their direct paths are real
    (WebRTC over UDP), and so are their connections to the server (TCP, through a proxy in front of it).

    In each call `path` is ``"direct"``, ``"relay"`` or, if it is left out, both; `from_` and `to` narrow it down to
    what one program sends, or receives: a Client, Room or Peer, or an id. On the relay one of the two may be given, the
    other end being the server. Where two calls meet, the later one counts.
    """

    _current: ClassVar["Network | None"] = None

    def __init__(self, server: Server, *, seed: int = 0) -> None:
        self.server = server
        self._rules = server.rules
        self._rng = random.Random(seed)
        self._clients: WeakValueDictionary[str, Client] = WeakValueDictionary()
        self._tap = Tap(self._ends_of, self._make_wire)
        self._init: Callable[..., None] = Client.__init__

    def cut(self, path: Path | None = None, *, from_: Who = None, to: Who = None) -> None:
        """From now on nothing arrives, and nothing is told: packets are dropped, connections stall.

        Raises ValueError for a path or a program that does not exist.
        """
        self._say("cut", True, path, from_, to)

    def heal(self, path: Path | None = None, *, from_: Who = None, to: Who = None) -> None:
        """Undo `cut`. What was sent over TCP meanwhile arrives now; datagrams are gone."""
        self._say("cut", False, path, from_, to)

    def delay(self, seconds: float, path: Path | None = None, *, from_: Who = None, to: Who = None) -> None:
        """From now on packets take so many seconds more, one way. 0 undoes it."""
        if not 0 <= seconds < math.inf:
            raise ValueError(f"a delay is a number of seconds, 0 or more, not {seconds!r}")
        self._say("delay", seconds, path, from_, to)

    def loss(self, share: float, *, from_: Who = None, to: Who = None) -> None:
        """From now on this share of the datagrams of direct paths, from 0 to 1, is lost. 0 undoes it.

        The relay is over TCP, which loses nothing: a network that loses packets only delays it.
        """
        if not 0 <= share <= 1:
            raise ValueError(f"the share that is lost is from 0 to 1, not {share!r}")
        self._say("loss", share, "direct", from_, to)

    def hang_up(self, who: Who = None) -> None:
        """Break connections to the server off, so that both ends notice: those of one program, or all."""
        self.server.hang_up(None if who is None else self._id(who, "relay"))

    def reset(self) -> None:
        """Undo all of it."""
        self._rules.clear()
        self._changed()

    def __enter__(self) -> Self:
        if Network._current is not None:
            raise RuntimeError("there is one network at a time: leave the other one first")
        Network._current = self
        know = self._know

        @functools.wraps(self._init)
        def init(client: Client, *args: Any, **kwargs: Any) -> None:
            self._init(client, *args, **kwargs)
            know(client)

        # Programs under test make their clients themselves.
        Client.__init__ = init  # type: ignore[method-assign, assignment]
        self._tap.install()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._tap.remove()
        Client.__init__ = self._init  # type: ignore[method-assign]
        Network._current = None
        self.reset()

    # ---- inside

    def _say(self, kind: Kind, value: float, path: Path | None, from_: Who, to: Who) -> None:
        if path not in (None, *PATHS):
            raise ValueError(f"a path is 'direct' or 'relay', not {path!r}")
        sender, receiver = (None if who is None else self._id(who, path) for who in (from_, to))
        if sender is not None and receiver is not None and path != "direct":
            raise ValueError(
                "on the relay the other end is the server: give from_ or to, or name the path 'direct' to have both"
            )
        self._rules.add(kind, value, path, sender, receiver)
        self._changed()

    def _changed(self) -> None:
        self._tap.changed()
        self.server.changed()

    def _id(self, who: Named | str, path: Path | None) -> str:
        id = who if isinstance(who, str) else who.id
        if id in self._clients:
            return id
        if path == "direct" and any(id in room.peers for c in self._clients.values() for room in c.rooms.values()):
            return id  # a peer in another process: what passes between it and this one is known
        raise ValueError(
            f"no client of this process has the id {id!r}, or it was made before this network was. A peer in another "
            "process can be named for its direct paths alone: name the path 'direct'"
        )

    def _know(self, client: Client) -> None:
        self._clients[client.id] = client
        client._connection.headers[HEADER] = client.id

    def _ends_of(self, connection: Any) -> Ends | None:
        """Whose this ICE connection is, and to whom."""
        for client in list(self._clients.values()):
            for room in client.rooms.values():
                for peer in room.peers.values():
                    for path in peer._link.attempts.paths.values():
                        if path._stack is not None and path._stack._gatherer._connection is connection:
                            return client.id, peer.id
        return None

    def _make_wire(self, sender: str, receiver: str, deliver: Callable[[Any], None]) -> Wire:
        return Wire(lambda: self._rules.weather("direct", sender, receiver), self._rng, deliver)
