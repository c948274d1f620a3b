"""The situations in small: everything comes to everyone whom it concerns, once and in order. How late is printed."""

from tests.scenarios.percentiles import percentile
from tests.scenarios.publish_subscribe import publish_subscribe
from tests.scenarios.streaming import size, streaming
from tests.scenarios.webhooks import webhooks


async def test_a_service_reads_a_filtered_part_of_a_busy_room() -> None:
    result = await streaming(posts=1_000, per_second=250, readers=2)
    print(f"(a) {result['told']}")
    assert result["faults"] == []


async def test_services_are_told_of_occasional_events() -> None:
    result = await webhooks(events=100, per_second=10, busy=50)
    print(f"(b) {result['told']}")
    assert result["faults"] == []


async def test_clients_watch_topics_by_websocket_and_by_long_polling() -> None:
    result = await publish_subscribe(clients=60, topics=12, posts=240, per_second=80)
    print(f"(c) {result['told']}")
    assert result["faults"] == []


def test_payloads_are_of_up_to_a_megabyte() -> None:
    assert {size(number) for number in range(500)} == {500, 10_000, 100_000, 1_000_000}


def test_a_percentile_is_what_so_many_do_not_exceed() -> None:
    values = [float(n) for n in range(1, 101)]
    assert percentile(values, 0.99) == 100.0
    assert percentile(values, 0.5) == 51.0
