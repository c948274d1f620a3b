"""Feeds over HTTP: where a reader goes on, what keeps its stream alive, and what becomes of one that does not read."""

from typing import Any

from aiohttp import web

from signalling.http import stream_poll
from signalling.http.api import feed
from signalling.http.api.route import read_integer
from signalling.http.stream import Stream
from signalling.http.stream_poll import Poll
from signalling.http.stream_spelling import Frames
from signalling.http.streams import Streams
from tests.sabotage.switch import Patch, Switch, always, instead, nothing, of

STREAM = "signalling/http/test_stream.py"
STREAMS = "signalling/http/test_streams.py"
FEED = "signalling/http/test_feed.py"
WHY = "test_why_stands_where_it_can_still_be_written"
ALIVE = "test_a_stream_is_kept_alive_and_its_place_moves_on"


def by_the_query_alone(request: web.Request) -> int | None:
    text = request.query.get("since")
    return None if text is None else read_integer(text, "since", 0, 2**53)


def without_a_heartbeat(patch: Patch) -> None:
    was = Stream.stalled_for

    def stalled_for(self: Stream, now: float) -> float:
        self._heartbeat_at = now + 1.0
        return was(self, now)

    patch.setattr(Stream, "stalled_for", stalled_for)


def a_sign_and_nothing_else(self: Stream) -> bytes:
    sign = self._frames.spelling.heartbeat
    return b"%x\r\n%b\r\n" % (len(sign), sign)


def without_a_word(self: Stream, closing: Any, now: float) -> None:
    self.abort()


def whatever_it_has_taken(patch: Patch) -> None:
    was = Stream.stalled_for

    def stalled_for(self: Stream, now: float) -> float:
        self._taken = 10**12
        return was(self, now)

    patch.setattr(Stream, "stalled_for", stalled_for)


def in_the_middle(patch: Patch) -> None:
    was = Stream.cut_off

    def cut_off(self: Stream, closing: Any, now: float) -> None:
        self._whole = True
        was(self, closing, now)

    patch.setattr(Stream, "cut_off", cut_off)


def of_one_address(patch: Patch) -> None:
    was = Streams.check

    def check(self: Streams, address: str) -> None:
        self._from[address] = 0
        was(self, address)

    patch.setattr(Streams, "check", check)


def of_all(patch: Patch) -> None:
    was = Streams.check

    def check(self: Streams, address: str) -> None:
        held, self._held = self._held, {}
        try:
            was(self, address)
        finally:
            self._held = held

    patch.setattr(Streams, "check", check)


def take_at_once(patch: Patch) -> None:
    was = Poll.take
    patch.setattr(Poll, "take", lambda self, since, limit, wait: was(self, since, limit, 0.0))


def take_for_ever(patch: Patch) -> None:
    was = Poll.take
    patch.setattr(Poll, "take", lambda self, since, limit, wait: was(self, since, limit, wait + 100.0))


def chunks_for_all(patch: Patch) -> None:
    was = Frames.frame
    patch.setattr(Frames, "frame", lambda self, post, chunked: was(self, post, True))


def frame_for_each(patch: Patch) -> None:
    was = Frames.frame

    def frame(self: Frames, post: Any, chunked: bool) -> bytes | None:
        self._latest = None
        return was(self, post, chunked)

    patch.setattr(Frames, "frame", frame)


async def leave_at_once(self: Streams, patience: float) -> None:
    for held in list(self._held):
        held.abort()


def take_more(patch: Patch) -> None:
    was = Streams.close

    async def close(self: Streams, patience: float) -> None:
        await was(self, patience)
        self._closing = None

    patch.setattr(Streams, "close", close)


SWITCHES = (
    Switch(
        "last-event-id",
        ("streams",),
        "a browser that comes back goes on where it began",
        instead(feed, "_since", by_the_query_alone),
        of(STREAM, "test_the_header_is_newer_than_the_query")
        + of("signalling/http/test_bad_requests.py", "test_a_bad_id_of_a_browser_is_a_problem"),
    ),
    Switch(
        "heartbeats",
        ("streams",),
        "a stream on which nothing happens says nothing, and proxies end it",
        without_a_heartbeat,
        of(STREAM, ALIVE),
    ),
    Switch(
        "places-move-on",
        ("streams",),
        "who comes back after long reads all posts again that were not for it",
        instead(Stream, "_sign_of_life", a_sign_and_nothing_else),
        of(STREAM, ALIVE),
    ),
    Switch(
        "readers-of-nothing-are-cut-off",
        ("streams", "P6"),
        "a reader that reads nothing keeps its place",
        instead(Stream, "stalled_for", always(0.0)),
        of(STREAMS, WHY),
    ),
    Switch(
        "who-is-cut-off-is-told-why",
        ("streams",),
        "a stream of a slow reader ends without a word",
        instead(Stream, "cut_off", without_a_word),
        of(STREAMS, WHY),
    ),
    Switch(
        "slow-readers-stay",
        ("streams",),
        "a reader for which something always waits is cut off, although it reads",
        whatever_it_has_taken,
        of(STREAMS, "test_one_that_reads_slowly_is_not_cut_off_and_misses_nothing"),
    ),
    Switch(
        "streams-of-an-address",
        ("streams", "P6"),
        "one address has any number of streams",
        of_one_address,
        of(STREAMS, "test_an_address_has_so_many_and_no_more"),
    ),
    Switch(
        "streams-of-all",
        ("streams", "P6"),
        "all addresses together have any number of streams",
        of_all,
        of(STREAMS, "test_an_address_has_so_many_and_no_more"),
    ),
    Switch(
        "long-polls-wait",
        ("streams",),
        "a long-poll is answered at once, whatever there is",
        take_at_once,
        of(FEED, "test_a_long_poll_without_posts_is_answered_in_time"),
    ),
    Switch(
        "long-polls-end",
        ("streams",),
        "a long-poll without posts is held for longer than was asked for",
        take_for_ever,
        of(FEED, "test_a_long_poll_without_posts_is_answered_in_time"),
    ),
    Switch(
        "long-polls-hear",
        ("streams",),
        "a long-poll hears of no new post, and is answered when its time is over",
        instead(Poll, "offer", nothing),
        of(FEED, "test_a_long_poll_is_answered_at_once_when_there_is_a_post"),
    ),
    Switch(
        "pages-end",
        ("streams", "P6"),
        "a page of posts is as large as the history",
        instead(stream_poll, "PAGE", 10**12),
        of(FEED, "test_a_page_ends_where_it_grows_too_large"),
    ),
    Switch(
        "old-clients-get-no-chunks",
        ("streams",),
        "a client of HTTP/1.0 reads the heads of chunks between its posts",
        chunks_for_all,
        of(STREAM, "test_an_old_client_is_not_sent_chunks"),
    ),
    Switch(
        "framed-once",
        ("streams", "P6"),
        "a post is framed anew for each stream",
        frame_for_each,
        of("signalling/test_shared_posts.py", "test_a_post_is_framed_once_for_all_streams"),
    ),
    Switch(
        "streams-hear-the-end",
        ("streams",),
        "readers are not told that the server leaves",
        instead(Streams, "close", leave_at_once),
        of(STREAMS, "test_all_are_told_when_the_server_leaves"),
    ),
    Switch(
        "no-streams-at-the-end",
        ("streams",),
        "a server that leaves takes new readers",
        take_more,
        of(STREAMS, "test_all_are_told_when_the_server_leaves"),
    ),
)
