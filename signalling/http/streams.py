"""All that wait over HTTP for posts: how many may, who reads too slowly, and what they are told at the end."""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Iterator
from typing import Protocol

from signalling.access import Access
from signalling.config import Config
from signalling.http.api.gate import Gate
from signalling.http.api.types import Closing
from signalling.logs import Line
from signalling.protocol.errors import ProtocolError

log = logging.getLogger(__name__)


class Held(Protocol):
    """A request that is held until there are posts. Times are in seconds, monotonic."""

    access: Access

    def end(self, closing: Closing) -> None:
        """Answers what there is, says why, and ends."""

    def abort(self) -> None:
        """Ends the connection now."""

    def cut_off(self, closing: Closing, now: float) -> None:
        """Ends the connection of one who takes nothing."""

    def stalled_for(self, now: float) -> float:
        """For how many seconds it has taken nothing. Called once a second."""


class Streams:
    """Every stream and long-poll. Nothing is queued for any of them."""

    def __init__(self, config: Config, gate: Gate) -> None:
        self._config = config
        self._gate = gate
        self._held: dict[Held, str] = {}
        self._from: Counter[str] = Counter()
        self._none = asyncio.Event()
        self._closing: Closing | None = None
        self.cut = 0
        """How many were cut off since the start."""
        self.refused = 0
        """How many were refused, because there were too many."""

    def __len__(self) -> int:
        return len(self._held)

    @property
    def closing(self) -> bool:
        """Whether no more are taken."""
        return self._closing is not None

    def check(self, address: str) -> None:
        """Raises ProtocolError if one more from this address would be too many, or if the server is about to leave."""
        if self._closing is not None:
            raise ProtocolError(
                "shutting-down", "the server is about to leave", retry_after=self._config.reconnect_after
            )
        if self._from[address] >= self._config.max_streams:
            self.refused += 1
            raise ProtocolError(
                "rate-limited", f"one address may have {self._config.max_streams} streams at a time", retry_after=10.0
            )
        if len(self._held) >= self._config.max_all_streams:
            self.refused += 1
            raise ProtocolError("busy", "there are too many streams already", retry_after=10.0)

    @contextlib.contextmanager
    def hold(self, held: Held, address: str) -> Iterator[None]:
        """Looks after one, which `check` has let in just now."""
        self._held[held] = address
        self._from[address] += 1
        try:
            yield
        finally:
            del self._held[held]
            if not self._held:
                self._none.set()
            self._from[address] -= 1
            if not self._from[address]:
                del self._from[address]

    def sweep(self) -> None:
        """Keeps streams alive, ends those whose token has expired, cuts off those that take nothing. Once a second."""
        now = time.monotonic()
        for held, address in list(self._held.items()):
            stalled = held.stalled_for(now)
            if stalled > self._config.slow_timeout:
                self.cut += 1
                reason = f"nothing was read for {self._config.slow_timeout:g} s"
                log.warning(Line("stream cut off", address=address, user=held.access.user, reason=reason))
                held.cut_off(Closing(closing=reason, code="too-slow", retry_after=self._config.reconnect_after), now)
            elif self._gate.has_expired(held.access):
                held.end(Closing(closing="the token has expired", code="unauthorized", retry_after=0.0))

    async def close(self, patience: float) -> None:
        """Takes no more, tells all why, and waits for so many seconds until they have read it."""
        closing = self._closing = Closing(
            closing="the server is shutting down", code="shutting-down", retry_after=self._config.reconnect_after
        )
        for held in list(self._held):
            held.end(closing)
        self._none.clear()
        if self._held:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._none.wait()
        for held in list(self._held):
            held.abort()
