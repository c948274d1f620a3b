"""What a room keeps, and what it says of what it has forgotten."""

from signalling.feeds.history import Bounds, History
from signalling.feeds.stored import Stored

FIRST = 1_000


def post(id: int, size: int = 10, key: str = "") -> Stored:
    data = b'"' + b"x" * size + b'"'
    return Stored(room="r", id=id, topic="t", event="", data=data, sender="", at=0, key=key, poster="ada")


def history(posts: int = 100, bytes: int = 1_000_000, age: float = 60.0) -> History:
    return History(Bounds(posts=posts, bytes=bytes, age=age), FIRST)


def ids(history: History, since: int, most: int = 1_000) -> list[int]:
    return [post.id for post in history.after(since, most)]


def fill(history: History, count: int, size: int = 10, now: float = 0.0) -> None:
    for _ in range(count):
        history.add(post(history.newest + 1, size), now)


def test_the_newest_posts_stay() -> None:
    kept = history(posts=3)
    fill(kept, 5)
    assert ids(kept, 0) == [1_003, 1_004, 1_005]
    assert (kept.forgotten, kept.newest, len(kept)) == (1_002, 1_005, 3)
    assert kept.bytes == sum(post.size for post in kept.after(0, 10))


def test_bytes_are_bounded_but_the_newest_post_stays() -> None:
    kept = history(bytes=5_000)
    fill(kept, 4, size=1_000)
    assert ids(kept, 0) == [1_002, 1_003, 1_004]
    fill(kept, 1, size=50_000)
    assert ids(kept, 0) == [1_005]
    fill(kept, 1)
    assert ids(kept, 0) == [1_006]


def test_age() -> None:
    kept = history(age=10.0)
    fill(kept, 2, now=0.0)
    fill(kept, 1, now=5.0)
    kept.expire(10.0)
    assert len(kept) == 3
    kept.expire(10.1)
    assert ids(kept, 0) == [1_003]
    kept.expire(99.0)
    assert (len(kept), kept.bytes, kept.forgotten) == (0, 0, 1_003)


def test_a_part_of_what_follows() -> None:
    kept = history()
    fill(kept, 10)
    assert ids(kept, 1_004, 3) == [1_005, 1_006, 1_007]
    assert ids(kept, 1_010) == []
    assert ids(kept, 5_000) == []


def test_who_has_missed_something() -> None:
    kept = history(posts=3)
    assert not kept.has_missed(0)
    assert not kept.has_missed(FIRST)
    assert kept.has_missed(FIRST - 1), "of a feed before this one"
    fill(kept, 3)
    assert not kept.has_missed(0), "everything is here"
    fill(kept, 1)
    assert kept.has_missed(0)
    assert kept.has_missed(FIRST)
    assert not kept.has_missed(kept.forgotten)
    assert not kept.has_missed(kept.newest)
    assert kept.has_missed(kept.newest + 1), "an id that was never given"


def test_keys_are_remembered_as_long_as_their_posts() -> None:
    kept = history(posts=2)
    first = post(1_001, key="k")
    kept.add(first, 0.0)
    assert kept.keyed("ada", "k") is first
    assert kept.keyed("bob", "k") is None
    assert kept.keyed("ada", "") is None
    fill(kept, 2)
    assert kept.keyed("ada", "k") is None
