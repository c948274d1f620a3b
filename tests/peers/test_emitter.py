"""Events: in order, one handler after another, and nothing that raises stops anything."""

import asyncio
from typing import Any

import pytest

from peers.emitter import MAX_WAITING, Emitter, Listeners
from tests.waiting import Log


class Bell(Emitter):
    """An emitter of two events."""

    def __init__(self, report: Any = None) -> None:
        super().__init__("ring", "stop", report=report)

    def on(self, event: str, handler: Any = None) -> Any:
        return self._register(event, handler)


async def test_handlers_run_one_after_another_in_the_order_of_events() -> None:
    bell, order = Bell(), []

    async def slow(n: int) -> None:
        order.append(("begin", n))
        await asyncio.sleep(0.01 if n == 0 else 0)
        order.append(("end", n))

    bell.on("ring", slow)
    bell.on("ring", lambda n: order.append(("second", n)))
    for n in range(3):
        bell._emit("ring", n)
    assert not order  # never inside the code that emits
    await bell._end_events()
    assert order == [(what, n) for n in range(3) for what in ("begin", "end", "second")]


async def test_once_off_and_decorators() -> None:
    bell, once, always, gone = Bell(), Log[int](), Log[int](), Log[int]()
    assert bell.once("ring", once) is once

    @bell.on("ring")  # type: ignore[untyped-decorator]
    def decorated(n: int) -> None:
        always(n)

    bell.on("ring", gone)
    bell.off("ring", gone)
    bell.off("ring", gone)
    bell._emit("ring", 1)
    bell._emit("ring", 2)
    await always.count(2)
    assert (once.items, always.items, gone.items) == ([1], [1, 2], [])


async def test_what_raises_is_reported_and_stops_nothing() -> None:
    errors: list[BaseException] = []
    bell, after = Bell(errors.append), Log[int]()

    async def later(n: int) -> None:
        raise KeyError(n)

    bell.on("ring", lambda n: 1 // 0)
    bell.on("ring", later)
    bell.on("ring", after)
    bell._emit("ring", 7)
    await after.count(1)
    assert [type(error) for error in errors] == [ZeroDivisionError, KeyError]


async def test_events_can_be_read() -> None:
    bell, seen = Bell(), []

    async def read() -> None:
        async for n in bell.events("ring"):
            seen.append(n)

    reading = asyncio.ensure_future(read())
    await asyncio.sleep(0)
    for n in range(3):
        bell._emit("ring", n)
    bell._emit("ring", 3, 4)
    await bell._end_events()
    await reading
    assert seen == [0, 1, 2, (3, 4)]


async def test_a_slow_handler_loses_the_oldest_and_no_memory() -> None:
    bell, seen, gate = Bell(), [], asyncio.Event()

    async def slow(n: int) -> None:
        await gate.wait()
        seen.append(n)

    bell.on("ring", slow)
    for n in range(MAX_WAITING + 10):
        bell._emit("ring", n)
    assert len(bell._waiting) == MAX_WAITING
    gate.set()
    await bell._end_events(5)
    assert seen == list(range(10, MAX_WAITING + 10))


async def test_ending_stops_a_handler_that_never_ends() -> None:
    bell, cancelled = Bell(), []

    async def for_ever(n: int) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(n)
            raise

    bell.on("ring", for_ever)
    bell._emit("ring", 1)
    await asyncio.sleep(0)
    await bell._end_events(0.05)
    assert cancelled == [1]


def test_unknown_events_and_what_is_no_handler() -> None:
    listeners = Listeners("ring")
    with pytest.raises(ValueError, match="there is ring"):
        listeners.add("rang", print)
    with pytest.raises(TypeError, match="callable"):
        listeners.add("ring", 7)  # type: ignore[arg-type]
