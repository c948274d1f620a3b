"""What happens on report: how links go, as those say who have them. It is counted for the operator, no more."""

from signalling.clients import Client, LinkEnds
from signalling.config import Config
from signalling.metrics import Metrics
from signalling.protocol.errors import ProtocolError
from signalling.protocol.events import Report
from signalling.protocol.limits import MAX_REPORT_TIME, MAX_REPORT_TIMES


class Reports:
    """Keeps the last counts of each client for as long as it is connected. They count while it is a member of a room:
    a client that lies makes the figures wrong within bounds, and only while it is there.
    """

    def __init__(self, config: Config, metrics: Metrics) -> None:
        self._most = config.max_peers * config.max_rooms
        self._time_to_direct = metrics.time_to_direct

    def report(self, client: Client, report: Report) -> None:
        """Takes one report. Raises ProtocolError: `bad-request`, `not-in-room`, `forbidden`."""
        if not client.seats:
            raise ProtocolError("not-in-room", "join a room first: only its members have links")
        if not client.is_member:
            raise ProtocolError("forbidden", "a guest has no links to report")
        links = LinkEnds(report.direct, report.turn, report.relay)
        if not all(0 <= count <= self._most for count in links):
            raise ProtocolError("bad-request", f"direct, turn and relay are numbers of links, from 0 to {self._most}")
        if len(report.times) > MAX_REPORT_TIMES:
            raise ProtocolError("bad-request", f"times: at most {MAX_REPORT_TIMES}")
        if not all(0 <= seconds <= MAX_REPORT_TIME for seconds in report.times):
            raise ProtocolError("bad-request", f"times: seconds from 0 to {MAX_REPORT_TIME}")
        client.links = links
        for seconds in report.times:
            self._time_to_direct.observe(seconds)
