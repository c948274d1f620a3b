"""What is kept until it has arrived, written to disk beside everything else, many at a time.

An event is in memory at once and on disk soon; `settled` waits for that. While the disk takes nothing, what is new
stays in memory, bounded, and is sent from there.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from signalling.webhooks.database import Database, Dead, State, StoreError, Waiting, Webhook

log = logging.getLogger(__name__)

_AGAIN: Final = 1.0
"""Seconds until the disk is tried again."""
_CACHED: Final = 8_388_608
"""Bytes of bodies that are on disk and in memory too: what is new is sent without being read again."""
_UNWRITTEN: Final = 16_777_216
"""Bytes of webhooks that may wait for the disk."""
_OVERHEAD: Final = 512
"""What one costs beside its body, roughly."""

T = TypeVar("T")


def size_of(webhook: Webhook) -> int:
    """What one takes, in bytes."""
    return len(webhook.body) + _OVERHEAD


class Outbox:
    """Webhooks by their numbers. `on_lost` is called with the number of one that there was no room for in memory."""

    def __init__(self, path: str, on_lost: Callable[[int], None]) -> None:
        self._path = path
        self._on_lost = on_lost
        self._thread = ThreadPoolExecutor(1, "webhooks")
        self._database: Database | None = None
        self._changes = _Changes()
        self._written: OrderedDict[int, Webhook] = OrderedDict()
        self._written_bytes = 0
        self._writing: _Changes | None = None
        self._work = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._closing = False
        self.failures = 0
        """How often the disk has taken nothing."""
        self.error: str | None = None
        """Why it takes nothing now."""

    async def open(self) -> list[Waiting]:
        """Opens the store and gives what is in it. Raises StoreError."""
        self._database = await self._call(Database, self._path)
        waiting = await self._call(self._database.load)
        self._writer = asyncio.ensure_future(self._write())
        return waiting

    async def close(self) -> None:
        """Writes what is left, if the disk takes it."""
        self._closing = True
        self._work.set()
        if self._writer is not None:
            await asyncio.wait([self._writer])
        self._changes.done(StoreError("the server is closing"))
        if self._database is not None:
            database, self._database = self._database, None
            await self._call(database.close)
        self._thread.shutdown()

    def add(self, number: int, webhook: Webhook) -> None:
        """Keeps another one; its number is the highest yet."""
        changes = self._changes
        changes.added[number] = webhook
        changes.bytes += size_of(webhook)
        while changes.bytes > _UNWRITTEN and len(changes.added) > 1:
            oldest = next(iter(changes.added))
            self.remove(oldest)
            self._on_lost(oldest)
        self._work.set()

    def change(self, number: int, state: State) -> None:
        """Keeps what has become of one."""
        self._changes.changed[number] = state
        self._work.set()

    def move(self, old: int, new: int) -> None:
        """A dead letter is to be tried again, under a new number."""
        self._changes.moved[new] = old
        self._work.set()

    def remove(self, number: int) -> None:
        """Forgets one."""
        webhook = self._written.pop(number, None)
        if webhook is not None:
            self._written_bytes -= size_of(webhook)
        changes = self._changes
        changes.changed.pop(number, None)
        if (unwritten := changes.added.pop(number, None)) is not None:
            changes.bytes -= size_of(unwritten)
        else:
            changes.removed.add(number)
        self._work.set()

    async def find(self, number: int) -> Webhook | None:
        """One that is kept. Raises StoreError."""
        for place in (self._changes.added, self._writing.added if self._writing else {}, self._written):
            if (webhook := place.get(number)) is not None:
                return webhook
        database = self._opened()
        for changes in (self._changes, self._writing):
            if changes is not None and number in changes.moved:
                found = await self._call(database.find, changes.moved[number])
                if found is not None:
                    return found
        return await self._call(database.find, number)

    async def dead(self, after: int, most: int) -> list[Dead]:
        """See `Database.dead`. Raises StoreError."""
        await self._flushed()
        return await self._call(self._opened().dead, after, most)

    async def settled(self) -> None:
        """Waits until all that was added is on disk, or has arrived. Raises StoreError if the disk does not take it."""
        if self._changes.added:
            await self._written_down(self._changes)
        elif self._writing is not None and self._writing.added:
            await self._written_down(self._writing)

    async def _flushed(self) -> None:
        if self._changes:
            await self._written_down(self._changes)
        elif self._writing is not None:
            await self._written_down(self._writing)

    async def _written_down(self, changes: "_Changes") -> None:
        if self._writer is None or self._writer.done():
            raise StoreError("the server is closing")
        await changes.wait()

    async def _write(self) -> None:
        """Writes, as long as there is something: while one group is being written, the next one gathers."""
        while not (self._closing and not self._changes):
            if not self._changes:
                self._work.clear()
                await self._work.wait()
                continue
            group = self._writing = self._changes
            self._changes = _Changes()
            try:
                await self._call(self._opened().write, group.added, group.changed, group.removed, group.moved)
            except Exception as error:
                self._failed(group, error if isinstance(error, StoreError) else StoreError(repr(error)))
                if self._closing:
                    return
                await asyncio.sleep(_AGAIN)
            else:
                self._succeeded(group)

    def _succeeded(self, group: "_Changes") -> None:
        self._writing = None
        if self.error is not None:
            log.warning("webhooks are stored again")
            self.error = None
        for number, webhook in group.added.items():
            if number not in self._changes.removed:
                self._written[number] = webhook
                self._written_bytes += size_of(webhook)
        while self._written_bytes > _CACHED:
            _, webhook = self._written.popitem(last=False)
            self._written_bytes -= size_of(webhook)
        group.done(None)

    def _failed(self, group: "_Changes", error: StoreError) -> None:
        self._writing = None
        self.failures += 1
        if self.error is None:
            log.error("webhooks cannot be stored (%s): those that are new stay in memory", error)
        self.error = str(error)
        newer, self._changes = self._changes, group.followed_by(self._changes)
        group.done(error)
        newer.done(error)

    def _opened(self) -> Database:
        if self._database is None:
            raise StoreError("the server is closing")
        return self._database

    async def _call(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)


class _Changes:
    """What is to be written at once, and who waits for it."""

    def __init__(self) -> None:
        self.added: OrderedDict[int, Webhook] = OrderedDict()
        self.bytes = 0
        self.changed: dict[int, State] = {}
        self.removed: set[int] = set()
        self.moved: dict[int, int] = {}
        self._waiters: list[asyncio.Future[None]] = []

    def __bool__(self) -> bool:
        # Who waits is to be told even if nothing is left to be written.
        return bool(self.added or self.changed or self.removed or self.moved or self._waiters)

    async def wait(self) -> None:
        """Until it has been written. Raises StoreError."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    def done(self, error: StoreError | None) -> None:
        """It has been written, or not."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None) if error is None else waiter.set_exception(error)
        self._waiters.clear()

    def followed_by(self, newer: "_Changes") -> "_Changes":
        """Both in one, to be tried again."""
        both = _Changes()
        both.added = OrderedDict(
            (number, webhook) for number, webhook in self.added.items() if number not in newer.removed
        )
        both.added.update(newer.added)
        both.bytes = sum(map(size_of, both.added.values()))
        both.changed = {**self.changed, **newer.changed}
        both.removed = self.removed | {number for number in newer.removed if number not in self.added}
        both.moved = {**self.moved, **newer.moved}
        for number in both.removed:
            both.changed.pop(number, None)
        return both
