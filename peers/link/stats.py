"""A link's figures."""

import msgspec

from peers.attempts import Attempts
from peers.paths.direct import DirectStats
from peers.session.link_core import LinkCore
from peers.session.stats import SessionStats


class LinkStats(msgspec.Struct, frozen=True):
    """A link's figures: the session and its paths, attempts made, where its direct paths lead, packets dropped."""

    session: SessionStats
    attempts: int
    direct: dict[int, DirectStats]
    drops: dict[str, int]


def stats_of(core: LinkCore, attempts: Attempts) -> LinkStats:
    """The figures as of now."""
    return LinkStats(
        session=core.session.stats(),
        attempts=attempts.made,
        direct={attempt: stats for attempt, path in attempts.paths.items() if (stats := path.stats())},
        drops=dict(core.drops),
    )
