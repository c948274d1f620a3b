"""How late things were, in words."""

from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so great a share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def told(values: Sequence[float]) -> str:
    """Percentiles of seconds, in milliseconds."""
    parts = [f"{name} {percentile(values, share) * 1e3:.1f} ms" for name, share in _SHARES.items()]
    return f"{len(values):,} deliveries: " + ", ".join(parts)


_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "worst": 1.0}
