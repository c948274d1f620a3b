"""A simulated program that stalls meets everything in the order in which it happened, or the simulation lies."""

import pytest

from tests.session.asleep import Asleep
from tests.session.network import Clock
from tests.session.simulation import World


def test_what_happens_meanwhile_happens_later_in_the_same_order() -> None:
    clock = Clock()
    asleep, happened = Asleep(clock), list[tuple[float, int]]()

    def happen(number: int) -> None:
        if not asleep.puts_off(lambda: happen(number)):
            happened.append((clock.now, number))

    for number, when in enumerate((0.5, 1.5, 2.0, 2.5, 4.0, 4.5)):
        clock.at(when, happen, number)
    clock.at(1.0, asleep.sleep, 1.0)  # until 2, and before that
    clock.at(1.75, asleep.sleep, 2.25)  # until 4
    clock.at(3.0, asleep.sleep, 0.5)  # which is no shorter
    clock.run(5.0)
    assert happened == [(0.5, 0), (4.0, 1), (4.0, 2), (4.0, 3), (4.0, 4), (4.5, 5)]


def test_who_is_put_to_sleep_as_it_wakes_sleeps_on() -> None:
    clock = Clock()
    asleep, happened = Asleep(clock), list[tuple[float, str]]()

    def happen(what: str) -> None:
        if not asleep.puts_off(lambda: happen(what)):
            happened.append((clock.now, what))
            if what == "stop":
                asleep.sleep(1.0)

    asleep.sleep(1.0)
    for what in ("first", "stop", "second"):
        clock.at(0.5, happen, what)
    clock.at(1.0, happen, "third")
    clock.run(3.0)
    assert happened == [(1.0, "first"), (1.0, "stop"), (2.0, "second"), (2.0, "third")]


@pytest.mark.parametrize("seed", range(5))
def test_a_side_that_sleeps_twice_takes_packets_in_order(seed: int) -> None:
    world = World(seed)
    world.connect()
    world.run(1)
    a, b = world.sides
    came, receive = list[int](), b.session.receive

    def look(instance: object, frames: object, now: float) -> None:
        came.extend(frame.seq for frame in frames if frame.seq)  # type: ignore[attr-defined]
        receive(instance, frames, now)  # type: ignore[arg-type]

    b.session.receive = look  # type: ignore[method-assign]
    b.asleep.sleep(0.2)
    world.every(0.01, lambda: a.send("", 10), world.clock.now + 0.4)
    world.clock.after(0.1, b.asleep.sleep, 0.2)
    world.run(2)
    assert came == sorted(came)
    assert len(set(came)) >= 30
