"""What a room keeps of its feed, what all rooms keep together, and who is told that somebody watches."""

from typing import Any

import msgspec

from signalling.feeds import presence
from signalling.feeds.feed import Feed
from signalling.feeds.feeds import Feeds
from signalling.feeds.history import Bounds, History
from signalling.feeds.presence import Changes
from signalling.feeds.stored import Stored
from tests.sabotage.switch import Breaker, Patch, Switch, always, instead, nothing, of

FEEDS = "signalling/test_feeds.py"
HISTORY = "signalling/test_feed_history.py"
MACHINE = "signalling/test_feed_machine.py"
POSTS = "signalling/test_posts.py"
TOGETHER = "test_all_rooms_together_are_bounded_and_the_quietest_forgets_first"


def bounds(**changed: Any) -> Breaker:
    """Other bounds of what a room keeps."""

    def breaks(patch: Patch) -> None:
        was = History.__init__

        def init(self: History, bounds: Bounds, newest: int) -> None:
            was(self, msgspec.structs.replace(bounds, **changed), newest)

        patch.setattr(History, "__init__", init)

    return breaks


def forget_the_newest_too(patch: Patch) -> None:
    was = History.add

    def add(self: History, post: Stored, now: float) -> None:
        was(self, post, now)
        while len(self) and self.bytes > self._bounds.bytes:
            self.forget_oldest()

    patch.setattr(History, "add", add)


def forget_of_the_loudest(patch: Patch) -> None:
    was = Feeds._forget_quietest

    def forget(self: Feeds, latest: Feed) -> bool:
        if len(latest.history) == 1:
            return was(self, latest)
        with self._counted(latest):
            latest.history.forget_oldest()
        return True

    patch.setattr(Feeds, "_forget_quietest", forget)


def forget_the_latest_of_all(patch: Patch) -> None:
    def forget(self: Feeds, latest: Feed) -> bool:
        if not self._keeping:
            return False
        quietest = next(iter(self._keeping.values()))
        with self._counted(quietest):
            quietest.history.forget_oldest()
        return True

    patch.setattr(Feeds, "_forget_quietest", forget)


def count_nothing_back(patch: Patch) -> None:
    was = Feeds.close

    def close(self: Feeds, room: str) -> None:
        before = self.bytes
        was(self, room)
        self.bytes = before

    patch.setattr(Feeds, "close", close)


def drop_at_once(patch: Patch) -> None:
    was = Feeds.expire

    def expire(self: Feeds) -> None:
        was(self)
        for feed in self:
            if feed.idle:
                del self._feeds[feed.room]

    patch.setattr(Feeds, "expire", expire)


def tell_each(self: Feeds, feed: Feed) -> None:
    self._tell(feed)


def mention_all(patch: Patch) -> None:
    was = Changes.ceased

    def ceased(self: Changes[Any], watcher: Any, info: Any) -> None:
        was(self, watcher, info)
        self._ceased[watcher] = info

    patch.setattr(Changes, "ceased", ceased)


def keep_who_watches(patch: Patch) -> None:
    was = Feed._offer

    def offer(self: Feed, post: Stored) -> None:
        if post.id == self.history.newest and post.topic == "$watchers":
            post.id += 1
            self.history.add(post, 0.0)
        was(self, post)

    patch.setattr(Feed, "_offer", offer)


SWITCHES = (
    Switch(
        "history-posts",
        ("feeds", "P6"),
        "a room keeps any number of posts",
        bounds(posts=10**9),
        of(HISTORY, "test_the_newest_posts_stay") + of(MACHINE, "TestFeedMachine::runTest"),
    ),
    Switch(
        "history-bytes",
        ("feeds", "P6"),
        "a room keeps posts of any size",
        bounds(bytes=10**12),
        of(HISTORY, "test_bytes_are_bounded_but_the_newest_post_stays"),
    ),
    Switch(
        "history-age",
        ("feeds", "P6"),
        "a room keeps its posts for ever",
        bounds(age=1e12),
        of(HISTORY, "test_age") + of(FEEDS, "test_a_key_is_forgotten_with_its_post"),
    ),
    Switch(
        "the-newest-stays",
        ("feeds",),
        "a post that is larger than a room's part is forgotten as soon as it is made",
        forget_the_newest_too,
        of(HISTORY, "test_bytes_are_bounded_but_the_newest_post_stays"),
    ),
    Switch(
        "all-rooms-together",
        ("feeds", "P6"),
        "many rooms keep more than all may",
        instead(Feeds, "_forget_quietest", always(False)),
        of(FEEDS, TOGETHER),
    ),
    Switch(
        "the-quietest-forgets-first",
        ("feeds",),
        "who posts makes room by what it has posted itself, and quiet rooms stay as they are",
        forget_of_the_loudest,
        of(FEEDS, TOGETHER),
    ),
    Switch(
        "the-latest-of-all-stays",
        ("feeds",),
        "the latest post is forgotten where there is no room for it beside others",
        forget_the_latest_of_all,
        of(FEEDS, TOGETHER),
    ),
    Switch(
        "rooms-with-feeds",
        ("feeds", "P6"),
        "any number of rooms have feeds",
        instead(Feeds, "_drop_one", always(True)),
        of(FEEDS, "test_rooms_are_bounded") + of(POSTS, "test_rooms_with_feeds_are_bounded"),
    ),
    Switch(
        "feeds-that-nobody-needs-go",
        ("feeds", "P6"),
        "a feed without posts and watchers is there for ever",
        instead(Feed, "idle", property(always(False))),
        of(FEEDS, "test_ids_go_on_growing_when_a_feed_is_made_anew", "test_rooms_are_bounded"),
    ),
    Switch(
        "feeds-stay-for-a-while",
        ("feeds",),
        "a feed goes with its last post, and who comes back to it is told that it has missed some",
        drop_at_once,
        of(FEEDS, "test_ids_go_on_growing_when_a_feed_is_made_anew"),
    ),
    Switch(
        "closed-rooms-are-counted-out",
        ("feeds", "P6"),
        "what a closed room kept counts for ever",
        count_nothing_back,
        of(FEEDS, "test_closing_a_room_forgets_what_it_keeps"),
    ),
    Switch(
        "watchers-are-told",
        ("feeds",),
        "nobody is told who watches",
        instead(Feeds, "_tell_soon", nothing),
        of(FEEDS, "test_who_watches_is_told_together", "test_a_crowd_is_named_in_part"),
    ),
    Switch(
        "watchers-are-told-together",
        ("feeds", "P6"),
        "each who begins to watch is told by itself",
        instead(Feeds, "_tell_soon", tell_each),
        of(FEEDS, "test_who_watches_is_told_together", "test_a_crowd_is_named_in_part"),
    ),
    Switch(
        "came-and-went",
        ("feeds",),
        "who came and went in between is mentioned",
        mention_all,
        of(FEEDS, "test_who_comes_and_goes_in_between_is_not_mentioned"),
    ),
    Switch(
        "who-watches-is-not-kept",
        ("feeds",),
        "the room keeps what it tells of its watchers, in the place of posts",
        keep_who_watches,
        of(FEEDS, "test_who_watches_is_told_together") + of(POSTS, "test_who_watches_is_told_on_a_topic_of_its_own"),
    ),
    Switch(
        "a-crowd-in-part",
        ("feeds", "P6"),
        "a crowd of watchers is named to the last one",
        instead(presence, "TOLD_AT_ONCE", 10**9),
        of(FEEDS, "test_a_crowd_is_named_in_part"),
    ),
    Switch(
        "only-where-it-is-watched",
        ("feeds", "P6"),
        "watchers are described where nobody asks for it",
        instead(Feed, "is_watched", always(True)),
        of(FEEDS, "test_nobody_pays_where_nobody_watches_the_watchers"),
    ),
)
