"""One endpoint: a URL that webhooks are sent to, and what waits for it."""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Final

from signalling.logs import Line
from signalling.webhooks.database import State, StoreError, Webhook
from signalling.webhooks.lanes import Lanes
from signalling.webhooks.outbox import Outbox
from signalling.webhooks.sender import Outcome, Sender

log = logging.getLogger(__name__)

_AT_ONCE: Final = 16
"""Requests to one endpoint that may be on their way at a time."""
_LAST_WORDS: Final = 2.0
"""Seconds for those on their way when the server ends; they are sent again when it is back, if they have no answer."""
GONE: Final = "the endpoint is disabled: it answered 410"


class Counts:
    """What became of webhooks since the start."""

    def __init__(self) -> None:
        self.accepted = 0
        self.delivered = 0
        self.failed = 0
        """Tries that failed."""
        self.dead = 0
        """That became dead letters."""
        self.dropped = 0
        """That there was no room for, or that a disabled endpoint was to get."""


class Endpoint:
    """Sends what waits for one URL, in order for each room. `on_dead` is told of each new dead letter, `on_removed` of
    each that is done with.
    """

    def __init__(
        self,
        url: str,
        sender: Sender,
        outbox: Outbox,
        counts: Counts,
        *,
        on_dead: Callable[[int], None],
        on_removed: Callable[[int], None],
    ) -> None:
        self.url = url
        self.lanes = Lanes(_AT_ONCE, random.random)
        self.disabled = False
        self.error: str | None = None
        """Why the latest try failed, if it did."""
        self._sender = sender
        self._outbox = outbox
        self._counts = counts
        self._on_dead = on_dead
        self._on_removed = on_removed
        self._news = asyncio.Event()
        self._tries: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to send."""
        self._task = asyncio.ensure_future(self._run())

    async def close(self) -> None:
        """Ends, after a moment for the answers to what was sent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._tries:
            await asyncio.wait(self._tries, timeout=_LAST_WORDS)
        for task in self._tries:
            task.cancel()
        if self._tries:
            await asyncio.wait(self._tries)

    def add(self, number: int, room: str, failures: int = 0) -> None:
        """There is another one, kept in the outbox."""
        self.lanes.add(number, room, failures)
        self._news.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while (number := self.lanes.next(loop.time())) is not None:
                task = asyncio.ensure_future(self._try(number))
                self._tries.add(task)
                task.add_done_callback(self._tries.discard)
            self._news.clear()
            due = self.lanes.next_timeout()
            timer = loop.call_at(due, self._news.set) if due is not None else None
            try:
                await self._news.wait()
            finally:
                if timer is not None:
                    timer.cancel()

    async def _try(self, number: int) -> None:
        try:
            webhook = await self._outbox.find(number)
            if webhook is None:
                self.lanes.lost(number)
                return
            outcome = await self._sender.send(self.url, webhook.id, webhook.body)
            self._tried(number, webhook, outcome)
        except StoreError as error:
            self._failed(number, f"it cannot be read from the store: {error}", 0.0, "")
        except Exception as error:  # whatever it is, the room's other webhooks go on
            log.exception(Line("webhook failed", endpoint=self.url))
            self._failed(number, f"{type(error).__name__}: {error}", 0.0, "")
        finally:
            self._news.set()

    def _tried(self, number: int, webhook: Webhook, outcome: Outcome) -> None:
        if not outcome.error:
            self.error = None
            self._counts.delivered += 1
            if self.lanes.delivered(number):
                self._outbox.remove(number)
                self._on_removed(number)
            return
        self._failed(number, outcome.error, outcome.retry_after, webhook.id)
        if outcome.gone:
            self._disable()

    def _failed(self, number: int, error: str, retry_after: float, id: str) -> None:
        self._counts.failed += 1
        if self.error != error:
            log.warning(Line("webhook not delivered", endpoint=self.url, id=id, error=error))
        self.error = error
        failed = self.lanes.failed(number, asyncio.get_running_loop().time(), retry_after)
        if failed is None:
            return
        if failed.again:
            self._outbox.change(number, State(failed.failures, False, error))
        else:
            self._bury(number, failed.failures, error)

    def _bury(self, number: int, failures: int, error: str) -> None:
        self._counts.dead += 1
        self._outbox.change(number, State(failures, True, error))
        self._on_dead(number)

    def _disable(self) -> None:
        if not self.disabled:
            self.disabled = True
            log.warning(
                Line("webhooks are off: it answered 410; a replay or a restart turns them on again", endpoint=self.url)
            )
        for number in self.lanes.clear():
            self._bury(number, 0, GONE)
