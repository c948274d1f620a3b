"""Who is found for a topic, among very many patterns."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalling.feeds.index import Index
from signalling.protocol.topics import matches

texts = st.sampled_from(
    ["a", "b", "*", "**", "a.b", "a.*", "*.b", "a.**", "*.*", "*.**", "a.b.c", "a.*.c", "$w", "$w.*", "$w.**"]
)
topics = ["a", "b", "a.b", "b.b", "a.b.c", "a.x.c", "c", "$w", "$w.x", "$x"]


@given(st.sets(st.tuples(texts, st.integers(0, 4))), st.sets(st.tuples(texts, st.integers(0, 4))))
def test_it_finds_everyone_once(kept: set[tuple[str, int]], removed: set[tuple[str, int]]) -> None:
    index: Index[int] = Index()
    for pattern, watcher in sorted(kept | removed):
        index.add(pattern, watcher)
    for pattern, watcher in sorted(removed - kept):
        index.remove(pattern, watcher)
    for topic in topics:
        found = index.match(topic)
        assert sorted(found) == sorted({watcher for pattern, watcher in kept if matches(pattern, topic)}), topic
    for pattern, watcher in sorted(kept):
        index.remove(pattern, watcher)
    assert not index, "nothing remains of what was removed"


def test_what_is_not_there_cannot_be_removed() -> None:
    index: Index[int] = Index()
    index.add("a.b", 1)
    for pattern, watcher in (("a", 1), ("a.b", 2), ("a.b.**", 1), ("a.c", 1)):
        with pytest.raises(KeyError):
            index.remove(pattern, watcher)
    assert index.match("a.b") == [1]


def test_many_patterns_do_not_slow_down_a_post() -> None:
    index: Index[int] = Index()
    for number in range(50_000):
        index.add(f"orders.{number}.*", number)
    begun = time.process_time()
    for number in range(1_000):
        assert index.match(f"orders.{number}.shipped") == [number]
        assert index.match(f"orders.none.{number}") == []
    assert time.process_time() - begun < 0.5
