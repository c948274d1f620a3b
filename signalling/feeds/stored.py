"""One post as a room keeps it, spelled once for all who watch."""

from typing import Final

import msgspec

from signalling.protocol.events import PostFrom

_OVERHEAD: Final = 512
"""What a post costs in memory beside its text, roughly."""
_DATA: Final = b',"data":'
"""Where it first stands in a post's text it is the name of the field: in a string, quotes follow a backslash."""


class Stored:
    """A post: its data is JSON text. `at` is Unix time in milliseconds."""

    __slots__ = ("_begin", "_end", "at", "event", "id", "key", "poster", "room", "sender", "size", "text", "topic")

    def __init__(
        self, *, room: str, id: int, topic: str, event: str, data: bytes, sender: str, at: int, key: str, poster: str
    ) -> None:
        self.room = room
        self.id = id
        self.topic = topic
        self.event = event
        self.sender = sender
        """Whom watchers see it from: a member's id, or the user of a token; empty: somebody."""
        self.at = at
        self.key = key
        self.poster = poster
        """Whose keys these are."""
        self.text = msgspec.json.encode(
            PostFrom(room=room, id=id, topic=topic, event=event, data=msgspec.Raw(data), sender=sender, at=at)
        )
        """The post as JSON, in one line; `data` is a part of it."""
        self._begin = self.text.index(_DATA) + len(_DATA)
        self._end = self._begin + len(data)
        self.size = len(self.text) + _OVERHEAD

    @property
    def data(self) -> bytes:
        """The data as JSON, in one line."""
        return self.text[self._begin : self._end]
