"""Feeds of rooms: made when they are needed, bounded together, and what is refused."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from signalling.feeds.feeds import TOLD_EVERY, FeedLimits, Feeds
from signalling.feeds.history import Bounds
from signalling.feeds.presence import TOLD_AT_ONCE
from signalling.feeds.selection import Selection
from signalling.feeds.stored import Stored
from signalling.protocol.errors import ProtocolError
from signalling.protocol.events import Post, WatcherInfo, Watchers


class Time:
    """A clock, and what is to be done later."""

    def __init__(self) -> None:
        self.now = 0.0
        self.due: list[tuple[float, Callable[[], None]]] = []

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self.due.append((self.now + seconds, call))

    def pass_by(self, seconds: float) -> None:
        self.now += seconds
        due = [call for at, call in self.due if at <= self.now]
        self.due = [(at, call) for at, call in self.due if at > self.now]
        for call in due:
            call()


class Watcher:
    def __init__(self, *patterns: str, name: str = "w", events: tuple[str, ...] = ()) -> None:
        self.selection = Selection(dict.fromkeys(patterns), frozenset(events))
        self.name = name
        self.posts: list[Stored] = []
        self.described = 0

    def offer(self, post: Stored) -> None:
        self.posts.append(post)

    def describe(self) -> WatcherInfo:
        self.described += 1
        return WatcherInfo(id=self.name, topics=list(self.selection.patterns))

    @property
    def topics(self) -> list[str]:
        return [post.topic for post in self.posts]

    def told(self) -> list[Watchers]:
        posts, self.posts = self.posts, []
        return [msgspec.json.decode(post.data, type=Watchers) for post in posts]


LIMITS = FeedLimits(post=5_000, room=Bounds(posts=50, bytes=1_000_000, age=60.0), rooms=3, bytes=1_000_000)


def feeds(time: Time | None = None, **limits: Any) -> Feeds:
    time = time or Time()
    return Feeds(msgspec.structs.replace(LIMITS, **limits), lambda: time.now, lambda: 1_000.0 + time.now, time.later)


def post(room: str = "r", topic: str = "t", data: Any = None, **fields: Any) -> Post:
    return Post(room=room, topic=topic, data=data, **fields)


def kept(feeds: Feeds) -> int:
    return sum(feed.history.bytes for feed in feeds)


def test_watchers_get_what_they_asked_for_once() -> None:
    room = feeds()
    both, named = Watcher("a.*", "**"), Watcher("**", events=("shipped", ""))
    room.watch("r", both)
    room.watch("r", named)
    for topic, event in (("a.b", "shipped"), ("a.b", "paid"), ("c", "")):
        room.post(post(topic=topic, event=event))
    room.post(post(room="another"))
    assert both.topics == ["a.b", "a.b", "c"]
    assert named.topics == ["a.b", "c"]
    both.selection = Selection({"c": None}, frozenset())
    room.watch("r", both)
    room.unwatch("r", named)
    room.unwatch("r", named)
    room.unwatch("nowhere", named)
    room.post(post(topic="a.b"))
    room.post(post(topic="c"))
    assert both.topics == ["a.b", "a.b", "c", "c"]
    assert named.topics == ["a.b", "c"]


def test_ids_go_on_growing_when_a_feed_is_made_anew() -> None:
    time = Time()
    room = feeds(time)
    last = 0
    for _ in range(3):
        for _ in range(40):
            id = room.post(post()).id
            assert id > last
            last = id
        time.pass_by(30)
        room.unwatch("r", Watcher())
        time.pass_by(30.1)
        room.expire()
        feed = room.find("r")
        assert feed is not None, "who comes back in time has missed nothing"
        assert feed.idle
        time.pass_by(30)
        room.expire()
        assert room.find("r") is None
    assert (room.bytes, room.posts) == (0, 120)


def test_a_key_makes_one_post_of_several() -> None:
    room = feeds()
    watcher = Watcher("**")
    room.watch("r", watcher)
    first = room.post(post(data={"n": 1}, key="k"), poster="ada")
    assert room.post(post(data={"n": 1}, key="k"), poster="ada") is first
    assert room.post(Post(room="r", topic="t", data=msgspec.Raw(b'{ "n" :1}'), key="k"), poster="ada") is first
    assert room.post(post(data={"n": 1}, key="k"), poster="bob") is not first
    assert len(watcher.posts) == 2
    assert room.posts == 2
    for other in (post(data={"n": 2}, key="k"), post(topic="u", data={"n": 1}, key="k")):
        with pytest.raises(ProtocolError, match="this key is of another post") as caught:
            room.post(other, poster="ada")
        assert caught.value.code == "bad-request"


def test_a_key_is_forgotten_with_its_post() -> None:
    time = Time()
    room = feeds(time)
    first = room.post(post(key="k"))
    time.pass_by(60.1)
    assert room.post(post(key="k")) is not first
    assert room.bytes == kept(room)


@pytest.mark.parametrize(
    ("fields", "code", "why"),
    [
        ({"room": ""}, "bad-request", "a room's name"),
        ({"room": "x" * 129}, "bad-request", "a room's name"),
        ({"topic": "a.*"}, "bad-request", "topic"),
        ({"topic": "$watchers"}, "bad-request", "the server's own"),
        ({"event": "x" * 129}, "bad-request", "event: at most 128"),
        ({"event": "a\n"}, "bad-request", "event: no control"),
        ({"key": "é" * 65}, "bad-request", "key: at most 128"),
        ({"key": "\ud800"}, "bad-request", "key: must be valid"),
        ({"data": b"bytes"}, "bad-request", "data: any JSON"),
        ({"data": float("nan")}, "bad-request", "data: any JSON"),
        ({"data": "x" * 4_999}, "too-large", "at most 5000 bytes"),
    ],
)
def test_what_is_refused_changes_nothing(fields: dict[str, Any], code: str, why: str) -> None:
    room = feeds()
    with pytest.raises(ProtocolError, match=why) as caught:
        room.post(post(**fields))
    assert caught.value.code == code
    assert (room.posts, room.bytes) == (0, 0)


def test_the_largest_post() -> None:
    room = feeds()
    assert len(room.post(post(data="x" * 4_998)).data) == 5_000


def test_all_rooms_together_are_bounded_and_the_quietest_forgets_first() -> None:
    one = feeds(rooms=10).post(post(data="x" * 4_000)).size
    room = feeds(rooms=10, bytes=4 * one)
    for name in ("a", "b", "a", "c", "b"):
        room.post(post(room=name, data="x" * 4_000))
        assert room.bytes == kept(room) <= 4 * one
    assert {feed.room: len(feed.history) for feed in room} == {"a": 1, "b": 2, "c": 1}
    for name in ("d", "e", "e"):
        room.post(post(room=name, data="x" * 4_000))
    assert {feed.room: len(feed.history) for feed in room} == {"a": 0, "b": 1, "c": 0, "d": 1, "e": 2}
    small = feeds(bytes=1)
    for _ in range(3):
        small.post(post())
    assert [len(feed.history) for feed in small] == [1], "the latest post of all stays"


def test_rooms_are_bounded() -> None:
    room = feeds()
    watcher = Watcher("**")
    room.watch("a", watcher)
    room.post(post("b"))
    room.post(post("c"))
    room.post(post("b"))
    room.post(post("d"))
    assert [feed.room for feed in room] == ["a", "b", "d"], "c was posted to the longest time ago"
    room.watch("e", watcher)
    room.watch("f", watcher)
    with pytest.raises(ProtocolError, match="come again") as caught:
        room.post(post("g"))
    assert caught.value.code == "busy"
    assert room.bytes == kept(room) == 0
    room.unwatch("e", watcher)
    room.post(post("g"))
    assert [feed.room for feed in room] == ["a", "f", "g"]


def test_closing_a_room_forgets_what_it_keeps() -> None:
    room = feeds()
    watcher = Watcher("**")
    room.watch("r", watcher)
    room.post(post(key="k"))
    room.close("r")
    room.close("another")
    assert (room.bytes, kept(room)) == (0, 0)
    room.post(post(key="k"))
    assert len(watcher.posts) == 2


def test_who_watches_is_told_together() -> None:
    time = Time()
    room = feeds(time)
    old, ada, bob = Watcher("x", name="old"), Watcher("$watchers", name="ada"), Watcher("**", name="bob")
    room.watch("r", old)
    room.watch("r", ada)
    room.watch("r", bob)
    newest = room.post(post()).id
    assert ada.posts == []
    time.pass_by(TOLD_EVERY)
    (told,) = ada.posts
    assert (told.id, told.topic, told.sender) == (newest, "$watchers", "")
    assert ada.told() == [
        Watchers(count=3, began=[WatcherInfo(id="ada", topics=["$watchers"]), WatcherInfo(id="bob", topics=["**"])])
    ]
    bob.selection = Selection({"a": None}, frozenset())
    room.watch("r", bob)
    room.unwatch("r", old)
    time.pass_by(TOLD_EVERY)
    assert ada.told() == [
        Watchers(count=2, began=[WatcherInfo(id="bob", topics=["a"])], ceased=[WatcherInfo(id="old", topics=["x"])])
    ]
    feed = room.find("r")
    assert feed is not None
    assert (feed.history.newest, len(feed.history)) == (newest, 1), "it is not kept"
    assert bob.topics == ["t"]


def test_who_comes_and_goes_in_between_is_not_mentioned() -> None:
    time = Time()
    room = feeds(time)
    ada, bob = Watcher("$watchers", name="ada"), Watcher("**", name="bob")
    room.watch("r", ada)
    time.pass_by(TOLD_EVERY)
    ada.told()
    room.watch("r", bob)
    bob.selection = Selection({"a": None}, frozenset())
    room.watch("r", bob)
    room.unwatch("r", bob)
    time.pass_by(TOLD_EVERY)
    assert ada.told() == []
    room.watch("r", bob)
    time.pass_by(TOLD_EVERY)
    bob.selection = Selection({"b": None}, frozenset())
    room.watch("r", bob)
    room.unwatch("r", bob)
    time.pass_by(TOLD_EVERY)
    assert [told.ceased for told in ada.told()] == [[], [WatcherInfo(id="bob", topics=["b"])]]


def test_nobody_pays_where_nobody_watches_the_watchers() -> None:
    time = Time()
    room = feeds(time)
    bob = Watcher("**", name="bob")
    room.watch("r", bob)
    room.unwatch("r", bob)
    assert (bob.described, time.due) == (0, [])
    ada = Watcher("$watchers", name="ada")
    room.watch("r", ada)
    room.unwatch("r", ada)
    time.pass_by(TOLD_EVERY)
    assert ada.posts == []
    room.watch("r", ada)
    time.pass_by(TOLD_EVERY)
    assert [told.began for told in ada.told()] == [[WatcherInfo(id="ada", topics=["$watchers"])]]


def test_a_crowd_is_named_in_part() -> None:
    time = Time()
    room = feeds(time)
    ada = Watcher("$watchers", name="ada")
    crowd = [Watcher("**", name=str(n)) for n in range(2 * TOLD_AT_ONCE)]
    for watcher in (ada, *crowd):
        room.watch("r", watcher)
    time.pass_by(TOLD_EVERY)
    (told,) = ada.told()
    assert (told.count, len(told.began), told.ceased, told.more) == (513, TOLD_AT_ONCE, [], TOLD_AT_ONCE + 1)
    for watcher in crowd[:10]:
        room.unwatch("r", watcher)
    for n in range(TOLD_AT_ONCE - 5):
        room.watch("r", Watcher("x", name=f"new {n}"))
    time.pass_by(TOLD_EVERY)
    (told,) = ada.told()
    assert (len(told.began), len(told.ceased), told.more) == (TOLD_AT_ONCE - 5, 5, 5)
