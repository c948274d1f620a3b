"""Readers of feeds over HTTP that do not read, or hardly, and what they cost."""

from typing import Any

from signalling.http import stream
from signalling.http.stream import Stream
from signalling.http.stream_spelling import Frames
from signalling.http.streams import Streams
from tests.sabotage.switch import Patch, Switch, always, instead, of

STREAM = "signalling/http/test_stream.py"
STREAMS = "signalling/http/test_streams.py"
HELD = "signalling/http/test_stream_held.py"
COSTS = "signalling/http/test_stream_costs.py"
FEED = "signalling/http/test_feed.py"
WHY = "test_why_stands_where_it_can_still_be_written"
ALIVE = "test_a_stream_is_kept_alive_and_its_place_moves_on"


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


def frame_for_each(patch: Patch) -> None:
    was = Frames.frame

    def frame(self: Frames, post: Any, chunked: bool) -> bytes | None:
        self._latest = None
        return was(self, post, chunked)

    patch.setattr(Frames, "frame", frame)


SWITCHES = (
    Switch(
        "what-is-not-kept-brings-nothing-back",
        ("streams",),
        "a reader without room for what is told of watchers gets the post before it again",
        instead(stream, "WATCHERS", ""),
        of(COSTS, "test_what_is_not_kept_does_not_bring_back_what_was"),
    ),
    Switch(
        "in-slices",
        ("streams", "P6"),
        "a large post waits as a whole for each reader",
        instead(stream, "SLICE", 10**9),
        of(COSTS, "test_little_waits_for_one_that_reads_nothing"),
    ),
    Switch(
        "in-turns",
        ("streams", "P6"),
        "a long history is looked through at once, and all others wait",
        instead(stream, "_LOOKED_AT", 10**9),
        of(COSTS, "test_what_is_not_for_a_reader_is_looked_through_in_turns"),
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
        "five-seconds-to-read-why",
        ("streams", "P6"),
        "a reader that is cut off and does not read why keeps its connection",
        instead(stream, "_GOODBYE", 1e9),
        of(HELD, "test_who_is_cut_off_has_five_seconds_to_read_why"),
    ),
    Switch(
        "why-at-the-end-of-an-event",
        ("streams",),
        "why a stream ends is written into the middle of an event",
        in_the_middle,
        of(HELD, "test_an_event_that_is_cut_off_in_its_middle_is_not_made_another"),
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
        "framed-once",
        ("streams", "P6"),
        "a post is framed anew for each stream",
        frame_for_each,
        of("signalling/test_shared_posts.py", "test_a_post_is_framed_once_for_all_streams"),
    ),
)
