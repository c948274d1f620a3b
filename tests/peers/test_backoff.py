"""Delays between tries."""

import random

from peers.backoff import Backoff


def test_bounds_double_up_to_the_most_and_are_jittered() -> None:
    backoff = Backoff(0.25, 5.0, random.Random(1))
    for bound in (0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0):
        assert bound / 4 <= backoff.next() <= bound


def test_a_success_starts_over() -> None:
    backoff = Backoff(1.0, 60.0, random.Random(2))
    for _ in range(10):
        backoff.next()
    backoff.reset()
    assert backoff.next() <= 1.0


def test_two_clients_do_not_come_back_together() -> None:
    one, two = (Backoff(rng=random.Random(seed)) for seed in (3, 4))
    assert [one.next() for _ in range(5)] != [two.next() for _ in range(5)]
