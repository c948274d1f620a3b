"""Whoever watches, slow or fast, sees each post that it asked for once and in order, or is told that it missed some."""

import asyncio
import json
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from signalling.clients import Client
from signalling.engine.packets import Parts, Shared, Speller
from signalling.engine.queue import FedQueue
from signalling.feeds.feeds import FeedLimits, Feeds
from signalling.feeds.history import Bounds
from signalling.outbox import Outbox
from signalling.posts import Posts
from signalling.protocol.events import Post, Unwatch, Watch
from signalling.protocol.topics import matches
from signalling.throttle import TokenBucket

ROOMS = ["a", "b"]
TOPICS = ["x", "x.1", "x.2", "y"]
PATTERNS = ["x", "x.*", "x.**", "**", "y", "*"]
OUTBOX = 6_000
KEPT = 60


class Reader:
    """Stands for a WebSocket, which is writable or not, and for who reads what is written."""

    open = True

    def __init__(self, queue: FedQueue) -> None:
        self.queue = queue
        self.writable = True
        self.read: list[Any] = []
        self._writer: asyncio.Task[Any] | None = None

    def write(self, parts: Parts) -> None:
        self._take(str(parts[0]))

    def write_shared(self, event: Shared) -> bool:
        if self.writable:
            self._take(event.frame[event.frame.index(b"42[") + 1 :].decode())
        return self.writable

    def _take(self, text: str) -> None:
        assert self.writable
        self.read.append(json.loads(text[1:]))

    async def run(self, packets: int) -> None:
        """The writer writes so many packets, or waits for more."""
        for _ in range(packets):
            if self._writer is None:
                self._writer = asyncio.ensure_future(self.queue.get())
            for _ in range(8):
                if self._writer.done():
                    break
                await asyncio.sleep(0)
            if not self._writer.done() or not self.writable:
                return
            self._take(self._writer.result().data)
            self._writer = None

    def end(self) -> None:
        if self._writer is not None:
            self._writer.cancel()


class Told:
    """One watch, and what a reader may expect of it."""

    def __init__(self, room: str, patterns: list[str], events: list[str], since: int, ended: bool = False) -> None:
        self.room, self.patterns, self.events = room, patterns, events
        self.position = since
        self.ended = ended
        self.on_its_way: set[int] = set()


class FeedMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.now = 0.0
        limits = FeedLimits(post=9_000, room=Bounds(posts=KEPT, bytes=60_000, age=50.0), rooms=5, bytes=90_000)
        self.feeds = Feeds(limits, lambda: self.now, lambda: 1_000.0 + self.now, self.loop.call_later)
        self.posts = Posts(self.feeds, Speller("/"))
        self.all: dict[str, list[Any]] = {room: [] for room in ROOMS}
        self.clients = [self.client("0"), self.client("1")]
        self.readers = [self.reader(client) for client in self.clients]
        self.watches: list[dict[int, Told]] = [{}, {}]
        self.number = 0

    def client(self, sid: str) -> Client:
        outbox = Outbox(FedQueue(), Speller("/"), OUTBOX, lambda: self.now)
        return Client(sid, "host", outbox, TokenBucket(1, 1, 0), TokenBucket(1, 1, 0))

    def reader(self, client: Client) -> Reader:
        reader = Reader(client.outbox._queue)
        reader.queue.websocket = reader  # type: ignore[assignment]
        return reader

    @initialize()
    def watch_everything(self) -> None:
        for who in (0, 1):
            self.watch("a", ["**"], [], who, None)

    @rule(
        room=st.sampled_from(["a", "a", "a", "b"]),
        topic=st.sampled_from(TOPICS),
        event=st.sampled_from(["", "e"]),
        size=st.sampled_from([0, 0, 0, 500, 500, 8_000]),
        key=st.sampled_from(["", "", "", "", "k", "l"]),
        who=st.integers(0, 1),
        times=st.integers(1, 20),
    )
    def post(self, room: str, topic: str, event: str, size: int, key: str, who: int, times: int) -> None:
        for _ in range(times):
            # With a key, the data is that of the key: else it would be refused.
            topic, event, data = (key, "", "d") if key else (topic, event, "d" * size)
            before = self.feeds.posts
            post = Post(room=room, topic=topic, event=event, data=data, key=key)
            id = self.loop.run_until_complete(self.posts.post(self.clients[who], post)).id
            if self.feeds.posts > before:
                assert id > max((post["id"] for post in self.all[room]), default=0)
                self.all[room].append({"id": id, "topic": topic, "event": event, "data": data})
            else:
                assert key
                assert {"id": id, "topic": topic, "event": event, "data": data} in self.all[room]

    @rule(
        room=st.sampled_from(ROOMS),
        patterns=st.lists(st.sampled_from([*PATTERNS, "k"]), min_size=1, max_size=3),
        events=st.sampled_from([[], ["e"]]),
        who=st.integers(0, 1),
        back=st.sampled_from([None, 0, 1, 2, 6, 30]),
    )
    def watch(self, room: str, patterns: list[str], events: list[str], who: int, back: int | None) -> None:
        if len(self.watches[who]) >= 60:
            return
        self.number += 1
        posts = self.all[room]
        since = None if back is None else posts[-back]["id"] if 0 < back <= len(posts) else 0
        watch = Watch(room=room, topics=patterns, events=events, since=since, watch=self.number)
        reply = self.loop.run_until_complete(self.call(self.posts.watch, self.clients[who], watch))
        feed = self.feeds.find(room)
        assert feed is not None
        assert reply.id == feed.history.newest
        start = reply.id if since is None else since
        if since == 0:  # everything that is kept, by a feed that may have been made anew
            start = feed.history.forgotten
        if reply.missed:
            start = feed.history.forgotten
            made_anew = since is not None and since < feed.history._begun
            assert made_anew or any((since or 0) < post["id"] <= start for post in posts)
        self.watches[who][self.number] = Told(room, patterns, events, start)

    @rule(who=st.integers(0, 1), data=st.data())
    def unwatch(self, who: int, data: st.DataObject) -> None:
        alive = [number for number, told in self.watches[who].items() if not told.ended]
        if alive:
            number = data.draw(st.sampled_from(alive))
            told = self.watches[who][number]
            unwatch = Unwatch(room=told.room, watch=number)
            self.loop.run_until_complete(self.call(self.posts.unwatch, self.clients[who], unwatch))
            told.ended = True
            told.on_its_way = self.waiting(who, number)

    @rule(who=st.integers(0, 1), packets=st.integers(1, 40))
    def write(self, who: int, packets: int) -> None:
        self.loop.run_until_complete(self.readers[who].run(packets))
        self.check(who)

    @rule(who=st.integers(0, 1), writable=st.booleans())
    def pause(self, who: int, writable: bool) -> None:
        self.readers[who].writable = writable

    @rule(seconds=st.sampled_from([1.0, 20.0, 60.0]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.feeds.expire()

    @rule(room=st.sampled_from(ROOMS))
    def close_room(self, room: str) -> None:
        self.feeds.close(room)

    async def call(self, function: Any, *args: Any) -> Any:
        return function(*args)

    def check(self, who: int) -> None:
        """Each packet follows from those before it."""
        read, self.readers[who].read = self.readers[who].read, []
        for name, packet in read:
            told = self.watches[who][packet.get("watch", 0)]
            if name == "missed":
                assert not told.ended or packet["id"] in told.on_its_way
                assert packet["id"] > told.position, "nothing was missed"
                told.position = packet["id"]
                continue
            (due, *_) = self.due(told)
            assert {name: packet.get(name, "") for name in due} == due
            assert packet["room"] == told.room
            assert not told.ended or packet["id"] in told.on_its_way
            told.position = packet["id"]

    def waiting(self, who: int, number: int) -> set[int]:
        """The ids of the posts that have been handed over already, and not been read."""
        queue, writer = self.readers[who].queue, self.readers[who]._writer
        texts = [str(parts[0]) for parts, _ in self.clients[who].outbox._events]
        texts += [packet.data for packet in queue._queue]  # type: ignore[attr-defined]
        if writer is not None and writer.done():
            texts.append(writer.result().data)
        packets = [*self.readers[who].read, *(json.loads(text[1:]) for text in texts)]
        return {packet["id"] for _, packet in packets if packet.get("watch") == number}

    def due(self, told: Told) -> list[Any]:
        return [
            post
            for post in self.all[told.room]
            if post["id"] > told.position
            and any(matches(pattern, post["topic"]) for pattern in told.patterns)
            and (not told.events or post["event"] in told.events)
        ]

    @invariant()
    def bounded(self) -> None:
        assert self.feeds.bytes == sum(feed.history.bytes for feed in self.feeds)
        for feed in self.feeds:
            assert len(feed.history) <= KEPT
        for client in self.clients:
            assert client.outbox.waiting <= OUTBOX / 2

    def teardown(self) -> None:
        try:
            for who, reader in enumerate(self.readers):
                reader.writable = True
                self.loop.run_until_complete(reader.run(10_000))
                self.check(who)
                for told in self.watches[who].values():
                    assert told.ended or self.due(told) == [], "it got everything that was kept"
                self.posts.gone(self.clients[who])
            assert not self.posts._watched
            assert not any(feed.watched for feed in self.feeds)
        finally:
            for reader in self.readers:
                reader.end()
            self.loop.run_until_complete(asyncio.sleep(0))
            self.loop.close()


TestFeedMachine = FeedMachine.TestCase
TestFeedMachine.settings = settings(max_examples=50, stateful_step_count=40)
