"""Which of several media types a request prefers (RFC 9110 section 12.5.1)."""

from collections.abc import Sequence


def preferred(accept: Sequence[str], offered: Sequence[str]) -> str:
    """Of the types that are offered, the one with the highest weight in the `Accept` headers; the earlier of equals,
    and the first if none is accepted.
    """
    ranges: dict[str, float] = {}
    for part in ",".join(accept).split(",")[:64]:
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if kind:
            ranges[kind] = _weight(parameters)
    if not ranges:
        return offered[0]

    def weight(kind: str) -> float:
        return ranges.get(kind, ranges.get(kind.partition("/")[0] + "/*", ranges.get("*/*", 0.0)))

    return max(offered, key=weight)


def _weight(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0
