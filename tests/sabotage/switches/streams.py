"""Feeds over HTTP: where a reader goes on, what keeps its stream alive, long-polls, and the end."""

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
HELD = "signalling/http/test_stream_held.py"
COSTS = "signalling/http/test_stream_costs.py"
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


def before_it_has_caught_up(patch: Patch) -> None:
    was = Stream.stalled_for

    def stalled_for(self: Stream, now: float) -> float:
        before, self._caught_up = self._caught_up, True
        try:
            return was(self, now)
        finally:
            self._caught_up = before

    patch.setattr(Stream, "stalled_for", stalled_for)


def go_back_to_the_last_of_its_own(patch: Patch) -> None:
    was = Stream.offer

    def offer(self: Stream, post: Any) -> None:
        before = self._position
        was(self, post)
        if not self._caught_up:
            self._position = before

    patch.setattr(Stream, "offer", offer)


def take_at_once(patch: Patch) -> None:
    was = Poll.take
    patch.setattr(Poll, "take", lambda self, since, limit, wait: was(self, since, limit, 0.0))


def take_for_ever(patch: Patch) -> None:
    was = Poll.take
    patch.setattr(Poll, "take", lambda self, since, limit, wait: was(self, since, limit, wait + 100.0))


def take_all(patch: Patch) -> None:
    was = Poll.take
    patch.setattr(Poll, "take", lambda self, since, limit, wait: was(self, since, 10**9, wait))


def chunks_for_all(patch: Patch) -> None:
    was = Frames.frame
    patch.setattr(Frames, "frame", lambda self, post, chunked: was(self, post, True))


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
        "a-sign-when-it-has-caught-up",
        ("streams",),
        "a reader that is behind is told that it has come to the newest post, and goes on from there",
        before_it_has_caught_up,
        of(HELD, "test_a_heartbeat_does_not_pass_by_what_is_not_read_yet"),
    ),
    Switch(
        "rare-posts-are-not-missed",
        ("streams",),
        "who waits for rare posts is told that it has missed some when the room has forgotten others",
        go_back_to_the_last_of_its_own,
        of(COSTS, "test_one_whose_posts_are_rare_has_missed_none_of_them"),
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
        "long-polls-that-hang-up-end",
        ("streams", "P6"),
        "a long-poll whose client has gone is held to its end",
        instead(Poll, "stalled_for", always(0.0)),
        of(HELD, "test_a_poll_that_has_hung_up_is_waited_for_no_longer", "test_a_page_that_nobody_reads_is_cut_off"),
    ),
    Switch(
        "pages-of-so-many",
        ("streams",),
        "a page has more posts than were asked for",
        take_all,
        of(FEED, "test_the_history_is_read_in_pages"),
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
