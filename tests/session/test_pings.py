"""S5: whatever is outstanding is asked after, and every answer tells everything."""

from collections.abc import Callable

import pytest

from peers.codec.frames import Frame, FrameType, Lane
from peers.codec.payloads import decode_pong, encode_ping
from peers.session.events import DirectInstance, Flushed, PathChanged, PingAnswered, RelayInstance
from tests.session.side import Side
from tests.session.simulation import World
from tests.session.single import DIRECT, RELAY, Single


def pings(world: World, index: int, start: float) -> list[float]:
    """When a side sent pings from a moment on."""
    return [
        when
        for when, side, flight in world.flights
        if side == index and when > start and any(frame.type is FrameType.PING for frame in flight.frames)
    ]


def direct_world(listens: bool = True) -> tuple[World, Side, Side]:
    """Two sides on a direct path alone, idle."""
    world = World(listens=listens)
    world.attempt()
    world.run(3)
    return world, *world.sides


def losing(world: World, index: int, call: Callable[[], object]) -> None:
    """What a side sends without a number in the next moments is lost."""
    direct = world.direct
    assert direct is not None
    direct.wires[index].lose = 1.0
    call()
    world.run(0.08)
    direct.wires[index].lose = 0.0


def test_a_ping_is_answered_at_once_without_a_timer() -> None:
    one = Single()
    one.session.listen(0, one.now)
    one.receive(one.data(b"1"))
    one.receive(Frame(FrameType.PING, Lane.DATAGRAM, False, 0, 0, encode_ping(77)))
    (pong,) = one.frames(FrameType.PONG)
    number, told = decode_pong(pong.payload)
    assert number == 77
    assert told.reliable == 2
    assert told.credits == [(0, 1_152 * 1024, 0)]


def test_the_application_may_ping_too() -> None:
    one = Single()
    assert one.frames() == []
    number = one.session.ping(one.now)
    assert number is not None
    one.now += 0.05
    assert one.pong(RELAY) == 1
    (answered,) = one.events()
    assert isinstance(answered, PingAnswered)
    assert (answered.number, answered.path) == (number, "relay")
    assert answered.rtt == pytest.approx(0.05)
    one.session.path_ended(RELAY, one.now)
    assert one.session.ping(one.now) is None


def test_a_pong_goes_by_the_path_of_its_ping() -> None:
    one = Single(direct=True)
    for path in (RELAY, DIRECT):
        one.receive(Frame(FrameType.PING, Lane.DATAGRAM, False, 0, 0, encode_ping(1)), by=path)
        assert [f.instance for f in one.flights() if f.frames[0].type is FrameType.PONG] == [path]


def test_an_idle_path_is_pinged_every_5_s() -> None:
    world, *_ = direct_world()
    start = world.clock.now
    world.run(60)
    assert 11 <= len(pings(world, 0, start)) <= 13
    assert len(world.flights) < 4 * 14 + 20


def test_an_idle_session_needs_no_timer_between() -> None:
    one = Single(relay=False, direct=True)
    one.frames()
    due = one.session.next_timeout()
    assert due is not None
    assert due - one.now > 4


def test_an_unconfirmed_path_carries_nothing_but_numbered_frames() -> None:
    one = Single(relay=False)
    one.session.path_opened(RELAY, one.now, most=48 * 1024)
    for _ in range(100):
        one.send(bytes(1_000))
    flights = one.flights() + one.wait(20)
    assert sum(flight.size for flight in flights) <= 48 * 1024
    assert {frame.type for flight in flights for frame in flight.frames} == {FrameType.BYTES}
    one.session.path_confirmed(RELAY, one.now)
    assert one.frames(FrameType.BYTES)
    assert any(frame.type is FrameType.PING for flight in one.wait(2) for frame in flight.frames)


def test_who_waits_for_credit_asks_every_second() -> None:
    world, a, b = direct_world(listens=False)
    for _ in range(10):
        a.send("", 1_000)
    world.run(0.5)
    losing(world, 1, lambda: b.listen(b.inlets[""]))
    world.settle(1.5)


def test_who_waits_for_a_flush_asks_every_second() -> None:
    world, a, b = direct_world()
    inlet = b.inlets[""]
    inlet.handler = lambda inlet, _: None
    a.send("", 10)
    mark = a.flush()
    world.run(1)
    assert a.events(Flushed) == []
    losing(world, 1, lambda: b.handled(inlet))
    world.run(1.5)
    assert a.events(Flushed) == [Flushed(mark)]


def test_who_waits_for_a_closed_channel_learns_its_end_from_a_pong() -> None:
    world, a, b = direct_world()
    b.handlers["x"] = lambda inlet, _: None
    channel = a.open("x").channel
    a.send("x", 10)
    a.close_channel("x")
    mark = a.flush()
    world.run(0.5)
    losing(world, 1, lambda: b.handled(b.inlets["x"]))
    world.run(1.5)
    assert channel not in a.session._sender.channels
    assert a.events(Flushed) == [Flushed(mark)]


def test_a_datagram_is_outstanding_until_a_later_pong() -> None:
    one = Single(direct=True)
    channel = one.session.open("x", Lane.DATAGRAM)
    one.frames()
    one.ack(2, by=DIRECT)
    one.pong(DIRECT, 2)
    one.wait(3)
    one.pong(DIRECT, 2)
    assert one.session._routes.direct is not None
    life = one.session._routes.direct.life
    assert life.asked is None
    one.session.send_datagram(channel, FrameType.BYTES, b"x", one.now)
    one.frames()
    assert life.asked == one.now
    one.now += 0.1
    one.session.handle_timeout(one.now)
    assert one.pong(DIRECT, 2) == 1
    assert life.asked is None


def test_a_program_that_sends_only_datagrams_notices_that_direct_is_dead() -> None:
    world, a, _ = direct_world()
    world.connect()
    a.open("d", Lane.DATAGRAM)
    world.run(1)
    a.log.clear()
    world.every(0.05, lambda: a.datagram("d"), 10)
    start = world.clock.now
    while not pings(world, 0, start):
        world.run(0.05)
    assert world.direct is not None
    world.direct.cut()
    world.run(0.8)
    assert a.events(PathChanged) == [PathChanged("relay")]


def test_unsequenced_frames_never_wait_behind_ordered_ones_on_direct() -> None:
    world, a, b = direct_world()
    a.open("bulk", Lane.BULK)
    for _ in range(20):
        a.send("bulk", 20_000)
        b.send("", 100)
    world.settle(5)
    for _, _, flight in world.flights:
        assert (flight.lane is Lane.DATAGRAM) == (not any(frame.seq for frame in flight.frames))
        assert isinstance(flight.instance, DirectInstance)


def test_on_the_relay_they_share_a_packet_that_goes_anyhow() -> None:
    one = Single()
    one.receive(one.data(b"question"))
    one.now += 0.02
    one.send(b"answer")
    (flight,) = one.flights()
    assert [frame.type for frame in flight.frames] == [FrameType.ACK, FrameType.BYTES]
    assert isinstance(flight.instance, RelayInstance)
    assert flight.size == len(flight.encode())


def test_pings_without_end_are_answered_in_bounds() -> None:
    one = Single()
    one.receive(*(Frame(FrameType.PING, Lane.DATAGRAM, False, 0, 0, encode_ping(n)) for n in range(10_000)))
    assert len(one.frames(FrameType.PONG)) == 64
