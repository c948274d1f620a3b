"""Feeds: what a post gets, which topics a pattern stands for, and how one goes on after a post."""

from typing import Any

from signalling.engine.packets import Shared
from signalling.feeds import feeds, index
from signalling.feeds.history import History
from signalling.feeds.index import Index
from signalling.feeds.selection import Selection
from signalling.feeds.stored import Stored
from signalling.outbox import Outbox
from signalling.posts import PostSpeller, Watched
from signalling.protocol import topics
from signalling.protocol.topics import ONE, REST, Wanted
from tests.sabotage.switch import Patch, Switch, always, instead, of

FEEDS = "signalling/test_feeds.py"
HISTORY = "signalling/test_feed_history.py"
INDEX = "signalling/test_feed_index.py"
MACHINE = "signalling/test_feed_machine.py"
SHARED = "signalling/test_shared_posts.py"
TOPICS = "protocol/test_topics.py"
POSTS = "signalling/test_posts.py"
OVER_HTTP = "signalling/http/test_feed.py"


def keys_of_all(self: History, poster: str, key: str) -> Stored | None:
    return next((post for (_, mine), post in self._keys.items() if mine == key), None) if key else None


def what_was_never_given(self: History, since: int) -> bool:
    return self.forgotten > self._begun if since == 0 else since < self.forgotten


def from_now_on(self: Watched, since: int) -> None:
    self._position = self.feed.history.newest


def stars_for_many_words(self: Wanted, topic: str) -> bool:
    words = topic.split(".")
    return topic in self._plain or any(
        all(want in (ONE, word) for want, word in zip(wanted, words, strict=False)) for wanted, _ in self._wild
    )


def rest_of_one_word_or_more(patch: Patch) -> None:
    was = Wanted.__init__

    def init(self: Wanted, patterns: Any) -> None:
        was(self, patterns)
        self._wild = [([*wanted, ONE] if rest else wanted, rest) for wanted, rest in self._wild]

    patch.setattr(Wanted, "__init__", init)


def forget_the_rest(patch: Patch) -> None:
    add, remove = Index.add, Index.remove

    def shorter(pattern: str) -> str:
        return pattern.removesuffix(REST) + ONE if pattern.endswith(REST) else pattern

    patch.setattr(Index, "add", lambda self, pattern, watcher: add(self, shorter(pattern), watcher))
    patch.setattr(Index, "remove", lambda self, pattern, watcher: remove(self, shorter(pattern), watcher))


def found_again_for_each_pattern(patch: Patch) -> None:
    was = Index.match
    patch.setattr(Index, "match", lambda self, topic: [each for each in was(self, topic) for _ in range(2)])


def spell_for_each(patch: Patch) -> None:
    was = PostSpeller.post

    def spell(self: PostSpeller, post: Stored, number: int) -> Shared:
        self._latest = None
        return was(self, post, number)

    patch.setattr(PostSpeller, "post", spell)


def take_from_the_middle(patch: Patch) -> None:
    was = Watched.take

    def take(self: Watched, most: int) -> Any:
        taken = was(self, most)
        self._position += 1
        return taken

    patch.setattr(Watched, "take", take)


def never_catch_up(patch: Patch) -> None:
    was = Watched.offer

    def offer(self: Watched, post: Stored) -> None:
        before = self._behind
        was(self, post)
        if self._behind and not before:
            self.end()

    patch.setattr(Watched, "offer", offer)


def fill_the_outbox(patch: Patch) -> None:
    was = Outbox.push_shared

    def push(self: Outbox, event: Shared) -> bool:
        limit, self._limit = self._limit, 2 * self._limit
        try:
            return was(self, event)
        finally:
            self._limit = limit

    patch.setattr(Outbox, "push_shared", push)


SWITCHES = (
    Switch(
        "ids-grow",
        ("feeds",),
        "a feed that is made anew begins with the same ids",
        instead(feeds, "_MICROSECONDS", 0),
        of(FEEDS, "test_ids_go_on_growing_when_a_feed_is_made_anew"),
    ),
    Switch(
        "keys-of-posts",
        ("feeds",),
        "the same key makes another post",
        instead(History, "keyed", always(None)),
        of(FEEDS, "test_a_key_makes_one_post_of_several")
        + of(HISTORY, "test_keys_are_remembered_as_long_as_their_posts"),
    ),
    Switch(
        "keys-of-each-poster",
        ("feeds",),
        "a key is everybody's: who uses that of another gets that one's post",
        instead(History, "keyed", keys_of_all),
        of(FEEDS, "test_a_key_makes_one_post_of_several")
        + of(HISTORY, "test_keys_are_remembered_as_long_as_their_posts"),
    ),
    Switch(
        "missed",
        ("feeds",),
        "nobody is told that posts are gone",
        instead(History, "has_missed", always(False)),
        of(HISTORY, "test_who_has_missed_something")
        + of(MACHINE, "TestFeedMachine::runTest")
        + of(OVER_HTTP, "test_what_is_kept_no_longer_is_missed")
        + of("signalling/http/test_stream.py", "test_what_was_forgotten_is_missed"),
    ),
    Switch(
        "missed-at-a-restart",
        ("feeds",),
        "an id that this feed has never given is taken for one of its own",
        instead(History, "has_missed", what_was_never_given),
        of(HISTORY, "test_who_has_missed_something"),
    ),
    Switch(
        "since",
        ("feeds",),
        "who asks for what came after a post gets only what comes next",
        instead(Watched, "go_back", from_now_on),
        of(MACHINE, "TestFeedMachine::runTest"),
    ),
    Switch(
        "nothing-left-out-behind",
        ("feeds",),
        "a watcher that is behind skips a post of those that are kept",
        take_from_the_middle,
        of(MACHINE, "TestFeedMachine::runTest"),
    ),
    Switch(
        "slow-watchers-catch-up",
        ("feeds", "P6"),
        "a watcher for which there was no room is sent nothing any more",
        never_catch_up,
        of(MACHINE, "TestFeedMachine::runTest"),
    ),
    Switch(
        "half-of-the-outbox",
        ("feeds", "P6"),
        "posts fill a client's outbox, and relays to it find no room",
        fill_the_outbox,
        of(MACHINE, "TestFeedMachine::runTest") + of(POSTS, "test_a_slow_watcher_makes_nobodys_relays_busy"),
    ),
    Switch(
        "a-star-is-one-word",
        ("feeds",),
        "`*` stands for any number of words",
        instead(Wanted, "matches", stars_for_many_words),
        of(TOPICS, "test_patterns[orders.*-orders.42.shipped-False]", "test_patterns[*-orders.42-False]")
        + of(TOPICS, "test_any_pattern_against_its_definition"),
    ),
    Switch(
        "two-stars-may-be-none",
        ("feeds",),
        "`**` stands for one word at least",
        rest_of_one_word_or_more,
        of(TOPICS, "test_patterns[orders.**-orders-True]", "test_any_pattern_against_its_definition"),
    ),
    Switch(
        "two-stars-are-the-rest",
        ("feeds",),
        "posts are offered as if `**` were one word",
        forget_the_rest,
        of(INDEX, "test_it_finds_everyone_once")
        + of(FEEDS, "test_watchers_get_what_they_asked_for_once")
        + of(MACHINE, "TestFeedMachine::runTest"),
    ),
    Switch(
        "each-watcher-once",
        ("feeds",),
        "who has two patterns for a post gets it twice",
        found_again_for_each_pattern,
        of(INDEX, "test_it_finds_everyone_once") + of(FEEDS, "test_watchers_get_what_they_asked_for_once"),
    ),
    Switch(
        "topics-of-the-server",
        ("feeds",),
        "anybody posts on the server's own topics",
        instead(topics, "OWN", "\0"),
        of(TOPICS, "test_nobody_posts_on_the_servers_own_topics[$watchers]", "test_patterns[**-$watchers-False]")
        + of(FEEDS, "test_what_is_refused_changes_nothing[fields3-bad-request-the server's own]")
        + of("signalling/webhooks/test_webhooks.py", "test_nobody_else_posts_there"),
    ),
    Switch(
        "no-wildcard-for-the-servers",
        ("feeds",),
        "who watches everything gets what the server tells on its own topics",
        instead(index, "OWN", "\0"),
        of(INDEX, "test_it_finds_everyone_once") + of(FEEDS, "test_who_watches_is_told_together"),
    ),
    Switch(
        "events-of-topics",
        ("feeds", "streams"),
        "who asks for some events gets all of a topic",
        instead(Selection, "has_event", always(True)),
        of(FEEDS, "test_watchers_get_what_they_asked_for_once")
        + of(MACHINE, "TestFeedMachine::runTest")
        + of("signalling/http/test_stream.py", "test_a_stream_of_events"),
    ),
    Switch(
        "spelled-once",
        ("feeds", "P6"),
        "a post is spelled anew for each who watches",
        spell_for_each,
        of(SHARED, "test_a_post_is_spelled_once_for_all_who_watch"),
    ),
)
