"""One reader of a feed over HTTP: it takes what the room keeps, as fast as it reads, and nothing waits for it here."""

import asyncio
import contextlib
import secrets
import socket
import sys
from collections.abc import Sequence
from typing import Final

from aiohttp import HttpVersion11, web

from signalling.access import Access
from signalling.feeds.feed import Feed
from signalling.feeds.selection import Selection
from signalling.feeds.stored import Stored
from signalling.http.api.types import Closing
from signalling.http.stream_spelling import SLICE, Frames, as_chunk
from signalling.protocol.events import WatcherInfo
from signalling.protocol.topics import WATCHERS

HEARTBEAT: Final = 15.0
"""Seconds between two signs that a stream is alive."""
_LOOKED_AT: Final = 256
"""Posts that are looked at before others have a turn."""
_UNSENT: Final = 2 * SLICE
"""Bytes that may wait in the kernel's buffer of one connection beside those that are on their way."""
_NOTSENT_LOWAT: Final = 25 if sys.platform == "linux" else None
"""TCP_NOTSENT_LOWAT, which the socket module does not have everywhere."""
_GOODBYE: Final = 5.0
"""Seconds that a reader which has been cut off has to read why."""


class Stream:
    """A cursor into a room's history, and the connection that it is written to.

    A reader that keeps up is written to when a post is made. One that doesn't is behind: its own task writes to it from
    the history, a slice at a time, for as long as it takes each of them.
    """

    def __init__(
        self,
        request: web.Request,
        feed: Feed,
        frames: Frames,
        access: Access,
        selection: Selection,
    ) -> None:
        self.selection = selection
        self.access = access
        self.response = web.StreamResponse()
        self.response.content_type = frames.spelling.content_type
        self.response.headers["Cache-Control"] = "no-store"
        self.response.headers["X-Accel-Buffering"] = "no"  # nginx would keep events back
        self._request = request
        self._feed = feed
        self._frames = frames
        self._id = secrets.token_hex(8)
        self._position = feed.history.newest
        self._told = -1
        self._caught_up = False
        self._whole = True
        """Whether what has been written ends with a whole event."""
        self._ending: Closing | None = None
        self._news = asyncio.Event()
        self._chunked = request.version >= HttpVersion11
        self._handed = 0
        self._taken = 0
        self._taken_at = 0.0
        self._heartbeat_at = 0.0
        self._abort_at: float | None = None

    def describe(self) -> WatcherInfo:
        """See `Watcher`."""
        return WatcherInfo(id=self._id, user=self.access.user, topics=list(self.selection.patterns))

    def offer(self, post: Stored) -> None:
        """See `Watcher`."""
        if not self._caught_up:
            return
        frame = self._frames.frame(post, self._chunked)
        if frame is not None and self._write_now(frame):
            self._position = post.id
        elif post.topic != WATCHERS:  # which is not kept
            self._position = post.id - 1
            self._wake()

    async def run(self, since: int | None, retry: float) -> None:
        """Writes the stream until it ends, or until the reader has gone."""
        if since is not None:
            self._position = since
        loop = asyncio.get_running_loop()
        self._taken_at = loop.time()
        self._heartbeat_at = loop.time() + HEARTBEAT
        try:
            if self._chunked:
                self.response.enable_chunked_encoding()
            await self.response.prepare(self._request)
            _limit_unsent(self._request)
            await self._write(self._frames.spelling.begin(retry))
            while self._ending is None and not self._is_gone():
                self._news.clear()
                if await self._catch_up():
                    await self._news.wait()
            if self._ending is not None and not self._is_gone():
                await self._write(self._frames.spelling.closing(self._ending))
                await self.response.write_eof()
        except ConnectionError:
            pass
        finally:
            self._caught_up = False

    def end(self, closing: Closing) -> None:
        """Ends the stream after the event that is being written."""
        if self._ending is None:
            self._ending = closing
            self._wake()

    def abort(self) -> None:
        """Ends the connection now."""
        if self._request.transport is not None:
            self._request.transport.abort()

    def cut_off(self, closing: Closing, now: float) -> None:
        """Ends a connection that is not read from; why stands where it is still possible, at the end of an event."""
        transport = self._request.transport
        self._ending = self._ending or closing
        if transport is None or not self._whole:
            self.abort()
            return
        self._caught_up = False
        last = self._frames.spelling.closing(closing)
        transport.write(as_chunk(last) + b"0\r\n\r\n" if self._chunked else last)
        transport.close()
        self._abort_at = now + _GOODBYE

    def stalled_for(self, now: float) -> float:
        """Looks at the connection, some time each second, and keeps it alive. Returns for how many seconds the reader
        has taken nothing although something waits for it.
        """
        transport = self._request.transport
        if transport is None:
            self._wake()
            return 0.0
        if self._abort_at is not None:
            if now >= self._abort_at:
                transport.abort()
            return 0.0
        waiting = transport.get_write_buffer_size()
        taken = self._handed - waiting
        if not waiting or taken > self._taken:
            self._taken_at = now
        self._taken = taken
        if self._caught_up and now >= self._heartbeat_at:
            self._heartbeat_at = now + HEARTBEAT
            self._write_now(self._sign_of_life())
        return now - self._taken_at

    def _sign_of_life(self) -> bytes:
        """How far it has come, if it has come further without a post of its own, so that it resumes from there."""
        newest = self._feed.history.newest
        spelling = self._frames.spelling
        if newest > max(self._told, self._position):
            self._told = self._position = newest
            sign = spelling.here(newest)
        else:
            sign = spelling.heartbeat
        return as_chunk(sign) if self._chunked else sign

    def _wake(self) -> None:
        self._caught_up = False
        self._news.set()

    def _is_gone(self) -> bool:
        transport = self._request.transport
        return transport is None or transport.is_closing()

    async def _catch_up(self) -> bool:
        """Writes some of what the history has. Returns whether that was all; from then on posts are offered."""
        history = self._feed.history
        spelling = self._frames.spelling
        if history.has_missed(self._position):
            self._position = self._told = history.forgotten
            await self._write(spelling.missed(history.forgotten))
            return False
        large = await self._write_small(history.after(self._position, _LOOKED_AT))
        if large is not None:
            await self._write_large(large)
        if history.newest > self._position or self._ending is not None:
            return False
        if self._told < 0:
            self._told = self._position
            await self._write(spelling.here(self._position))
            return False
        self._caught_up = True
        return True

    async def _write_small(self, posts: Sequence[Stored]) -> Stored | None:
        """Writes posts together, about a slice at most. Returns the next one if it is too large for that."""
        spelling = self._frames.spelling
        parts: list[bytes] = []
        size = 0
        large: Stored | None = None
        for post in posts:
            if self.selection.has(post):
                if len(post.text) >= SLICE // 2:
                    large = post
                    break
                parts += (spelling.before(post), post.text, spelling.after)
                size += len(post.text)
            self._position = post.id
            if size >= SLICE // 2:
                break
        del posts  # while this one is read, the room may forget them
        if parts:
            await self._write(b"".join(parts))
        elif large is None:
            await asyncio.sleep(0)
        return large

    async def _write_large(self, post: Stored) -> None:
        """Writes one post in slices of the text that all its readers share."""
        spelling = self._frames.spelling
        self._whole = False
        await self._write(spelling.before(post))
        text = memoryview(post.text)
        for start in range(0, len(text), SLICE):
            await self._write(text[start : start + SLICE])
        self._position = post.id
        self._whole = True
        await self._write(spelling.after)

    async def _write(self, data: bytes | memoryview) -> None:
        """Writes, and waits until the connection has room. Raises ConnectionError."""
        if not data:
            return
        self._handed += len(data)
        await self.response.write(data)

    def _write_now(self, frame: bytes) -> bool:
        """Writes, if the connection has room."""
        transport = self._request.transport
        if transport is None or transport.is_closing():
            self._wake()
            return True
        if transport.get_write_buffer_size() + len(frame) > SLICE:
            return False
        self._handed += len(frame)
        transport.write(frame)
        return True


def _limit_unsent(request: web.Request) -> None:
    """Keeps the kernel from buffering megabytes for a reader: who takes nothing is noticed, and costs little."""
    connection = request.get_extra_info("socket")
    if connection is not None and _NOTSENT_LOWAT is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, _UNSENT)
