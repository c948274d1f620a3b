"""The feed as plain JSON: a page of its history, or a long-poll that waits for the next post."""

import asyncio
import contextlib
import secrets
from typing import Final

import msgspec
from aiohttp import web

from signalling.access import Access
from signalling.feeds.feed import Feed
from signalling.feeds.selection import Selection
from signalling.feeds.stored import Stored
from signalling.http.api.types import Closing
from signalling.http.stream_spelling import SLICE
from signalling.protocol.events import WatcherInfo
from signalling.protocol.topics import WATCHERS

PAGE: Final = 1_048_576
"""Bytes after which a page has no further post."""
_LOOKED_AT: Final = 256
"""Posts that are looked at before others have a turn."""


class Page(msgspec.Struct):
    """Posts, oldest first, with the id to go on from, and whether some before them may be gone."""

    posts: list[Stored]
    id: int
    missed: bool


class Poll:
    """One request for posts."""

    def __init__(
        self,
        request: web.Request,
        feed: Feed,
        access: Access,
        selection: Selection,
    ) -> None:
        self.selection = selection
        self.access = access
        self._request = request
        self._feed = feed
        self._id = secrets.token_hex(8)
        self._news = asyncio.Event()
        self._before: int | None = None
        """The id before the first post that was offered while this waited."""
        self._ended = False
        self._writing_since: float | None = None

    def describe(self) -> WatcherInfo:
        """See `Watcher`."""
        return WatcherInfo(id=self._id, user=self.access.user, topics=list(self.selection.patterns))

    def offer(self, post: Stored) -> None:
        """See `Watcher`."""
        if self._before is None and post.topic != WATCHERS:  # which is not kept
            self._before = post.id - 1
            self._news.set()

    def end(self, closing: Closing) -> None:
        """See `Held`."""
        self._ended = True
        self._news.set()

    def abort(self) -> None:
        """See `Held`."""
        if self._request.transport is not None:
            self._request.transport.abort()

    def cut_off(self, closing: Closing, now: float) -> None:
        """See `Held`: half of an answer cannot say why."""
        self.abort()

    def stalled_for(self, now: float) -> float:
        """See `Held`."""
        if self._request.transport is None:
            self._ended = True
            self._news.set()
        return 0.0 if self._writing_since is None else now - self._writing_since

    async def take(self, since: int | None, limit: int, wait: float) -> Page:
        """What the room keeps after `since`; if that is nothing, what comes within so many seconds."""
        page = await self._take(since, limit)
        deadline = asyncio.get_running_loop().time() + wait
        while not page.posts and not page.missed and not self._ended:
            self._news.clear()
            self._before = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    await self._news.wait()
            if self._before is None:
                # Whatever else came meanwhile is none of this one's, and not missed if it is forgotten.
                return Page([], self._feed.history.newest, missed=False)
            page = await self._take(self._before, limit)
        return page

    async def answer(self, page: Page) -> web.StreamResponse:
        """Writes a page in slices of the texts that all who ask for these posts share."""
        begin = b'{"posts":['
        end = b'],"id":%d,"missed":%b}' % (page.id, b"true" if page.missed else b"false")
        size = len(begin) + sum(len(post.text) for post in page.posts) + max(0, len(page.posts) - 1) + len(end)
        response = web.StreamResponse()
        response.content_type = "application/json"
        response.content_length = size
        response.headers["Cache-Control"] = "no-store"
        await response.prepare(self._request)
        if self._request.method == "HEAD":
            return response
        waiting = bytearray(begin)
        for number, post in enumerate(page.posts):
            if number:
                waiting += b","
            if len(waiting) + len(post.text) <= SLICE:
                waiting += post.text
                continue
            await self._write(response, bytes(waiting))
            waiting.clear()
            text = memoryview(post.text)
            for start in range(0, len(text), SLICE):
                await self._write(response, text[start : start + SLICE])
        await self._write(response, bytes(waiting + end))
        return response

    async def _write(self, response: web.StreamResponse, data: bytes | memoryview) -> None:
        self._writing_since = asyncio.get_running_loop().time()
        await response.write(data)
        self._writing_since = None

    async def _take(self, since: int | None, limit: int) -> Page:
        history = self._feed.history
        position = history.forgotten if since is None else since
        page = Page([], position, history.has_missed(position) if since is not None else False)
        if page.missed:
            page.id = history.forgotten
        size = 0
        while posts := history.after(page.id, _LOOKED_AT):
            for post in posts:
                if self.selection.has(post):
                    page.posts.append(post)
                    size += len(post.text)
                page.id = post.id
                if len(page.posts) >= limit or size >= PAGE:
                    return page
            await asyncio.sleep(0)
        return page
