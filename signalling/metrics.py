"""What the server counts for its operator, beside what can be read from its parts when somebody asks."""

from typing import Final, Literal, get_args

from prometheus_client import CollectorRegistry, Gauge, Histogram

Path = Literal["direct", "turn", "relay"]
PATHS: Final[tuple[Path, ...]] = get_args(Path)

_TIMES_TO_DIRECT: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0)
"""Seconds."""


class Metrics:
    """The metrics of one server, in a registry of its own: several servers in a process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.link_ends = Gauge(
            "eitherway_link_ends",
            "Ends of links by the path that they use now, as their peers report them.",
            ["path"],
            registry=self.registry,
        )
        for path in PATHS:
            self.link_ends.labels(path)
        self.time_to_direct = Histogram(
            "eitherway_time_to_direct_seconds",
            "From when a link began to when it first had a direct path, as its peers report it.",
            buckets=_TIMES_TO_DIRECT,
            registry=self.registry,
        )
