"""What is counted while it happens."""

from prometheus_client import generate_latest

from signalling.http.api import asyncapi
from signalling.metrics import BOUNDS, EVENTS, Durations, Metrics


def test_two_in_a_process_do_not_mix() -> None:
    one, other = Metrics(), Metrics()
    one.time_to_direct.observe(2)
    assert b"eitherway_time_to_direct_seconds_count 1.0" in generate_latest(one.registry)
    assert b"eitherway_time_to_direct_seconds_count 0.0" in generate_latest(other.registry)


def test_a_duration_counts_up_to_its_bound() -> None:
    durations = Durations()
    for seconds in (0.0, BOUNDS[0], BOUNDS[0] * 1.01, BOUNDS[-1], 60.0):
        durations.add(seconds)
    assert durations.counts == [2, 1, *[0] * (len(BOUNDS) - 3), 1, 1]
    assert durations.sum == 0.0 + BOUNDS[0] * 2.01 + BOUNDS[-1] + 60.0


def test_every_event_of_the_protocol_has_its_own_series() -> None:
    assert {event.name for event in asyncapi.FROM_CLIENTS} | {"connect", "http", "other"} == set(EVENTS)


def test_what_a_client_thinks_of_makes_no_series() -> None:
    metrics = Metrics()
    for event in ("juggle", "x" * 1_000, "", "__proto__"):
        metrics.refused(event, "bad-request")
        metrics.took(event, 0.1)
    metrics.refused("join", "forbidden")
    assert +metrics.refusals == {("other", "bad-request"): 4, ("join", "forbidden"): 1}
    assert {(event, "internal") for event in EVENTS} < metrics.refusals.keys()
    assert set(metrics.handling) < set(EVENTS)
    assert sum(metrics.handling["other"].counts) == 4
