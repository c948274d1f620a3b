"""What the server is told of how links go, and when (the event `report`): counts alone, without peers and rooms."""

from collections import Counter, deque
from collections.abc import Iterable
from typing import Final, Literal

from signalling.protocol.events import Report
from signalling.protocol.limits import MAX_REPORT_TIME, MAX_REPORT_TIMES, REPORT_EVERY_SECONDS

Way = Literal["direct", "turn", "relay"]
"""Where a link's messages go; `turn` is a direct path that leads through a TURN server."""

SETTLING: Final = 1.0
"""Seconds from a change to its report: what happens when a room has been joined is told together."""


class Reports:
    """The reports of one client. `now` is a monotonic time in seconds."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=MAX_REPORT_TIMES)
        self._told = (0, 0, 0)
        self._wanted = False
        self._earliest = 0.0
        """When the next report may go."""
        self._due: float | None = None

    def start(self, now: float) -> None:
        """The server takes reports, on the connection that there is now."""
        self._wanted = True
        self.changed(now)

    def forget(self) -> None:
        """The connection is gone, and with it what the server has been told."""
        self._told = (0, 0, 0)
        self._wanted = False
        self._due = None

    def changed(self, now: float) -> None:
        """Links go other ways, or are others."""
        if self._wanted and self._due is None:
            self._due = max(now + SETTLING, self._earliest)

    def became_direct(self, seconds: float, now: float) -> None:
        """A link is direct for the first time, so many seconds after that was wanted."""
        self._times.append(min(seconds, MAX_REPORT_TIME))
        self.changed(now)

    def next_timeout(self) -> float | None:
        """When to call `take`; None: when something has changed."""
        return self._due

    def take(self, ways: Iterable[Way | None] | None, now: float) -> Report | None:
        """What the server is to be told now; None: nothing. `ways` are those of all links (None: it has none just now),
        or None if this client is in no room, where it has nothing to say.
        """
        self._due = None
        if ways is None:
            return None
        count = Counter(ways)
        told = (count["direct"], count["turn"], count["relay"])
        if told == self._told and not self._times:
            return None
        report = Report(direct=told[0], turn=told[1], relay=told[2], times=[round(time, 3) for time in self._times])
        self._told = told
        self._times.clear()
        self._earliest = now + REPORT_EVERY_SECONDS
        return report
