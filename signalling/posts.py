"""What happens on post, watch and unwatch, and when a client goes that watches."""

import asyncio
import secrets
from typing import Final

from signalling.access import Access
from signalling.clients import Client
from signalling.engine.packets import Parts, Shared, Speller
from signalling.feeds.feed import Feed
from signalling.feeds.feeds import Feeds
from signalling.feeds.selection import Selection
from signalling.feeds.stored import Stored
from signalling.protocol.errors import ProtocolError
from signalling.protocol.events import Missed, Post, Posted, Unwatch, Watch, WatcherInfo, Watching
from signalling.protocol.limits import MAX_EVENT_NAME, MAX_INTEGER, MAX_PATTERNS, MAX_WATCHES
from signalling.protocol.topics import WATCHERS, check_pattern
from signalling.protocol.writing import Batch

_LOOKED_AT: Final = 256
"""Posts that are looked at for one that is behind, before others have a turn."""


class Watched:
    """One watch of one client: what it asked for, and how far it has come.

    A client that reads more slowly than others post gets what the room still keeps, when it has read what came before.
    """

    def __init__(self, client: Client, feed: Feed, number: int, speller: "PostSpeller") -> None:
        self.selection = Selection({}, frozenset())
        self.client = client
        self.feed = feed
        self.number = number
        seat = client.seats.get(feed.room)
        self._id = seat.peer if seat is not None else secrets.token_hex(8)
        self._speller = speller
        self._position = feed.history.newest
        self._behind = False
        self._ended = False

    def describe(self) -> WatcherInfo:
        """See `Watcher`."""
        return WatcherInfo(id=self._id, user=self.client.access.user, topics=list(self.selection.patterns))

    def offer(self, post: Stored) -> None:
        """See `Watcher`."""
        if self._behind:
            return
        if self.client.outbox.push_shared(self._speller.post(post, self.number)):
            self._position = post.id
        elif post.topic != WATCHERS:  # which is not kept
            self._position = post.id - 1
            self._behind = True
            self.client.outbox.push_backlog(self)

    def go_back(self, since: int) -> None:
        """Takes up again after the post of this id, once the reply to this has been sent."""
        self._position = since
        if not self._behind:
            self._behind = True
            self._come_back()

    def end(self) -> None:
        """Nothing more is sent."""
        self._ended = True

    def take(self, most: int) -> list[Parts]:
        """See `Backlog`."""
        if self._ended:
            return []
        taken: list[Parts] = []
        history = self.feed.history
        if history.has_missed(self._position):
            self._position = history.forgotten
            taken.append(self._speller.missed(self.feed.room, history.forgotten, self.number))
        posts = history.after(self._position, _LOOKED_AT)
        for post in posts:
            self._position = post.id
            if self.selection.has(post):
                parts = self._speller.post(post, self.number).parts
                taken.append(parts)
                most -= sum(map(len, parts))
                if most <= 0:
                    break
        if not taken:
            if posts:  # none of them was for this one: there may be more
                self._come_back()
            else:
                self._behind = False
        return taken

    def _come_back(self) -> None:
        """Takes from the history when others have had a turn."""
        asyncio.get_running_loop().call_soon(self._queue)

    def _queue(self) -> None:
        if not self._ended:
            self.client.outbox.push_backlog(self)


class PostSpeller:
    """Spells posts for watchers: one that is offered to many is spelled once."""

    def __init__(self, speller: Speller) -> None:
        self._speller = speller
        self._batch = Batch()
        self._latest: Stored | None = None
        self._spelled: dict[int, Shared] = {}

    def post(self, post: Stored, number: int) -> Shared:
        """The `post` event for a watch of this number."""
        if post is not self._latest:
            self._latest = post
            self._spelled = {}
        spelled = self._spelled.get(number)
        if spelled is None:
            text = post.text.decode()
            if number:
                text = f'{text[:-1]},"watch":{number}}}'
            spelled = self._spelled[number] = Shared(self._speller.text("post", text), self._batch)
        return spelled

    def missed(self, room: str, id: int, number: int) -> Parts:
        """The `missed` event for a watch of this number."""
        return self._speller.event("missed", Missed(room=room, id=id, watch=number))


class Posts:
    """Takes posts from clients, and has others watch them."""

    def __init__(self, feeds: Feeds, speller: Speller) -> None:
        self._feeds = feeds
        self._speller = PostSpeller(speller)
        self._watched: dict[str, dict[tuple[str, int], Watched]] = {}
        """By the sids of clients, then by room and number."""

    async def post(self, client: Client, post: Post) -> Posted:
        """Keeps a post for those who watch. Raises ProtocolError: `bad-request`, `too-large`, `forbidden`, `busy`."""
        client.access.check("post", post.room)
        seat = client.seats.get(post.room)
        sender = seat.peer if seat is not None else client.access.user or ""
        # Keys are those of a user, or of all who are none: one that comes back may not be a member yet.
        stored = self._feeds.post(post, sender=sender, poster=client.access.user or "")
        await self._feeds.settled(post.topic)
        return Posted(id=stored.id)

    def watch(self, client: Client, watch: Watch) -> Watching:
        """Begins to send posts to a client, or more. Raises ProtocolError `bad-request`, `forbidden`, `busy`."""
        patterns = _check(watch)
        client.access.check_watch(watch.room, patterns)
        name = (watch.room, watch.watch)
        mine = self._watched.get(client.sid, {})
        watched = mine.get(name)
        if watched is None and len(mine) >= MAX_WATCHES:
            raise ProtocolError("forbidden", f"one client may have {MAX_WATCHES} watches: end one, or add topics to it")
        events = frozenset(watch.events)
        if watched is not None:
            patterns, events = watched.selection.patterns | patterns, watched.selection.events | events
        if max(len(patterns), len(events)) > MAX_PATTERNS:
            raise ProtocolError("bad-request", f"topics, events: at most {MAX_PATTERNS} of each in one watch")
        feed = self._feeds.feed(watch.room)
        if watched is None:
            watched = Watched(client, feed, watch.watch, self._speller)
        watched.selection = Selection(patterns, events)
        self._feeds.watch(watch.room, watched)
        self._watched.setdefault(client.sid, mine)[name] = watched
        history = feed.history
        if watch.since is None:
            return Watching(id=history.newest)
        missed = history.has_missed(watch.since)
        watched.go_back(history.forgotten if missed else watch.since)
        return Watching(id=history.newest, missed=missed)

    def unwatch(self, client: Client, unwatch: Unwatch) -> None:
        """Sends no more of some topics to a client. Raises ProtocolError `bad-request` if it did not watch."""
        watched = self._watched.get(client.sid, {}).get((unwatch.room, unwatch.watch))
        if watched is None:
            raise ProtocolError("bad-request", "there is no such watch in this room")
        patterns, events = watched.selection.patterns, watched.selection.events
        ended = frozenset(unwatch.topics or patterns)
        if left := {pattern: None for pattern in patterns if pattern not in ended}:
            watched.selection = Selection(left, events)
            self._feeds.watch(unwatch.room, watched)
        else:
            self._end(watched)

    def is_watching(self, client: Client) -> bool:
        """Whether a client watches anything."""
        return client.sid in self._watched

    def check(self, client: Client, access: Access) -> None:
        """Raises ProtocolError `forbidden` if this does not grant what the client watches."""
        for (room, _), watched in self._watched.get(client.sid, {}).items():
            access.check_watch(room, watched.selection.patterns)

    def gone(self, client: Client) -> None:
        """Ends what a client watched that is gone."""
        for watched in list(self._watched.get(client.sid, {}).values()):
            self._end(watched)

    def _end(self, watched: Watched) -> None:
        mine = self._watched[watched.client.sid]
        del mine[watched.feed.room, watched.number]
        if not mine:
            del self._watched[watched.client.sid]
        watched.end()
        self._feeds.unwatch(watched.feed.room, watched)


def _check(watch: Watch) -> dict[str, None]:
    if not 0 <= watch.watch <= MAX_INTEGER:
        raise ProtocolError("bad-request", f"watch: an integer from 0 to {MAX_INTEGER}")
    if watch.since is not None and not 0 <= watch.since <= MAX_INTEGER:
        raise ProtocolError("bad-request", f"since: the id of a post, from 0 to {MAX_INTEGER}")
    if not 0 < len(watch.topics) <= MAX_PATTERNS or len(watch.events) > MAX_PATTERNS:
        raise ProtocolError("bad-request", f"topics: 1 to {MAX_PATTERNS} patterns; events: at most as many names")
    if any(len(event.encode(errors="replace")) > MAX_EVENT_NAME for event in watch.events):
        raise ProtocolError("bad-request", f"events: names of at most {MAX_EVENT_NAME} bytes")
    try:
        return {check_pattern(pattern): None for pattern in watch.topics}
    except ValueError as error:
        raise ProtocolError("bad-request", f"topics: {error}") from None
