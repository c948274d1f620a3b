"""What many are sent is spelled once: a post for a thousand watchers is one text in memory, and one encoding."""

import asyncio

from signalling.clients import Client
from signalling.engine.packets import Parts, Speller
from signalling.engine.queue import FedQueue
from signalling.feeds.feeds import FeedLimits, Feeds
from signalling.feeds.history import Bounds
from signalling.http.stream_spelling import SLICE, Frames, Sse
from signalling.outbox import Outbox
from signalling.posts import Posts
from signalling.protocol.events import Post, Watch
from signalling.throttle import TokenBucket


def client(sid: str) -> Client:
    """One that reads nothing."""
    outbox = Outbox(FedQueue(), Speller("/"), 4_000_000, lambda: 0.0)
    return Client(sid, "host", outbox, TokenBucket(1, 1, 0), TokenBucket(1, 1, 0))


def feeds() -> Feeds:
    limits = FeedLimits(post=100_000, room=Bounds(posts=50, bytes=1_000_000, age=60.0), rooms=3, bytes=1_000_000)
    return Feeds(limits, lambda: 0.0, lambda: 1_000.0, asyncio.get_running_loop().call_later)


def waiting(client: Client) -> list[Parts]:
    return [parts for parts, _ in client.outbox._events]


async def test_a_post_is_spelled_once_for_all_who_watch() -> None:
    posts = Posts(feeds(), Speller("/"))
    clients = [client(str(number)) for number in range(5)]
    for each in clients:
        posts.watch(each, Watch(room="shop", topics=["**"]))
    for number in range(3):
        await posts.post(clients[0], Post(room="shop", topic="t", data="x" * 10_000 + str(number)))
    first, *others = map(waiting, clients)
    assert [str(number) in parts[0][-60:] for number, parts in enumerate(first)] == [True] * 3
    for other in others:
        assert len(other) == 3
        for parts, same in zip(first, other, strict=True):
            assert parts is same


async def test_a_watch_with_a_number_is_spelled_once_for_each_number() -> None:
    posts = Posts(feeds(), Speller("/"))
    ada, bob = client("ada"), client("bob")
    for each in (ada, bob):
        for number in (0, 7):
            posts.watch(each, Watch(room="shop", topics=["**"], watch=number))
    await posts.post(ada, Post(room="shop", topic="t", data=1))
    assert [id(parts) for parts in waiting(ada)] == [id(parts) for parts in waiting(bob)]
    texts = [str(parts[0]) for parts in waiting(ada)]
    assert ['"watch":7' in text for text in texts] == [False, True]


async def test_a_post_is_framed_once_for_all_streams() -> None:
    frames = Frames(Sse())
    small = feeds().post(Post(room="shop", topic="t", data="small"))
    assert frames.frame(small, True) is frames.frame(small, True)
    assert frames.frame(small, False) is frames.frame(small, False)
    chunk, frame = frames.frame(small, True), frames.frame(small, False)
    assert chunk is not None
    assert frame is not None
    assert chunk == b"%x\r\n%b\r\n" % (len(frame), frame)
    large = feeds().post(Post(room="shop", topic="t", data="x" * (SLICE // 2)))
    assert frames.frame(large, True) is None, "it goes in slices of the text that is there"
