"""One post as a room keeps it, spelled once for all who watch."""

from typing import Final

import msgspec

from signalling.protocol.events import PostFrom

_OVERHEAD: Final = 512
"""What a post costs in memory beside its text, roughly."""


class Stored:
    """A post: its data stays the JSON text that it came as. `at` is Unix time in milliseconds."""

    __slots__ = ("at", "data", "event", "id", "key", "poster", "room", "sender", "size", "text", "topic")

    def __init__(
        self, *, room: str, id: int, topic: str, event: str, data: bytes, sender: str, at: int, key: str, poster: str
    ) -> None:
        self.room = room
        self.id = id
        self.topic = topic
        self.event = event
        self.data = data
        self.sender = sender
        """Whom watchers see it from: a member's id, or the user of a token; empty: somebody."""
        self.at = at
        self.key = key
        self.poster = poster
        """Whose keys these are."""
        self.text = msgspec.json.encode(
            PostFrom(room=room, id=id, topic=topic, event=event, data=msgspec.Raw(data), sender=sender, at=at)
        )
        """The post as JSON, for the lines of streams; `data` is a part of it."""
        self.size = 2 * len(self.text) + _OVERHEAD
