"""Figures of a session, for people to read."""

import msgspec

from peers.session.events import Instance
from peers.session.routing import Path


class PathStats(msgspec.Struct, frozen=True):
    """One path instance. Times in seconds, sizes in bytes of frames."""

    instance: Instance
    rtt: float | None
    rtt_least: float | None
    rate: float
    sent: int
    received: int
    resent: int
    suspect: bool


class SessionStats(msgspec.Struct, frozen=True):
    """A session."""

    path: str | None
    paths: list[PathStats]
    queued: int
    unacknowledged: int
    sent_twice: int
    suspicions: int


def path_stats(path: Path) -> PathStats:
    """The figures of one path."""
    life = path.life
    return PathStats(
        path.instance, life.srtt, life.least, life.rate, path.sent, path.received, path.resent, life.suspect
    )
