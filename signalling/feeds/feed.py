"""One room's feed: its history, and who watches which topics."""

from typing import Final, Protocol

from signalling.feeds.history import Bounds, History
from signalling.feeds.stored import Stored
from signalling.protocol.topics import matches, matches_any

_REMEMBERED: Final = 1_024
"""Topics for which is remembered who watches them."""


class Watcher(Protocol):
    """Who watches. It is told of each post that its topics match, in their order."""

    patterns: dict[str, None]
    """The topics that it watches, in the order in which it asked for them."""
    events: frozenset[str]
    """Of those posts, the ones with these events; all, if it names none."""

    def offer(self, post: Stored) -> None:
        """There is a new post. It is kept: a watcher may also take it later."""


class Feed:
    """The history of a room and its watchers."""

    def __init__(self, room: str, bounds: Bounds, newest: int) -> None:
        self.room = room
        self.history = History(bounds, newest)
        self.used = 0.0
        """When somebody posted, or began or ceased to watch, the last time."""
        self._watchers: dict[Watcher, tuple[str, ...]] = {}
        self._by_pattern: dict[str, dict[Watcher, None]] = {}
        self._by_topic: dict[str, list[str]] = {}
        """The patterns that stand for a topic."""

    @property
    def watchers(self) -> list[Watcher]:
        """Everyone who watches, in order of arrival."""
        return list(self._watchers)

    @property
    def idle(self) -> bool:
        """Whether nobody watches it and it keeps nothing."""
        return not self._watchers and not len(self.history)

    def is_watched(self, topic: str) -> bool:
        """Whether anybody would be offered a post on this topic."""
        return any(matches(pattern, topic) for pattern in self._by_pattern)

    def watch(self, watcher: Watcher) -> None:
        """Begins to offer posts to a watcher; again, when its topics have changed."""
        self._forget(watcher)
        self._watchers[watcher] = tuple(watcher.patterns)
        for pattern in watcher.patterns:
            if pattern not in self._by_pattern:
                self._by_pattern[pattern] = {}
                self._by_topic.clear()
            self._by_pattern[pattern][watcher] = None

    def unwatch(self, watcher: Watcher) -> None:
        """Ceases to."""
        self._forget(watcher)
        self._watchers.pop(watcher, None)

    def add(self, post: Stored, now: float) -> None:
        """Keeps a post and offers it to whom it concerns."""
        self.history.add(post, now)
        self.offer(post)

    def offer(self, post: Stored) -> None:
        """Offers a post to whom it concerns, kept or not."""
        patterns = self._by_topic.get(post.topic)
        if patterns is None:
            patterns = [pattern for pattern in self._by_pattern if matches(pattern, post.topic)]
            if len(self._by_topic) >= _REMEMBERED:
                self._by_topic.clear()
            self._by_topic[post.topic] = patterns
        if len(patterns) == 1:
            watchers = list(self._by_pattern[patterns[0]])
        else:  # each of them once
            watchers = list({watcher: None for pattern in patterns for watcher in self._by_pattern[pattern]})
        for watcher in watchers:
            if not watcher.events or post.event in watcher.events:
                watcher.offer(post)

    def _forget(self, watcher: Watcher) -> None:
        for pattern in self._watchers.get(watcher, ()):
            watchers = self._by_pattern[pattern]
            del watchers[watcher]
            if not watchers:
                del self._by_pattern[pattern]
                self._by_topic.clear()


def concerns(watcher: Watcher, post: Stored) -> bool:
    """Whether a watcher asked for such posts."""
    return (not watcher.events or post.event in watcher.events) and matches_any(watcher.patterns, post.topic)
