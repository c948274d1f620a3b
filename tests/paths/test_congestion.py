"""The limit by delay, against a model of a link with a queue before it."""

import pytest

from peers.paths.congestion import FLOOR, FORGET, MOST_QUEUED, DelayLimit

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
        limited = self.limit.limit(self.window, self.now)
        if limited < self.window:
            self.window = self.threshold = limited
        return took


@pytest.mark.parametrize("megabits", [1, 10, 100])
@pytest.mark.parametrize("way", [0.002, 0.05, 0.2])
def test_the_link_stays_full_and_its_queue_short(megabits: int, way: float) -> None:
    rate = megabits * 1e6 / 8
    link = Link(rate, way)
    for round_trip in range(500):
        took = link.round_trip()
        # Slow start has doubled the window by when the limit learns of it.
        assert took < (2 if round_trip < 20 else 1.1) * (way + MOST_QUEUED) + 2 * FLOOR / rate
    assert link.window >= min(rate * way, 2**20) * 0.9


def test_a_window_that_causes_no_delay_is_left_alone() -> None:
    limit = DelayLimit()
    assert limit.limit(1_000_000, 0.0) == 1_000_000
    for n in range(100):
        limit.measured(0.2 if n % 2 else 0.2 + MOST_QUEUED * 0.9, n / 10)
        assert limit.limit(1_000_000, n / 10) == 1_000_000


def test_it_shrinks_once_in_a_round_trip_and_not_below_the_floor() -> None:
    limit = DelayLimit()
    limit.measured(0.01, 0.0)
    limit.measured(1.0, 1.0)
    first = limit.limit(100_000, 1.0)
    assert first == int(100_000 * 0.11)
    assert limit.limit(100_000, 1.5) == 100_000
    assert limit.limit(first, 2.0) == FLOOR
    assert limit.limit(FLOOR, 4.0) == FLOOR


def test_a_route_that_becomes_longer_is_learned() -> None:
    limit = DelayLimit()
    limit.measured(0.01, 0.0)
    for second in range(1, int(2 * FORGET) + 2):
        limit.measured(0.5, float(second))
    assert limit.limit(100_000, 2 * FORGET + 2) == 100_000
