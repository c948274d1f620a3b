"""The limit by delay, against a model of a link with a queue before it."""

import pytest

from peers.paths.congestion import DRAINED, FLOOR, FORGET, MOST_QUEUED, DelayLimit

PACKET = 1_200


class Link:
    """A link of so many bytes a second and so long a way, with a queue before it, and a sender as RFC 9260 has it."""

    def __init__(self, rate: float, way: float) -> None:
        self.rate, self.way, self.now = rate, way, 0.0
        self.window, self.threshold = 4 * PACKET, 2**20
        self.limit = DelayLimit()

    def round_trip(self) -> float:
        """Send a window full of packets. Returns how long it took, queueing included."""
        took = self.way + max(0.0, self.window / self.rate - self.way) + PACKET / self.rate
        self.now += took
        self.limit.measured(took, self.now)
        self.window += self.window if self.window < self.threshold else PACKET
        self.window, ends_slow_start = self.limit.limit(self.window, self.now)
        if ends_slow_start:
            self.threshold = self.window
        return took


@pytest.mark.parametrize("megabits", [1, 10, 100])
@pytest.mark.parametrize("way", [0.002, 0.05, 0.2])
def test_the_link_stays_full_and_its_queue_short(megabits: int, way: float) -> None:
    rate = megabits * 1e6 / 8
    link = Link(rate, way)
    full = 0.0
    for round_trip in range(2_000):
        took = link.round_trip()
        full += took if link.window >= min(rate * way, 2**20) * 0.9 else 0.0
        # Slow start has doubled the window by when the limit learns of it.
        assert took < (2 if round_trip < 20 else 1.1) * (way + MOST_QUEUED) + 3 * FLOOR / rate
    assert link.now > 3 * FORGET
    assert full > 0.9 * link.now


def test_a_window_that_causes_no_delay_is_left_alone() -> None:
    limit = DelayLimit()
    assert limit.limit(1_000_000, 0.0) == (1_000_000, False)
    for n in range(100):
        limit.measured(0.2 if n % 2 else 0.2 + MOST_QUEUED * 0.9, n / 10)
        assert limit.limit(1_000_000, n / 10) == (1_000_000, False)


def test_it_shrinks_once_in_a_round_trip_and_not_below_the_floor() -> None:
    limit = DelayLimit()
    limit.measured(0.01, 0.0)
    limit.measured(1.0, 1.0)
    first, ends_slow_start = limit.limit(100_000, 1.0)
    assert (first, ends_slow_start) == (int(100_000 * 0.11), True)
    assert limit.limit(100_000, 1.5) == (100_000, False)
    assert limit.limit(first, 2.0) == (FLOOR, True)
    assert limit.limit(FLOOR, 4.0) == (FLOOR, False)


def test_a_route_that_becomes_longer_is_measured_with_an_empty_queue() -> None:
    limit = DelayLimit()
    limit.measured(0.01, 0.0)
    limit.measured(0.8, FORGET)
    assert limit.limit(100_000, FORGET) == (DRAINED, False)
    for later, round_trip in ((0.5, 0.7), (1.0, 0.5), (1.5, 0.6)):
        limit.measured(round_trip, FORGET + later)
        assert limit.limit(DRAINED, FORGET + later) == (DRAINED, False)
    assert limit.limit(DRAINED, FORGET + 1.7) == (100_000, False)
    limit.measured(0.5 + MOST_QUEUED * 0.9, FORGET + 2)
    assert limit.limit(100_000, FORGET + 2) == (100_000, False)
    limit.measured(0.8, FORGET + 3)
    assert limit.limit(100_000, FORGET + 3)[0] < 100_000
