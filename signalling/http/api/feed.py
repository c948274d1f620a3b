"""`/rooms/{room}/feed`: posts are made here, and read: all that is kept, what comes next, or as a stream."""

import logging
from typing import Final

import msgspec
from aiohttp import web

from signalling.access import Access
from signalling.feeds.feeds import Feeds
from signalling.feeds.selection import Selection
from signalling.http.api import feed_documents
from signalling.http.api.accepting import preferred
from signalling.http.api.bodies import Bodies
from signalling.http.api.gate import Gate
from signalling.http.api.route import JSON, Route, answer_json, integer, limit_of, read_integer, room_of
from signalling.http.api.types import NewPost, Posted, Watching
from signalling.http.stream import Stream
from signalling.http.stream_poll import Poll
from signalling.http.stream_spelling import Frames, Ndjson, Sse
from signalling.http.streams import Streams
from signalling.logs import Line
from signalling.protocol.errors import ProtocolError
from signalling.protocol.events import Post
from signalling.protocol.limits import MAX_EVENT_NAME, MAX_INTEGER, MAX_PATTERNS, MAX_POST_KEY
from signalling.protocol.topics import check_pattern

log = logging.getLogger(__name__)

MAX_WAIT: Final = 60
"""Seconds that a long-poll may be held."""
_MOST_WATCHERS: Final = 1_000


class FeedRoutes:
    """Takes posts, and gives them."""

    def __init__(self, gate: Gate, bodies: Bodies, feeds: Feeds, streams: Streams, reconnect_after: float) -> None:
        self._gate = gate
        self._bodies = bodies
        self._feeds = feeds
        self._streams = streams
        self._reconnect_after = reconnect_after
        self._frames = {each.spelling.content_type: each for each in (Frames(Sse()), Frames(Ndjson()))}

    async def post(self, request: web.Request) -> web.Response:
        """Keeps a post for those who watch."""
        room = room_of(request)
        access = self._gate.admit(request, "post", room)
        if self._streams.closing:
            raise ProtocolError("shutting-down", "the server is about to leave", retry_after=self._reconnect_after)
        self._gate.pace(request, access)
        new = await self._bodies.read(request, NewPost)
        key = _key(request, new)
        post = Post(room=room, topic=new.topic, event=new.event, data=new.data, key=key)
        user = access.user or ""
        stored = self._feeds.post(post, sender=user, poster=user)
        await self._feeds.settled(stored.topic)
        return answer_json(Posted(id=stored.id), 201, {"Location": f"{request.rel_url.raw_path}/{stored.id}"})

    async def get_one(self, request: web.Request) -> web.Response:
        """One post."""
        room = room_of(request)
        access = self._gate.admit(request, "watch", room)
        id = read_integer(request.match_info["id"], "id", 0, MAX_INTEGER)
        feed = self._feeds.find(room)
        posts = feed.history.after(id - 1, 1) if feed is not None else []
        if not posts or posts[0].id != id:
            raise ProtocolError("not-found", "there is no such post, or it is kept no longer")
        access.check_watch(room, [posts[0].topic])
        return web.Response(body=posts[0].text, content_type=JSON)

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Posts, as whoever asks prefers to get them."""
        room = room_of(request)
        access = self._gate.admit(request, "watch", room)
        selection = _selection(request)
        access.check_watch(room, selection.patterns)
        since = _since(request)
        limit = limit_of(request)
        wait = integer(request, "wait", 0, 0, MAX_WAIT)
        frames = self._frames.get(preferred(request.headers.getall("Accept", []), (JSON, *self._frames)))
        if frames is not None:
            return await self._stream(request, room, access, frames, selection, since)
        poll = Poll(request, self._feeds.feed(room), access, selection)
        address = self._gate.address(request)
        self._streams.check(address)
        with self._streams.hold(poll, address):
            if wait and request.method != "HEAD":
                self._feeds.watch(room, poll)
            try:
                page = await poll.take(since, limit, wait if request.method != "HEAD" else 0)
            finally:
                self._feeds.unwatch(room, poll)
            try:
                return await poll.answer(page)
            except ConnectionError:
                return web.Response()  # nobody reads it

    async def _stream(
        self,
        request: web.Request,
        room: str,
        access: Access,
        frames: Frames,
        selection: Selection,
        since: int | None,
    ) -> web.StreamResponse:
        address = self._gate.address(request)
        self._streams.check(address)
        stream = Stream(request, self._feeds.feed(room), frames, access, selection)
        if request.method == "HEAD":
            return stream.response
        with self._streams.hold(stream, address):
            self._feeds.watch(room, stream)
            try:
                await stream.run(since, self._reconnect_after)
            except Exception:
                log.exception(Line("stream failed", room=room))
                stream.abort()
            finally:
                self._feeds.unwatch(room, stream)
        return stream.response

    async def watchers(self, request: web.Request) -> web.Response:
        """Who watches."""
        room = room_of(request)
        self._gate.admit(request, "watch", room)
        feed = self._feeds.find(room)
        watchers = feed.watchers if feed is not None else []
        return answer_json(
            Watching(watchers=[each.describe() for each in watchers[:_MOST_WATCHERS]], count=len(watchers))
        )

    def routes(self) -> list[Route]:
        """What there is."""
        return [
            msgspec.structs.replace(feed_documents.POST, handler=self.post, expect=self._bodies.expect),
            msgspec.structs.replace(feed_documents.GET, handler=self.get),
            msgspec.structs.replace(feed_documents.GET_ONE, handler=self.get_one),
            msgspec.structs.replace(feed_documents.WATCHERS, handler=self.watchers),
        ]


def _key(request: web.Request, new: NewPost) -> str:
    """What makes a repeated post harmless. Raises ProtocolError `bad-request`."""
    header = request.headers.get("Idempotency-Key")
    if header is None:
        return new.key
    key = header.strip().removeprefix('"').removesuffix('"')
    if not key or len(key) > MAX_POST_KEY or not all("!" <= c <= "~" for c in key):
        raise ProtocolError("bad-request", f"Idempotency-Key: 1 to {MAX_POST_KEY} visible characters of ASCII")
    if new.key and key != new.key:
        raise ProtocolError("bad-request", "the header Idempotency-Key and the body's key differ")
    return key


def _selection(request: web.Request) -> Selection:
    """The posts that are asked for. Raises ProtocolError `bad-request`."""
    texts = [part for text in request.query.getall("topics", []) for part in text.split(",")]
    events = request.query.getall("event", [])
    if len(texts) > MAX_PATTERNS or len(events) > MAX_PATTERNS:
        raise ProtocolError("bad-request", f"topics and event: at most {MAX_PATTERNS} of each")
    if any(not event or len(event) > MAX_EVENT_NAME for event in events):
        raise ProtocolError("bad-request", f"event: a name of 1 to {MAX_EVENT_NAME} characters")
    try:
        return Selection({check_pattern(text): None for text in texts or ["**"]}, frozenset(events))
    except ValueError as error:
        raise ProtocolError("bad-request", f"topics: {error}") from None


def _since(request: web.Request) -> int | None:
    """Where to go on from: a browser that comes back says it in a header. Raises ProtocolError `bad-request`."""
    text = request.query.get("since")
    since = None if text is None else read_integer(text, "since", 0, MAX_INTEGER)
    if (text := request.headers.get("Last-Event-ID", "")) != "":
        return read_integer(text, "Last-Event-ID", 0, MAX_INTEGER)
    return since
