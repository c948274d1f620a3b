"""How long a stream stops when its path dies, and that a healthy path is not given up for being slow."""

import random
import statistics
from collections.abc import Callable
from functools import partial

import pytest

from peers.codec.frames import Lane
from peers.session.events import MessageReceived, RelayInstance
from peers.session.rules import KIB, Rules
from tests.session.channels import Inlet
from tests.session.network import Direct
from tests.session.side import Side
from tests.session.simulation import World, longest_gap

CUTS = ((True, True), (True, False), (False, True))


def stream(seed: int, *, bulk: bool) -> tuple[World, Direct]:
    """A message every 50 ms both ways, with or without bulk beside it, over paths like those of real houses."""
    rng = random.Random(seed)
    rate, delay = rng.choice((250e3, 1250e3)), rng.uniform(0.005, 0.06)
    world = World(seed, Rules(), rate=rate, delay=delay)
    world.connect()
    direct = world.attempt()
    for side in world.sides:
        side.open("bulk", Lane.BULK)
        world.every(0.05, partial(side.send, "", 100), 12)
        if bulk:
            world.every(0.05, partial(side.send_if_room, "bulk", 64 * KIB), 12)
    return world, direct


@pytest.mark.parametrize("bulk", [False, True])
def test_the_gap_when_direct_dies_silently(bulk: bool) -> None:
    gaps = []
    for seed in range(9):
        world, direct = stream(seed, bulk=bulk)
        cut = CUTS[seed % 3]
        at = 5 + seed / 20
        world.run(at)
        assert all(side.session.path == "direct" for side in world.sides)
        direct.cut(*cut)
        world.run(4)
        for index, side in enumerate(world.sides):
            if cut[1 - index]:
                gaps.append(longest_gap(side.inlets[""].times, at - 0.2, at + 3.9))
        world.settle(60)
    assert statistics.median(gaps) < 0.6
    assert max(gaps) < 1.0


def test_a_slow_path_is_not_given_up() -> None:
    """1 Mbit/s with bulk both ways: nothing goes by the relay, and a small message's round trip stays under 2.5 s."""
    world = World(3, Rules(), rate=125e3, delay=0.03)
    world.connect()
    direct = world.attempt()
    a, b = world.sides
    trips = asking(a, b)
    for side in (a, b):
        side.open("bulk", Lane.BULK)
        world.every(0.05, partial(side.send_if_room, "bulk", 64 * KIB), 60)
    world.run(3)
    start = world.clock.now
    world.every(0.5, partial(a.send, "ask", 50), 60)
    world.run(57)
    by_relay = [
        frame
        for when, _, flight in world.flights
        if when > start and isinstance(flight.instance, RelayInstance)
        for frame in flight.frames
    ]
    assert by_relay == []
    assert sum(side.session.stats().suspicions for side in world.sides) == 0
    assert sum(side.session.stats().sent_twice for side in world.sides) == 0
    assert len(trips) > 100
    assert max(trips) < 2.5
    received = sum(message for message in (side.session.stats().paths[-1].received for side in world.sides))
    assert received > 0.8 * 2 * 125e3 * 57
    assert direct.alive


def asking(a: Side, b: Side) -> list[float]:
    """`a` asks on "ask", `b` answers on the default channel; the round trips."""
    trips: list[float] = []
    asked: list[float] = []

    def question(inlet: Inlet, _: MessageReceived) -> None:
        b.handled(inlet)
        b.send("", 50)

    def answer(inlet: Inlet, _: MessageReceived) -> None:
        a.handled(inlet)
        trips.append(a.clock.now - asked[len(trips)])

    b.handlers["ask"], a.inlets[""].handler = question, answer
    a.open("ask")
    was: Callable[[str, int], int] = a.send

    def send(label: str, size: int) -> int:
        if label == "ask":
            asked.append(a.clock.now)
        return was(label, size)

    a.send = send  # type: ignore[method-assign]
    return trips


@pytest.mark.parametrize("freeze", [0.1, 0.2])
def test_freezes_are_survived_without_the_relay(freeze: float) -> None:
    world, direct = stream(2, bulk=True)
    world.run(4)
    for _ in range(3):
        direct.cut()
        world.run(freeze)
        direct.restore()
        world.run(2)
    assert sum(side.session.stats().suspicions for side in world.sides) == 0


@pytest.mark.parametrize(
    ("rate", "delay", "jitter", "freezes", "bulk"),
    [
        (10e6, 0.15, 0.05, 0.2, False),
        (10e6, 0.025, 0.2, 0.0, False),
        (10e6, 0.025, 0.0, 0.2, False),
        (1e6, 0.15, 0.05, 0.0, True),
        (125e3, 0.025, 0.0, 0.2, True),
    ],
    ids=["far and freezing", "jittery", "freezing", "far with bulk", "slow and freezing with bulk"],
)
def test_a_healthy_path_is_never_suspect(rate: float, delay: float, jitter: float, freezes: float, bulk: bool) -> None:
    """From its first moment on, when nothing has been learned of it: see docs/network.md for real ones."""
    world = World(1, Rules(), rate=rate, delay=delay)
    world.jitter = jitter
    world.connect()
    direct = world.attempt()
    for side in world.sides:
        side.open("bulk", Lane.BULK)
        world.every(0.05, partial(side.send, "", 100), 20)
        if bulk:
            world.every(0.05, partial(side.send_if_room, "bulk", 64 * KIB), 20)
    world.run(0.5)
    while world.clock.now < 20:
        for wire in direct.wires:
            wire.hold(freezes)
        world.run(world.rng.uniform(1, 4))
    assert [side.session.path for side in world.sides] == ["direct", "direct"]
    assert [side.session.stats().suspicions for side in world.sides] == [0, 0]


def test_direct_returns_when_it_works_again() -> None:
    world, direct = stream(4, bulk=True)
    world.run(4)
    direct.cut()
    world.run(3)
    assert [side.session.path for side in world.sides] == ["relay", "relay"]
    direct.restore()
    world.run(3)
    assert [side.session.path for side in world.sides] == ["direct", "direct"]
    world.settle(60)
    for side in world.sides:
        assert longest_gap(side.inlets[""].times, 4, 10) < 1.0
