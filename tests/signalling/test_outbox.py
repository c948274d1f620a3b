"""An outbox: its order, its bound, and how the engine's queue is fed from it."""

import asyncio
from typing import Any

import pytest

from signalling.engine.packets import Parts, Speller
from signalling.engine.queue import FEED_BYTES, POLL_PACKETS, FedQueue
from signalling.outbox import Outbox

SPELLER = Speller("/")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def outbox(limit: int = 1_000_000, clock: Clock | None = None) -> tuple[FedQueue, Outbox]:
    queue = FedQueue()
    return queue, Outbox(queue, SPELLER, limit, clock or Clock())


def texts(taken: list[Parts]) -> list[Any]:
    return [parts[0] for parts in taken]


async def test_events_keep_their_order_behind_the_urgent_ones() -> None:
    _, box = outbox()
    box.push(("a",))
    box.push_relayed(1)
    box.push_urgent(("refused",))
    box.push(("b",))
    box.push_relayed(2)
    assert texts(box.take(10_000)) == ["refused", '2["relayed",{"n":2}]', "a", "b"]
    assert box.empty


async def test_what_finds_no_room_is_refused_and_what_was_taken_gives_room() -> None:
    _, box = outbox(limit=1_000)
    assert box.push(("x" * 700,))
    assert not box.push(("x" * 700,))
    box.take(1)
    assert box.waiting == 0
    assert box.push(("x" * 700,))


async def test_it_is_full_from_the_first_refusal_until_a_quarter_is_free() -> None:
    clock = Clock()
    _, box = outbox(limit=10_000, clock=clock)
    while box.push(("x" * 744,)):
        pass
    clock.now = 5
    assert box.full_for() == 5
    box.take(2_000)
    assert box.full_for() == 5
    box.take(1)
    assert box.full_for() == 0


async def test_a_dropped_delta_is_marked_when_everything_else_is_read() -> None:
    _, box = outbox(limit=1_000)
    box.push(("x" * 700,))
    box.push_roster("lobby", ("x" * 700,), 7)
    box.push_roster("lobby", ("x" * 700,), 8)
    assert not box.empty
    assert texts(box.take(10_000))[1:] == ['2["roster",{"room":"lobby","base":8,"version":8,"changes":[]}]']
    assert box.empty


async def test_endless_refusals_make_a_client_slow_for_good() -> None:
    _, box = outbox(limit=1_000)
    for _ in range(10):
        box.push_urgent(("x" * 100,))
    assert box.full_for() > 1e9
    box.take(10_000)
    assert box.full_for() > 1e9


async def test_the_queue_takes_more_only_when_everything_is_written() -> None:
    queue, box = outbox()
    for _ in range(10):
        box.push(("x" * 20_000,))
    assert queue.empty(), "nobody asked yet"
    await queue.get()
    assert queue.bytes < FEED_BYTES
    while not queue.empty():
        queue.websocket = object()  # type: ignore[assignment]
        queue.get_nowait()
    assert box.waiting > 100_000


async def test_a_waiting_writer_gets_what_comes_at_once() -> None:
    queue, box = outbox()
    writer = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    box.push(("a", b"b"))
    assert (await writer).data == "a"
    assert queue.get_nowait().data == b"b"


async def test_one_poll_takes_no_more_than_a_stock_client_can_read() -> None:
    queue, box = outbox()
    for _ in range(POLL_PACKETS):
        box.push(("a", b"b"))
    await queue.get()
    for _ in range(POLL_PACKETS - 1):
        queue.get_nowait()
    assert not queue.empty()
    with pytest.raises(asyncio.QueueEmpty):
        queue.get_nowait()
    assert (await queue.get()).data == "a"


async def test_a_recipient_gets_packets_of_its_own() -> None:
    first, second = outbox(), outbox()
    for _, box in (first, second):
        box.push(("a", b"shared"))
    packets = [[await queue.get(), queue.get_nowait()] for queue, _ in (first, second)]
    assert packets[0][1].encode(b64=True) == "bc2hhcmVk"
    assert packets[1][1].encode() == b"shared", "engine.io keeps the first spelling of a packet"
