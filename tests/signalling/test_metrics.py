"""What is counted for operators."""

from prometheus_client import generate_latest

from signalling.metrics import Metrics


def test_two_in_a_process_do_not_mix() -> None:
    one, other = Metrics(), Metrics()
    one.link_ends.labels("direct").set(2)
    assert b'eitherway_link_ends{path="direct"} 2.0' in generate_latest(one.registry)
    assert b'eitherway_link_ends{path="direct"} 0.0' in generate_latest(other.registry)
