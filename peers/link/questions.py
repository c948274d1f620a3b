"""What an application waits for: that everything was handled, and round trips."""

import asyncio
from collections.abc import Callable

from peers.errors import NotInRoom, Undelivered
from peers.session.events import Outbound, PathName
from peers.session.link_core import LinkCore


class Questions:
    """Flushes and pings of one link that have not been answered yet. `ask()`: there is something for the link to do."""

    def __init__(self, core: LinkCore, ask: Callable[[], None]) -> None:
        self._core, self._ask = core, ask
        self._loop = asyncio.get_running_loop()
        self._flushes: dict[int, asyncio.Future[None]] = {}
        self._pings: dict[int, asyncio.Future[tuple[float, PathName]]] = {}
        self._change = asyncio.Event()
        self._refusal: str | None = None

    async def flush(self) -> None:
        """Wait until everything sent before was handled by the peer. Raises Undelivered or NotInRoom."""
        self._check()
        mark = self._core.session.flush(self._loop.time())
        done = self._flushes[mark] = self._loop.create_future()
        self._ask()
        try:
            await done
        finally:
            self._flushes.pop(mark, None)

    async def ping(self) -> tuple[float, PathName]:
        """The round trip in seconds of a ping by the path in use, and that path. Raises NotInRoom."""
        self._check()
        while not self._core.bound or (number := self._core.session.ping(self._loop.time())) is None:
            self._core.start(self._loop.time())
            self._ask()
            self._change.clear()
            await self._change.wait()
            self._check()
        answer: asyncio.Future[tuple[float, PathName]] = self._loop.create_future()
        self._pings[number] = answer
        self._ask()
        try:
            return await answer
        finally:
            self._pings.pop(number, None)

    def flushed(self, mark: int) -> None:
        """The peer has handled everything before this mark."""
        if (done := self._flushes.get(mark)) is not None and not done.done():
            done.set_result(None)

    def answered(self, number: int, rtt: float, path: PathName) -> None:
        """The peer answered a ping."""
        if (answer := self._pings.get(number)) is not None and not answer.done():
            answer.set_result((rtt, path))

    def changed(self) -> None:
        """A path or a key has come: what could not be asked before may be now."""
        self._change.set()

    def fail(self, undelivered: list[Outbound], reason: str) -> None:
        """The session is over: there will be no answers."""
        for done in self._flushes.values():
            if not done.done():
                done.set_exception(Undelivered("the peer", undelivered, reason))
        for answer in self._pings.values():
            if not answer.done():
                answer.set_exception(NotInRoom(f"the peer did not answer: {reason}"))
        self._change.set()

    def refuse(self, reason: str) -> None:
        """The link is over: nothing can be asked any more."""
        self._refusal = reason
        self._change.set()

    def _check(self) -> None:
        if self._refusal is not None:
            raise NotInRoom(f"this peer cannot be reached: {self._refusal}")
