"""Watching a feed: posts as they come, over one connection after another."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import msgspec

from peers.connection import Connection
from peers.errors import ConnectionFailed, EitherwayError, Refused
from signalling.protocol import events as wire

if TYPE_CHECKING:
    from peers.peer import Peer

log = logging.getLogger("eitherway.feed")

MAX_WAITING: Final = 256
"""Posts that wait for one reader; then no more are sent, until it has read them: the server keeps them meanwhile."""
MAX_WAITING_BYTES: Final = 1_000_000
"""Or so many bytes of them, roughly; a single post may be larger."""
REFUSED_AGAIN: Final = frozenset({"busy", "rate-limited", "shutting-down", "internal"})
"""Refusals that waiting may mend."""


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """One post of a feed, which the server can read. `at` is Unix time in seconds, by the server's clock."""

    room: str
    id: int
    topic: str
    event: str
    data: Any
    sender: "Peer | str"
    """Whom it is from: a peer of the room that this program knows, or else a peer's id, or a token's user; empty for
    anybody."""
    at: float
    missed: bool = False
    """Whether posts between the one before and this one may be missing: the server has forgotten them."""


class Watches:
    """What one client watches, by the numbers that the server knows it by."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._number = 0
        self._live: dict[int, Watch] = {}
        self._all: dict[Watch, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._up = asyncio.Event()
        self._over: str | None = None

    async def until_connected(self) -> None:
        """Waits for a connection. Raises ConnectionFailed, Refused if there will be none."""
        if self._over is None and not self._up.is_set():
            await self.connection.open()
        while self._over is None and not self.connected_now:
            # One that is lost, and of which nobody has been told yet, is so for a turn or two.
            await (asyncio.sleep(0) if self._up.is_set() else self._up.wait())
        if self._over is not None:
            raise ConnectionFailed(self._over)

    @property
    def connected_now(self) -> bool:
        """Whether there is a connection."""
        return self._up.is_set() and self._over is None and self.connection.connected

    def add(self, watch: "Watch") -> None:
        """A watch that is to be told of what happens to the connection."""
        self._all[watch] = None

    def remove(self, watch: "Watch") -> None:
        """One that need not be any longer."""
        self._all.pop(watch, None)

    def number(self, watch: "Watch") -> int:
        """A new number for a watch: what comes for an old one is nobody's."""
        self._number += 1
        self._live[self._number] = watch
        return self._number

    def drop(self, room: str, number: int) -> None:
        """Nothing is wanted for this number any longer."""
        if self._live.pop(number, None) is not None and self.connection.connected:
            self._start(self._unwatch(room, number))

    def receive(self, event: wire.PostFrom | wire.Missed) -> None:
        """What the server sends."""
        watch = self._live.get(event.watch)
        if watch is not None:
            watch._receive(event)

    def connected(self) -> None:
        """There is a new connection, on which nothing is watched yet."""
        self._up.set()
        for watch in self._all:
            watch._wake()

    def disconnected(self) -> None:
        """It is gone."""
        self._up.clear()
        self._live.clear()
        for watch in self._all:
            watch._disconnected()

    def end(self, owner: object, reason: Exception | None = None) -> None:
        """Ends what somebody watches, with an error or without."""
        for watch in [watch for watch in self._all if watch._owner is owner]:
            watch._end(reason)

    def close(self, error: Exception | None = None) -> None:
        """There will be no connection any more: everyone ends."""
        self._over = str(error) if error is not None else "this client is closed; make a new one"
        self._up.set()
        for watch in list(self._all):
            watch._end(error)

    async def ended(self) -> None:
        """Until nothing is left of what was begun."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _unwatch(self, room: str, number: int) -> None:
        try:
            await self.connection.request("unwatch", {"room": room, "watch": number})
        except EitherwayError as error:
            log.debug("unwatching in %r: %s", room, error)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Watch:
    """Posts of a room as they come: ``async for post in room.watch("orders.*")``; made by `Feed.watch`.

    It begins with the first post that is asked for, or when it is entered with ``async with``; what is posted before
    that is not seen, unless `since` goes back to it. When the connection is lost it goes on with the next one where it
    was; so it does when its reader has been slow. Where the server has forgotten posts meanwhile, `Post.missed` tells.
    It ends when its room is left or its client is closed.
    """

    def __init__(
        self,
        watches: Watches,
        owner: object,
        room: str,
        topics: Sequence[str],
        events: Sequence[str],
        since: int | None,
        who: Callable[[str], "Peer | str"],
    ) -> None:
        self._owner = owner
        self._watches, self._room, self._who = watches, room, who
        self._topics, self._events = list(topics), list(events)
        self._last = since
        self._number: int | None = None
        self._posts: deque[tuple[Post, int]] = deque()
        self._bytes = 0
        self._missed = False
        self._begun = self._ended = False
        self._error: Exception | None = None
        self._news = asyncio.Event()

    @property
    def last(self) -> int | None:
        """The id of the newest post that has come, to go on from with `since`; None before the first one is known."""
        return self._posts[0][0].id - 1 if self._posts else self._last

    async def start(self) -> "Watch":
        """Begin to watch now. Raises ConnectionFailed, Refused."""
        if not self._begun:
            self._begun = True
            self._watches.add(self)
            try:
                while self._number is None and not self._ended:
                    await self._watches.until_connected()
                    await self._watch()
            except BaseException:
                self._end(None)
                raise
        return self

    async def close(self) -> None:
        """Watch no longer: whoever reads is done."""
        self._end(None)

    async def __aenter__(self) -> "Watch":
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[Post]:
        return self._read(leave=not self._begun)

    async def _read(self, leave: bool) -> AsyncIterator[Post]:
        try:
            await self.start()
            while (post := await self._next()) is not None:
                yield post
        finally:
            if leave:
                self._end(None)

    async def _next(self) -> Post | None:
        while not self._posts:
            if self._error is not None:
                raise self._error
            if self._ended:
                return None
            if self._number is None and self._watches.connected_now:
                await self._watch()
                continue
            self._news.clear()
            await self._news.wait()
        post, size = self._posts.popleft()
        self._bytes -= size
        return post

    # ---- inside

    async def _watch(self) -> None:
        """Watch from where it was, if the connection lasts."""
        while not self._ended and self._watches.connected_now:
            try:
                return await self._ask()
            except ConnectionFailed as error:
                if self._watches.connection.connected:
                    raise
                log.info("watching %r again: %s", self._room, error)
            except Refused as error:
                if error.code not in REFUSED_AGAIN:
                    raise
                log.warning("watching %r again: %s", self._room, error)
                await asyncio.sleep(error.retry_after or 1.0)
        return None

    async def _ask(self) -> None:
        event = wire.Watch(
            room=self._room,
            topics=self._topics,
            events=self._events,
            since=self._last,
            watch=self._watches.number(self),
        )
        self._number = event.watch
        try:
            told = await self._watches.connection.request("watch", msgspec.to_builtins(event))
            reply = msgspec.convert(told, wire.Watching)
        except BaseException:
            self._drop()
            raise
        if reply.missed and self._posts:  # they have been handled before this reply to what came before them
            first, size = self._posts[0]
            self._posts[0] = msgspec.structs.replace(first, missed=True), size
        elif reply.missed:
            self._missed = True
        if self._last is None:
            self._last = reply.id

    def _receive(self, event: wire.PostFrom | wire.Missed) -> None:
        """What the server sends for this watch."""
        self._last = event.id
        if isinstance(event, wire.Missed):
            self._missed = True
            return
        post = Post(
            room=event.room,
            id=event.id,
            topic=event.topic,
            event=event.event,
            data=event.data,
            sender=self._who(event.sender),
            at=event.at / 1_000,
            missed=self._missed,
        )
        size = len(msgspec.json.encode(event.data))
        self._missed = False
        self._posts.append((post, size))
        self._bytes += size
        if len(self._posts) >= MAX_WAITING or self._bytes >= MAX_WAITING_BYTES:
            self._drop()
        self._news.set()

    def _wake(self) -> None:
        """Something may be done now that could not be done before."""
        self._news.set()

    def _disconnected(self) -> None:
        """The connection is gone: watch again when what has come is read."""
        self._number = None
        self._news.set()

    def _end(self, error: Exception | None) -> None:
        """It is over, once what has come is read; what nobody reads any more is dropped."""
        self._watches.remove(self)
        if not self._ended:
            self._ended, self._error = True, error
            self._drop()
            self._news.set()

    def _drop(self) -> None:
        number, self._number = self._number, None
        if number is not None:
            self._watches.drop(self._room, number)

    def __repr__(self) -> str:
        return f"<Watch {self._room!r} {' '.join(self._topics)}{' ended' if self._ended else ''}>"


def as_names(names: str | Sequence[str], what: str) -> list[str]:
    """One name or several. Raises TypeError."""
    found = [names] if isinstance(names, str) else list(names)
    if not all(isinstance(name, str) for name in found):
        raise TypeError(f"{what} are str")
    return found
