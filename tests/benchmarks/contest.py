"""What a benchmark is: measures, and one round for each side."""

import statistics
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import msgspec

Samples = dict[str, list[float]]
"""What one round measured, by the measure's key."""
Round = Callable[[], Awaitable[Samples]]
Statistic = Literal["median", "p95", "p99", "worst"]


class Unavailable(Exception):
    """A benchmark cannot run here; the message says what is missing."""


class Options(msgspec.Struct, frozen=True):
    """What the command line may change."""

    size: int
    """Megabytes through the pipe."""


class Goal(msgspec.Struct, frozen=True):
    """What a figure is to be. `met(ours, rival)`; rival is NaN where there is none."""

    text: str
    met: Callable[[float, float], bool]


class Measure(msgspec.Struct, frozen=True):
    """One figure of a benchmark."""

    key: str
    title: str
    unit: str
    better: Literal["higher", "lower"] = "lower"
    statistic: Statistic = "median"
    goal: Goal | None = None
    against: tuple[str, ...] = ()
    """The rivals that have this figure; all, if none is named."""

    def is_of(self, rival: str) -> bool:
        """Whether this rival has such a figure."""
        return not self.against or rival in self.against

    def of(self, samples: list[float]) -> float:
        """The figure that these samples give."""
        match self.statistic:
            case "median":
                return statistics.median(samples)
            case "worst":
                return max(samples) if self.better == "lower" else min(samples)
            case "p95":
                return percentile(samples, 0.95)
            case "p99":
                return percentile(samples, 0.99)


class Contest(msgspec.Struct, frozen=True):
    """A benchmark. Each round every side plays once, one after another; `rivals` may be none."""

    name: str
    title: str
    how: str
    """What exactly is compared, in a sentence or two."""
    ours: Round
    rivals: Mapping[str, Round]
    measures: tuple[Measure, ...]
    rounds: int = 5


def percentile(samples: list[float], part: float) -> float:
    """The smallest sample that so large a part of them does not exceed."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
