"""One room's feed: its history, and who watches which topics."""

from typing import Protocol

import msgspec

from signalling.feeds.history import Bounds, History
from signalling.feeds.index import Index
from signalling.feeds.presence import Changes
from signalling.feeds.selection import Selection
from signalling.feeds.stored import Stored
from signalling.protocol.events import WatcherInfo
from signalling.protocol.topics import WATCHERS


class Watcher(Protocol):
    """Who watches. It is told of each post that its topics match, in their order."""

    selection: Selection
    """The posts that it asked for."""

    def offer(self, post: Stored) -> None:
        """There is a new post. It is kept (but for one on `$watchers`): a watcher may also take it later."""

    def describe(self) -> WatcherInfo:
        """Who it is, for others: its id stays the same for as long as it watches."""


class Feed:
    """The history of a room and its watchers."""

    def __init__(self, room: str, bounds: Bounds, newest: int) -> None:
        self.room = room
        self.history = History(bounds, newest)
        self.used = 0.0
        """When somebody posted, or began or ceased to watch, the last time."""
        self._watchers: dict[Watcher, tuple[str, ...]] = {}
        self._index: Index[Watcher] = Index()
        self._changes: Changes[Watcher] = Changes()

    @property
    def watchers(self) -> list[Watcher]:
        """Everyone who watches, in order of arrival."""
        return list(self._watchers)

    @property
    def watched(self) -> bool:
        """Whether anyone does."""
        return bool(self._watchers)

    @property
    def watcher_count(self) -> int:
        """How many do."""
        return len(self._watchers)

    @property
    def idle(self) -> bool:
        """Whether nobody watches it and it keeps nothing."""
        return not self._watchers and not len(self.history)

    def is_watched(self, topic: str) -> bool:
        """Whether anybody would be offered a post on this topic."""
        return bool(self._index.match(topic))

    def watch(self, watcher: Watcher) -> bool:
        """Begins to offer posts to a watcher; again, when its topics have changed. Returns whether that is to be told
        to those who watch `$watchers`, soon, by `tell_watchers`.
        """
        before = self._watchers.get(watcher)
        for pattern in before or ():
            self._index.remove(pattern, watcher)
        self._watchers[watcher] = tuple(watcher.selection.patterns)
        for pattern in watcher.selection.patterns:
            self._index.add(pattern, watcher)
        if not self.is_watched(WATCHERS):
            return False
        self._changes.began(watcher, watcher.describe(), new=before is None)
        return True

    def unwatch(self, watcher: Watcher) -> bool:
        """Ceases to. Returns as `watch` does."""
        before = self._watchers.pop(watcher, None)
        if before is None:
            return False
        for pattern in before:
            self._index.remove(pattern, watcher)
        if not self.is_watched(WATCHERS):
            self._changes.take(0)
            return False
        self._changes.ceased(watcher, watcher.describe())
        return True

    def add(self, post: Stored, now: float) -> None:
        """Keeps a post and offers it to whom it concerns."""
        self.history.add(post, now)
        self._offer(post)

    def tell_watchers(self, at: int) -> None:
        """Tells those who watch `$watchers` what is to be told. Such posts are not kept: they carry the newest id."""
        told = self._changes.take(len(self._watchers))
        if told is not None:
            data = msgspec.json.encode(told)
            newest = self.history.newest
            self._offer(
                Stored(
                    room=self.room, id=newest, topic=WATCHERS, event="", data=data, sender="", at=at, key="", poster=""
                )
            )

    def _offer(self, post: Stored) -> None:
        for watcher in self._index.match(post.topic):
            if watcher.selection.has_event(post):
                watcher.offer(post)
