"""Tries to reach a server, side by side: while one hangs, as where a network is gone, another one is begun."""

import asyncio
import contextlib
import random
import socket
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

OVERLAP: Final = 1.5, 2.5
"""Seconds that a try may hang before another one is begun: between these, so that clients do not keep step. The
first packet of a TCP connection is repeated 1, 3 and 7 s after it (by Linux from 6.5 on every second at first): one
try alone may take 4 s to notice that the network is there again."""
MOST_TRIES: Final = 5
"""Tries that hang at a time."""

T = TypeVar("T")


class Line:
    """The TCP connections of one try: whether anybody has answered."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self._answered = False

    def make_socket(self, address: Any) -> socket.socket:
        """A socket for an address as `getaddrinfo` gives it: aiohttp's `socket_factory`."""
        family, kind, protocol, *_ = address
        made = socket.socket(family, kind, protocol)
        self._sockets.append(made)
        return made

    def look(self) -> None:
        """Note whether there is a connection now: once its socket is closed nobody can tell."""
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.getpeername()
                self._answered = True

    @property
    def answered(self) -> bool:
        """Whether anybody had answered when this was last looked at."""
        return self._answered

    @property
    def hangs(self) -> bool:
        """Whether the server's address is known, and nobody there has answered yet."""
        self.look()
        return bool(self._sockets) and not self._answered


async def first_of(begin: Callable[[Line], Coroutine[Any, Any, T]], give_up: Callable[[asyncio.Task[T]], None]) -> T:
    """What the first try to end comes to; another one is begun while all before it hang.

    `give_up` gets those that have not ended, and has to see to it that nothing remains of them.
    """
    tries: dict[asyncio.Task[T], Line] = {}
    try:
        while True:
            if len(tries) < MOST_TRIES and all(line.hangs for line in tries.values()):
                line = Line()
                tries[asyncio.ensure_future(begin(line))] = line
            done, _ = await asyncio.wait(tries, timeout=random.uniform(*OVERLAP), return_when=asyncio.FIRST_COMPLETED)
            if done:
                # One that has succeeded, if any has. A failure ends the others, too: somebody answers now, or it has
                # hung for as long as it may.
                ended = min(done, key=lambda task: task.cancelled() or task.exception() is not None)
                del tries[ended]
                return ended.result()
    finally:
        for task in tries:
            give_up(task)
