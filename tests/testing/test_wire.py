"""The wire of a direct path, without a network."""

import asyncio
import random
from typing import Any

from peers.testing.rules import FAIR, Weather
from peers.testing.wire import MAX_WAITING, Wire
from tests.waiting import Log


class Wired:
    """A wire whose weather can be set."""

    def __init__(self) -> None:
        self.weather = FAIR
        self.arrived: Log[Any] = Log()
        self.wire = Wire(lambda: self.weather, random.Random(1), self.arrived)

    def set(self, weather: Weather) -> None:
        self.weather = weather
        self.wire.changed()


async def test_in_fair_weather_datagrams_arrive_at_once() -> None:
    wired = Wired()
    wired.wire.send(1)
    assert wired.arrived.items == [1]


async def test_what_is_cut_never_arrives_and_nor_does_what_was_on_its_way() -> None:
    wired = Wired()
    wired.set(Weather(delay=0.05))
    wired.wire.send(1)
    wired.set(Weather(cut=True))
    wired.wire.send(2)
    await asyncio.sleep(0)
    wired.set(FAIR)
    wired.wire.send(3)
    assert wired.arrived.items == [3]


async def test_a_delayed_datagram_takes_its_time_and_order_is_kept() -> None:
    wired, loop = Wired(), asyncio.get_running_loop()
    wired.set(Weather(delay=0.1))
    begun = loop.time()
    for n in range(50):
        wired.wire.send(n)
    assert wired.arrived.items == []
    await wired.arrived.count(50)
    assert loop.time() - begun >= 0.1
    assert wired.arrived.items == list(range(50))


async def test_a_shorter_delay_holds_for_what_is_on_its_way() -> None:
    wired, loop = Wired(), asyncio.get_running_loop()
    wired.set(Weather(delay=60))
    wired.wire.send(1)
    wired.weather = FAIR
    wired.wire.send(2)
    assert wired.arrived.items == []  # nothing overtakes
    begun = loop.time()
    wired.wire.changed()
    assert await wired.arrived.count(2) == [1, 2]
    assert loop.time() - begun < 10


async def test_the_share_that_was_asked_for_is_lost() -> None:
    wired = Wired()
    wired.set(Weather(loss=0.25))
    for n in range(10_000):
        wired.wire.send(n)
    assert 7_300 < len(wired.arrived.items) < 7_700
    wired.set(Weather(loss=1))
    wired.wire.send("x")
    assert "x" not in wired.arrived.items


async def test_what_waits_is_bounded_and_closing_forgets_it() -> None:
    wired = Wired()
    wired.set(Weather(delay=60))
    for n in range(MAX_WAITING + 100):
        wired.wire.send(n)
    assert len(wired.wire._waiting) == MAX_WAITING
    await asyncio.sleep(0)
    timer = wired.wire._timer
    assert timer is not None
    wired.wire.close()
    assert timer.cancelled()
    wired.set(FAIR)
    await asyncio.sleep(0)
    assert wired.arrived.items == []
