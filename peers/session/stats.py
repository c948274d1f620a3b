"""Figures of a session, for people to read."""

import msgspec

from peers.session.events import Instance
from peers.session.routing import Path, Routes
from peers.session.sender import Sender
from peers.session.watch import Watch


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


def session_stats(path: str | None, routes: Routes, sender: Sender, watch: Watch) -> SessionStats:
    """The figures of a session that sends by `path` now."""
    return SessionStats(
        path=path,
        paths=[path_stats(one) for one in routes.paths.values()],
        queued=sum(lane.queued for lane in sender.lanes),
        unacknowledged=sum(lane.bytes for lane in sender.lanes),
        sent_twice=sum(lane.twice for lane in sender.lanes),
        suspicions=watch.suspicions,
    )


def path_stats(path: Path) -> PathStats:
    """The figures of one path."""
    life = path.life
    return PathStats(
        path.instance, life.srtt, life.least, life.rate, path.sent, path.received, path.resent, life.suspect
    )
