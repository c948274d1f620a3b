"""The feeds of all rooms, bounded together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import msgspec

from signalling.feeds.data import spell
from signalling.feeds.feed import Feed, Watcher
from signalling.feeds.history import Bounds
from signalling.feeds.stored import Stored
from signalling.protocol.errors import ProtocolError
from signalling.protocol.events import Post
from signalling.protocol.ids import check_room_name
from signalling.protocol.limits import MAX_EVENT_NAME, MAX_POST_KEY
from signalling.protocol.topics import check_topic

TOLD_EVERY: Final = 0.05
"""Seconds for which changes of who watches a room are collected, to be told together."""
_MICROSECONDS: Final = 1_000_000

Clock = Callable[[], float]
Later = Callable[[float, Callable[[], None]], object]


class FeedLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What all feeds may take: bytes of one post's data, what one room keeps, rooms, and bytes of all together."""

    post: int
    room: Bounds
    rooms: int
    bytes: int


class Listener(Protocol):
    """Who hears of the posts of all rooms, and passes on those that concern it: webhooks."""

    def check(self, topic: str) -> None:
        """Raises ProtocolError `busy` if a post on this topic cannot be passed on now, and so isn't to be taken."""

    def posted(self, post: Stored) -> None:
        """There is a new post."""

    async def settled(self, topic: str) -> None:
        """Waits until what was posted is safe, if posts on this topic are passed on. Raises ProtocolError `busy`."""


class Feeds:
    """Feeds by their rooms, made when somebody posts or watches. Times are in seconds: `clock` is monotonic, `wall`
    Unix time; `later` calls after so many seconds.
    """

    def __init__(self, limits: FeedLimits, clock: Clock, wall: Clock, later: Later) -> None:
        self._limits = limits
        self._clock = clock
        self._wall = wall
        self._later = later
        self._feeds: dict[str, Feed] = {}
        self._keeping: dict[str, Feed] = {}
        """Those that keep posts. The one that was posted to last is the last."""
        self._telling: set[Feed] = set()
        """Those that are about to tell who watches."""
        self.bytes = 0
        self.posts = 0
        """That were taken since the start."""
        self.posted_bytes = 0
        """Of their data."""
        self.listener: Listener | None = None

    def find(self, room: str) -> Feed | None:
        """The feed of a room, if it has one."""
        return self._feeds.get(room)

    def feed(self, room: str) -> Feed:
        """The feed of a room, made if need be. Raises ProtocolError `bad-request`, `busy`."""
        feed = self._feeds.get(room)
        if feed is not None:
            return feed
        try:
            check_room_name(room)
        except ValueError as error:
            raise ProtocolError("bad-request", str(error)) from None
        if len(self._feeds) >= self._limits.rooms and not self._drop_one():
            raise ProtocolError("busy", f"{self._limits.rooms} rooms have feeds: come again later", retry_after=10.0)
        # Ids go on growing when a feed is made anew, in this process or the next: nobody posts a million a second.
        feed = self._feeds[room] = Feed(room, self._limits.room, int(self._wall() * _MICROSECONDS))
        feed.used = self._clock()
        return feed

    def __iter__(self) -> Iterator[Feed]:
        return iter(list(self._feeds.values()))

    def post(self, post: Post, *, sender: str = "", poster: str = "") -> Stored:
        """Keeps a post and offers it to who watches; one with a known key is the one that it was before.

        `sender` is whom watchers see it from, `poster` whose keys these are. Raises ProtocolError `bad-request`,
        `too-large`, `busy`.
        """
        data = self._check(post)
        feed = self.feed(post.room)
        with self._counted(feed):
            feed.history.expire(self._clock())
        if (same := feed.history.keyed(poster, post.key)) is not None:
            if (same.topic, same.event, same.data) != (post.topic, post.event, data):
                raise ProtocolError("bad-request", "this key is of another post: use a new one for each")
            return same
        if self.listener is not None:
            self.listener.check(post.topic)
        stored = self._keep(feed, post.topic, post.event, data, sender=sender, key=post.key, poster=poster)
        self.posts += 1
        self.posted_bytes += len(data)
        if self.listener is not None:
            self.listener.posted(stored)
        return stored

    def tell(self, room: str, topic: str, *, event: str, data: bytes) -> Stored:
        """Keeps a post of the server's own, on a topic of its own. Raises ProtocolError `busy`."""
        return self._keep(self.feed(room), topic, event, data)

    async def settled(self, topic: str) -> None:
        """To be awaited before a post on this topic is acknowledged. Raises ProtocolError `busy`."""
        if self.listener is not None:
            await self.listener.settled(topic)

    def _keep(
        self, feed: Feed, topic: str, event: str, data: bytes, *, sender: str = "", key: str = "", poster: str = ""
    ) -> Stored:
        stored = Stored(
            room=feed.room,
            id=feed.history.newest + 1,
            topic=topic,
            event=event,
            data=data,
            sender=sender,
            at=self._unix_ms(),
            key=key,
            poster=poster,
        )
        now = feed.used = self._clock()
        self._keeping[feed.room] = self._keeping.pop(feed.room, feed)
        with self._counted(feed):
            feed.add(stored, now)
        while self.bytes > self._limits.bytes and self._forget_quietest(feed):
            pass
        return stored

    def watch(self, room: str, watcher: Watcher) -> Feed:
        """Begins to offer a room's posts to a watcher; again, when its topics have changed.

        Raises ProtocolError `bad-request`, `busy`.
        """
        feed = self.feed(room)
        feed.used = self._clock()
        if feed.watch(watcher):
            self._tell_soon(feed)
        return feed

    def unwatch(self, room: str, watcher: Watcher) -> None:
        """Ceases to."""
        feed = self._feeds.get(room)
        if feed is not None:
            feed.used = self._clock()
            if feed.unwatch(watcher):
                self._tell_soon(feed)

    def close(self, room: str) -> None:
        """Forgets what a room keeps; who watches it goes on."""
        feed = self._keeping.get(room)
        if feed is not None:
            with self._counted(feed):
                while len(feed.history):
                    feed.history.forget_oldest()

    def expire(self) -> None:
        """Forgets what is too old. Call it now and then.

        A feed that nobody needs stays for as long as posts do: who comes back to it in that time has missed nothing.
        """
        now = self._clock()
        for feed in list(self._keeping.values()):
            with self._counted(feed):
                feed.history.expire(now)
        for feed in self:
            if feed.idle and feed.used < now - self._limits.room.age:
                del self._feeds[feed.room]

    def _check(self, post: Post) -> bytes:
        """The data as JSON."""
        try:
            check_topic(post.topic)
            _check_text(post.event, "event", MAX_EVENT_NAME)
            _check_text(post.key, "key", MAX_POST_KEY)
        except ValueError as error:
            raise ProtocolError("bad-request", str(error)) from None
        try:
            data = spell(post.data)
        except ValueError as error:
            raise ProtocolError("bad-request", f"data: {error}") from None
        if len(data) > self._limits.post:
            raise ProtocolError("too-large", f"a post has at most {self._limits.post} bytes; this one has {len(data)}")
        return data

    @contextmanager
    def _counted(self, feed: Feed) -> Iterator[None]:
        """What a feed keeps changes here."""
        before = feed.history.bytes
        try:
            yield
        finally:
            self.bytes += feed.history.bytes - before
            if not len(feed.history):
                self._keeping.pop(feed.room, None)

    def _forget_quietest(self, latest: Feed) -> bool:
        """Forgets the oldest post of the room where none was made for the longest time; never the latest of all.
        Returns whether there was one.
        """
        quietest = next(iter(self._keeping.values()))
        if quietest is latest and len(latest.history) == 1:
            return False
        with self._counted(quietest):
            quietest.history.forget_oldest()
        return True

    def _drop_one(self) -> bool:
        """Drops a feed that nobody needs, or else the one that was posted to the longest time ago and that nobody
        watches.
        """
        feed = next((feed for feed in self._feeds.values() if feed.idle), None)
        if feed is None:
            feed = next((feed for feed in self._keeping.values() if not feed.watched), None)
        if feed is None:
            return False
        self.close(feed.room)
        del self._feeds[feed.room]
        return True

    def _tell_soon(self, feed: Feed) -> None:
        if feed not in self._telling:
            self._telling.add(feed)
            self._later(TOLD_EVERY, lambda: self._tell(feed))

    def _tell(self, feed: Feed) -> None:
        self._telling.discard(feed)
        feed.tell_watchers(self._unix_ms())

    def _unix_ms(self) -> int:
        return int(self._wall() * 1_000)


def _check_text(text: str, what: str, most: int) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise ValueError(f"{what}: must be valid Unicode") from None
    if size > most:
        raise ValueError(f"{what}: at most {most} bytes of UTF-8; this one has {size}")
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise ValueError(f"{what}: no control characters")
