"""Delays between tries."""

import random

from peers.backoff import Backoff


def test_where_somebody_answers_bounds_double_up_to_the_most_and_are_jittered() -> None:
    backoff = Backoff(rng=random.Random(1))
    for bound in (0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0):
        assert bound / 4 <= backoff.next(nobody=False, outage=60.0) <= bound


def test_where_nobody_is_tries_stay_a_second_apart_and_after_ten_seconds_two_and_a_half() -> None:
    backoff = Backoff(rng=random.Random(1))
    for bound in (0.25, 0.5, *[1.0] * 20):
        assert bound / 4 <= backoff.next(nobody=True, outage=9.9) <= bound
    for bound in (1.0, 2.0, *[2.5] * 20):
        assert bound / 4 <= backoff.next(nobody=True, outage=10.0) <= bound


def test_a_server_that_is_back_and_has_too_much_to_do_is_given_more_time_each_time() -> None:
    backoff = Backoff(rng=random.Random(1))
    for _ in range(10):
        backoff.next(nobody=True, outage=5.0)
    for bound in (1.0, 2.0, 4.0, 5.0):
        assert bound / 4 <= backoff.next(nobody=False, outage=5.0) <= bound


def test_a_success_starts_over() -> None:
    backoff = Backoff(rng=random.Random(2))
    for _ in range(10):
        backoff.next(nobody=False)
    backoff.reset()
    assert backoff.next(nobody=False) <= 0.25


def drawn(clients: int, outage: float) -> list[float]:
    """When so many clients of a server that was killed dial for the first time after it is back."""
    times = []
    for seed in range(clients):
        backoff, now = Backoff(rng=random.Random(seed)), 0.0
        now += backoff.next(nobody=False)
        while now < outage:
            now += backoff.next(nobody=True, outage=now)
        times.append(now - outage)
    return times


def test_a_thousand_clients_come_back_soon_and_not_together() -> None:
    """A server takes in hundreds a second: no tenth of a second may bring more than a fifth of them."""
    for outage, within, most in ((3.0, 1.0, 200), (60.0, 2.5, 80)):
        times = drawn(1_000, outage)
        assert max(times) <= within
        for tenth in range(25):
            assert sum(tenth / 10 <= time < (tenth + 1) / 10 for time in times) <= most


def test_who_is_asked_to_come_back_later_does_not_come_with_all_others() -> None:
    for asked, latest in ((1.0, 2.0), (10.0, 15.0)):
        times = [Backoff(rng=random.Random(seed)).after(asked) for seed in range(100)]
        assert min(times) >= asked
        assert max(times) <= latest
        assert max(times) - min(times) > 0.9 * (latest - asked)
