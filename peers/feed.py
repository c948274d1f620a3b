"""A room's feed: posts that the server keeps for a while, can read, and sends to whoever watches."""

import json
import logging
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from peers.errors import ConnectionFailed
from peers.feed_watch import Watch, Watches, as_names
from signalling.protocol import events as wire
from signalling.protocol.ids import check_room_name

if TYPE_CHECKING:
    from peers.peer import Peer

log = logging.getLogger("eitherway.feed")

MAX_TRIES: Final = 5
"""How often a post is sent whose reply does not come, because the connection is lost meanwhile or the server silent."""


class Feed:
    """The feed of a room, made by `Client.feed`: posting and watching, without being a member. A Room is one, too.

    What is posted is not sealed: the server reads and keeps it.
    """

    def __init__(self, name: str, watches: Watches) -> None:
        self.name = check_room_name(name)
        self._watches = watches

    async def post(self, topic: str, data: Any, *, event: str = "", key: str | None = None) -> int:
        """Post any JSON value on a topic (words between dots), perhaps as an event within it. Returns its id.

        It is posted once, although it is sent again when the connection is lost before the server has answered: by its
        `key`, which the server knows for as long as it keeps the post. One that is made up here is random; give your
        own to make a post harmless that a program repeats when it is started again.
        Raises TypeError, ValueError (no JSON), Refused, ConnectionFailed (whether it was posted is not known: post it
        again with the same key).
        """
        try:
            json.dumps(data, allow_nan=False)
        except TypeError as error:
            raise TypeError(f"a post is any JSON value: {error}") from None
        post = wire.Post(room=self.name, topic=topic, event=event, data=data, key=key or secrets.token_urlsafe(16))
        fields = msgspec.to_builtins(post)
        for left in range(MAX_TRIES - 1, -1, -1):
            await self._ready()
            try:
                reply = await self._watches.connection.request("post", fields)
            except ConnectionFailed as error:
                if not left:
                    raise ConnectionFailed(
                        f"{error}. It was sent {MAX_TRIES} times: is it larger than the server takes in one message?"
                    ) from None
                log.info("posting to %r again: %s", self.name, error)
            else:
                return msgspec.convert(reply, wire.Posted).id
        raise AssertionError

    def watch(self, topics: str | Sequence[str], *, since: int | None = None, event: str | Sequence[str] = ()) -> Watch:
        """Posts on these topics as they come: ``async for post in feed.watch("orders.*")``.

        In a pattern `*` stands for any one word, and `**` at its end for any number of them. `event`: only posts with
        this event, or these. `since`: begin after the post of this id, with what the server still keeps; 0: with all
        of it. Raises TypeError, and when it begins Refused, ConnectionFailed.
        """
        self._check()
        return Watch(
            self._watches, self, self.name, as_names(topics, "topics"), as_names(event, "events"), since, self._who
        )

    def _check(self) -> None:
        """Whether there is anything to watch. Raises NotInRoom."""

    async def _ready(self) -> None:
        """Until one can post. Raises ConnectionFailed, Refused."""
        await self._watches.until_connected()

    def _who(self, id: str) -> "Peer | str":
        """Whom a post is from."""
        return id

    def __repr__(self) -> str:
        return f"<Feed {self.name!r}>"
