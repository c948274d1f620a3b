"""How posts are written into streams: as Server-Sent Events, or as newline-delimited JSON."""

from typing import Final, Protocol

import msgspec

from signalling.feeds.stored import Stored
from signalling.http.api.types import Closing, Gone, Here

SLICE: Final = 65_536
"""Bytes that are written at once: what waits in this process for one reader stays about as small."""


class Spelling(Protocol):
    """One way to write a stream. A post is `before` + its text + `after`."""

    content_type: str
    heartbeat: bytes
    """Says nothing: the stream is alive."""
    after: bytes

    def begin(self, retry: float) -> bytes:
        """The first of all. `retry` is in seconds."""

    def before(self, post: Stored) -> bytes:
        """What stands before the text of a post."""

    def here(self, id: int) -> bytes:
        """Everything up to this id has been brought."""

    def missed(self, id: int) -> bytes:
        """Posts up to this id may be missing."""

    def closing(self, closing: Closing) -> bytes:
        """The last of all."""


class Sse:
    """Server-Sent Events (the HTML standard): the id of a post is that of its event, its name the post's event."""

    content_type = "text/event-stream"
    heartbeat = b":\n\n"
    after = b"\n\n"

    def begin(self, retry: float) -> bytes:
        """See `Spelling`. Without an empty line: nothing has happened."""
        return b"retry: %d\n" % round(retry * 1_000)

    def before(self, post: Stored) -> bytes:
        """See `Spelling`."""
        if post.event:
            return b"id: %d\nevent: %b\ndata: " % (post.id, post.event.encode())
        return b"id: %d\ndata: " % post.id

    def here(self, id: int) -> bytes:
        """See `Spelling`."""
        return b"id: %d\nevent: watching\ndata: %b\n\n" % (id, msgspec.json.encode(Here(watching=id)))

    def missed(self, id: int) -> bytes:
        """See `Spelling`."""
        return b"id: %d\nevent: missed\ndata: %b\n\n" % (id, msgspec.json.encode(Gone(missed=id)))

    def closing(self, closing: Closing) -> bytes:
        """See `Spelling`."""
        return b"retry: %d\nevent: closing\ndata: %b\n\n" % (
            round(closing.retry_after * 1_000),
            msgspec.json.encode(closing),
        )


class Ndjson:
    """Newline-delimited JSON: a line for each post, and lines of other shapes for what is none. Empty lines are to be
    passed over.
    """

    content_type = "application/x-ndjson"
    heartbeat = b"\n"
    after = b"\n"

    def begin(self, retry: float) -> bytes:
        """See `Spelling`. An empty line, so that the answer begins."""
        return b"\n"

    def before(self, post: Stored) -> bytes:
        """See `Spelling`."""
        return b""

    def here(self, id: int) -> bytes:
        """See `Spelling`."""
        return msgspec.json.encode(Here(watching=id)) + b"\n"

    def missed(self, id: int) -> bytes:
        """See `Spelling`."""
        return msgspec.json.encode(Gone(missed=id)) + b"\n"

    def closing(self, closing: Closing) -> bytes:
        """See `Spelling`."""
        return msgspec.json.encode(closing) + b"\n"


class Frames:
    """Posts that are offered to many readers, spelled once for all of them."""

    def __init__(self, spelling: Spelling) -> None:
        self.spelling = spelling
        self._latest: Stored | None = None
        self._frame: bytes | None = None
        self._chunk: bytes | None = None

    def frame(self, post: Stored, chunked: bool) -> bytes | None:
        """A post as it goes into the connection, with the head of its chunk (RFC 9112 section 7.1) if need be. None if
        it is too large to be written at once.
        """
        if post is not self._latest:
            self._latest = post
            self._frame = self._chunk = None
            if len(post.text) < SLICE // 2:
                self._frame = self.spelling.before(post) + post.text + self.spelling.after
                self._chunk = as_chunk(self._frame)
        return self._chunk if chunked else self._frame


def as_chunk(data: bytes) -> bytes:
    """One chunk of a chunked answer."""
    return b"%x\r\n%b\r\n" % (len(data), data)
