"""How long pages heard nothing of each other though the server could have carried it."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from tests.network.compare import read

Span = tuple[float, float]
"""From when until when, in seconds since 1970."""


class Silence(NamedTuple):
    """A time without a message in one direction, and the longest part of it in which there was a way."""

    open: float
    sender: str
    receiver: str
    span: Span

    def __str__(self) -> str:
        began, ended = self.span
        return f"{self.open:.1f} s of {ended - began:.1f} s from {self.sender} to {self.receiver}"


def silences(folder: Path, names: Iterable[str], closed: dict[str, list[Span]]) -> list[Silence]:
    """All that were, longest first. `closed`: when each had no way to the server."""
    found = []
    for receiver in names:
        times: dict[str, list[float]] = {}
        for record in read(folder / f"{receiver}.arrived"):
            times.setdefault(record["from"], []).append(record["at"])
        for sender, heard in times.items():
            shut = sorted([*closed[sender], *closed[receiver]])
            for span in pairwise(heard):
                found.append(Silence(max(_open(span, shut), default=0.0), sender, receiver, span))
    return sorted(found, reverse=True)


def _open(span: Span, shut: list[Span]) -> Iterator[float]:
    """How long each part of a span is that no shut one covers; those are in order."""
    at, end = span
    for began, ended in shut:
        if began >= end:
            break
        if ended > at:
            if began > at:
                yield began - at
            at = ended
    if at < end:
        yield end - at
