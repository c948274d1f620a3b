"""Token buckets, and connections counted by address."""

import pytest

from signalling import throttle
from signalling.throttle import Connections, TokenBucket, TokenBuckets, client_address


def test_a_bucket_starts_full_and_fills_with_time() -> None:
    bucket = TokenBucket(rate=2, burst=4, now=0)
    assert bucket.take(4, 0) == 0
    assert bucket.take(1, 0) == 0.5
    assert bucket.take(1, 0.5) == 0
    assert bucket.take(1, 0.5) == 0.5, "what was refused took nothing"


def test_it_holds_no_more_than_a_burst() -> None:
    bucket = TokenBucket(rate=2, burst=4, now=0)
    assert bucket.take(5, 1_000) == 0, "more than it holds is granted when it is full ..."
    assert bucket.take(1, 1_000) == 1, "... and paid off"


def test_each_name_has_a_bucket() -> None:
    buckets = TokenBuckets(rate=2, burst=2)
    assert [buckets.take("ada", 0) for _ in range(3)] == [0, 0, 0.5]
    assert buckets.take("bob", 0) == 0
    assert buckets.take("ada", 0.5) == 0
    assert buckets.take("ada", 0.5) == 0.5


def test_those_that_are_full_again_are_forgotten() -> None:
    buckets = TokenBuckets(rate=2, burst=4)  # which takes 2 s to fill
    for number in range(100):
        buckets.take(str(number), 0)
    assert len(buckets) == 100
    for step in range(60):
        buckets.take("ada", 2.1 + step / 100)
    assert len(buckets) == 1


def test_one_that_is_not_full_yet_is_remembered() -> None:
    buckets = TokenBuckets(rate=2, burst=4)
    for _ in range(4):
        buckets.take("ada", 0)
    for number in range(10):
        buckets.take(str(number), 1.0)
    assert [buckets.take("ada", 1.0) for _ in range(3)] == [0, 0, 0.5]


def test_of_too_many_names_those_that_were_used_last_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MOST_BUCKETS", 3)
    buckets = TokenBuckets(rate=0.001, burst=1)
    for name in ("a", "b", "c", "a", "d", "e"):
        buckets.take(name, 0)
        assert len(buckets) <= 3
    assert buckets.take("a", 0) > 0
    assert buckets.take("b", 0) == 0, "it was forgotten, and starts full"


def test_connections_are_counted_by_address() -> None:
    connections = Connections(most=1, trust_forwarded=False)
    here, there = {"REMOTE_ADDR": "192.0.2.1"}, {"REMOTE_ADDR": "192.0.2.2"}
    assert connections.opened("a", here, 0)
    assert connections.opened("b", there, 0)
    assert not connections.over_limit("a")
    assert connections.opened("c", here, 5)
    assert connections.over_limit("c")
    assert not connections.opened("d", here, 5)
    connections.closed("a")
    connections.closed("d")
    assert not connections.over_limit("c")


def test_those_that_never_greet_are_known() -> None:
    connections = Connections(most=9, trust_forwarded=False)
    for name, now in (("a", 0), ("b", 1), ("c", 9)):
        connections.opened(name, {}, now)
    connections.greeted("b")
    assert connections.silent(before=5) == ["a"]


@pytest.mark.parametrize(
    ("environ", "trusted", "address"),
    [
        ({"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": "192.0.2.9"}, False, "192.0.2.1"),
        ({"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": "192.0.2.8, 192.0.2.9"}, True, "192.0.2.9"),
        ({"REMOTE_ADDR": "127.0.0.1", "asgi.scope": {"client": ("192.0.2.3", 5)}}, False, "192.0.2.3"),
        ({}, True, ""),
    ],
)
def test_the_address_of_a_client(environ: dict[str, object], trusted: bool, address: str) -> None:
    assert client_address(environ, trusted) == address
