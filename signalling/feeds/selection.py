"""Which posts somebody asked for."""

from signalling.feeds.stored import Stored
from signalling.protocol.topics import Wanted


class Selection:
    """Topics by their patterns, which have been checked, in the order in which they were asked for; and of those posts
    the ones with these events, or all if none is named.
    """

    __slots__ = ("_topics", "events", "patterns")

    def __init__(self, patterns: dict[str, None], events: frozenset[str]) -> None:
        self.patterns = patterns
        self.events = events
        self._topics = Wanted(patterns)

    def has_event(self, post: Stored) -> bool:
        """Whether such posts are selected, of a topic that is."""
        return not self.events or post.event in self.events

    def has(self, post: Stored) -> bool:
        """Whether such posts are selected."""
        return self.has_event(post) and self._topics.matches(post.topic)
