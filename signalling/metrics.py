"""What is counted for operators while it happens, and the registry that all metrics of a server are in."""

from bisect import bisect_left
from collections import Counter
from typing import Final

from prometheus_client import CollectorRegistry, Histogram

from signalling.protocol.errors import Code

PATHS: Final = ("direct", "turn", "relay")
"""That links may take."""
EVENTS: Final = (
    *("connect", "join", "leave", "profile", "signal", "relay", "auth", "post", "watch", "unwatch", "report"),
    *("http", "other"),
)
"""What clients send; then `http`, which stands for requests to the HTTP API, and `other` for whatever else somebody
thinks of: nobody makes new series of metrics.
"""

BOUNDS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Seconds."""
_TIMES_TO_DIRECT: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0)
"""Seconds."""


class Durations:
    """How long something took, counted between bounds. Plain numbers: it is done for every packet that is relayed."""

    __slots__ = ("counts", "sum")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        """As many as took no longer than each bound, and longer than the one before; the last are those beyond."""
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        """Counts one."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.sum += seconds


class Metrics:
    """The metrics of one server, in a registry of its own: several servers in a process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.time_to_direct = Histogram(
            "eitherway_time_to_direct_seconds",
            "From when a direct path was wanted to when a link first had one, as its peers report it.",
            buckets=_TIMES_TO_DIRECT,
            registry=self.registry,
        )
        self.handling = {event: Durations() for event in EVENTS if event != "http"}
        """By event, from its turn to its answer."""
        self.lag = Durations()
        """How late the event loop was, looked at once a second."""
        self.refusals: Counter[tuple[str, ...]] = Counter({(event, "internal"): 0 for event in EVENTS})
        """By event and code. What has failed is there from the start: else the first time would show no increase."""
        self.connections: Counter[str] = Counter()
        """That were let in, by the transport that they began with."""
        self.slow = 0
        """Clients that were cut off for being slow."""

    def took(self, event: str, seconds: float) -> None:
        """An event has been handled."""
        self.handling.get(event, self.handling["other"]).add(seconds)

    def refused(self, event: str, code: Code) -> None:
        """An event has been refused."""
        self.refusals[event if event in EVENTS else "other", code] += 1
