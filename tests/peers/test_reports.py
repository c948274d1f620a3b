"""When the server is told of how links go, and what."""

from hypothesis import given
from hypothesis import strategies as st

from peers.reports import SETTLING, Reports, Way
from signalling.protocol.events import Report
from signalling.protocol.limits import MAX_REPORT_TIME, MAX_REPORT_TIMES, REPORT_EVERY_SECONDS

WAYS: list[Way | None] = ["direct", "turn", "relay", None]


def started(now: float = 100.0) -> Reports:
    """Those of a client that may report from then on."""
    reports = Reports()
    reports.start(now)
    return reports


def due(reports: Reports) -> float:
    """When the next one goes."""
    when = reports.next_timeout()
    assert when is not None
    return when


def test_links_are_counted_by_their_way() -> None:
    reports = started(100.0)
    assert due(reports) == 100.0 + SETTLING
    ways: list[Way | None] = ["direct", "relay", None, "turn", "direct"]
    assert reports.take(ways, 101.0) == Report(direct=2, turn=1, relay=1)
    assert reports.next_timeout() is None


def test_nothing_is_told_twice() -> None:
    reports = started()
    assert reports.take([], 101.0) is None  # there are no links, as the server takes it
    reports.changed(102.0)
    assert reports.take(["relay"], due(reports)) is not None
    reports.changed(110.0)
    assert reports.take(["relay"], due(reports)) is None


def test_what_changes_soon_after_a_report_is_told_together() -> None:
    reports = started(100.0)
    reports.changed(100.5)
    assert due(reports) == 101.0
    reports.take(["relay"], 101.0)
    for now in (101.1, 102.0, 105.9):
        reports.became_direct(0.25, now)
        assert due(reports) == 101.0 + REPORT_EVERY_SECONDS
    assert reports.take(["direct"], 106.0) == Report(direct=1, turn=0, relay=0, times=[0.25] * 3)
    reports.changed(200.0)
    assert due(reports) == 200.0 + SETTLING


def test_of_too_many_times_the_oldest_are_left_out_and_none_is_too_long() -> None:
    reports = started()
    for second in range(MAX_REPORT_TIMES + 3):
        reports.became_direct(float(second), 100.0)
    report = reports.take([], 101.0)
    assert report is not None
    assert report.times == [float(second) for second in range(3, MAX_REPORT_TIMES + 3)]
    reports.became_direct(MAX_REPORT_TIME * 2, 200.0)
    reports.became_direct(0.12345, 200.0)
    assert reports.take([], 201.0) == Report(direct=0, turn=0, relay=0, times=[MAX_REPORT_TIME, 0.123])


def test_a_server_that_has_not_asked_is_told_nothing() -> None:
    reports = Reports()
    reports.changed(1.0)
    reports.became_direct(0.5, 2.0)
    assert reports.next_timeout() is None
    reports.start(50.0)
    assert reports.take(["direct"], due(reports)) == Report(direct=1, turn=0, relay=0, times=[0.5])


def test_the_next_connection_is_told_anew() -> None:
    reports = started(100.0)
    reports.take(["direct"], 101.0)
    reports.changed(101.5)
    reports.forget()
    reports.changed(102.0)
    assert reports.next_timeout() is None
    reports.start(103.0)
    assert due(reports) == 101.0 + REPORT_EVERY_SECONDS
    assert reports.take(["direct"], 106.0) == Report(direct=1, turn=0, relay=0)


def test_in_no_room_there_is_nothing_to_say() -> None:
    reports = started()
    reports.take(["relay"], 101.0)
    reports.became_direct(0.5, 110.0)
    assert reports.take(None, due(reports)) is None
    assert reports.next_timeout() is None
    reports.changed(120.0)
    assert reports.take(["relay"], due(reports)) == Report(direct=0, turn=0, relay=1, times=[0.5])


@given(st.lists(st.tuples(st.floats(0, 4), st.lists(st.sampled_from(WAYS), max_size=3), st.booleans())))
def test_the_server_knows_in_the_end_and_is_never_told_too_often(
    changes: list[tuple[float, list[Way | None], bool]],
) -> None:
    reports, now = started(0.0), 0.0
    ways: list[Way | None] = []
    told, told_at, times, heard = Report(direct=0, turn=0, relay=0), -REPORT_EVERY_SECONDS, 0, 0

    def run(until: float) -> None:
        nonlocal told, told_at, heard
        while (when := reports.next_timeout()) is not None and when <= until:
            if (report := reports.take(ways, when)) is not None:
                assert when >= told_at + REPORT_EVERY_SECONDS
                told, told_at = report, when
                heard += len(report.times)

    for pause, ways_then, first in changes:
        now += pause
        run(now)
        ways = ways_then
        if first:
            reports.became_direct(0.5, now)
            times += 1
        else:
            reports.changed(now)
    run(now + REPORT_EVERY_SECONDS + SETTLING)
    assert (told.direct, told.turn, told.relay) == tuple(ways.count(way) for way in ("direct", "turn", "relay"))
    assert heard == times
