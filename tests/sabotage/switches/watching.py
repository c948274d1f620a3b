"""The library's half of feeds: a watch goes on over one connection after another, and a post is made once."""

import secrets
from typing import Any

from peers.connection import Connection
from peers.feed_watch import Watch
from signalling.protocol import events as wire
from tests.sabotage.switch import Patch, Switch, instead, nothing, of

FEED = "peers/test_feed.py"


def begin_anew(patch: Patch) -> None:
    was = Watch._disconnected

    def disconnected(self: Watch) -> None:
        self._last = None
        was(self)

    patch.setattr(Watch, "_disconnected", disconnected)


def another_key_each_time(patch: Patch) -> None:
    was = Connection.request

    async def request(self: Connection, event: str, data: Any, **more: Any) -> Any:
        return await was(self, event, {**data, "key": secrets.token_hex(8)} if event == "post" else data, **more)

    patch.setattr(Connection, "request", request)


def say_nothing_of_gaps(patch: Patch) -> None:
    was = Watch._receive

    def receive(self: Watch, event: wire.PostFrom | wire.Missed) -> None:
        was(self, event)
        self._missed = False

    patch.setattr(Watch, "_receive", receive)


SWITCHES = (
    Switch(
        "watches-go-on",
        ("feeds",),
        "a watch begins anew with each connection, and what was posted meanwhile is not seen",
        begin_anew,
        of(FEED, "test_watching_goes_on_with_the_next_connection"),
    ),
    Switch(
        "posted-once",
        ("feeds",),
        "a post whose reply is lost is made again",
        another_key_each_time,
        of(FEED, "test_a_post_whose_reply_is_lost_is_posted_once"),
    ),
    Switch(
        "gaps-are-told",
        ("feeds",),
        "a program is not told that posts are gone",
        say_nothing_of_gaps,
        of(FEED, "test_what_a_live_watch_has_missed_is_told_with_the_next_post"),
    ),
    Switch(
        "who-does-not-read-is-sent-no-more",
        ("feeds", "P6"),
        "posts wait without end in a program that does not read them",
        instead(Watch, "_drop", nothing),
        of(FEED, "test_a_reader_too_slow_for_the_server_is_told"),
    ),
)
