"""S6: a frame is sent again when its path ended, was refused, is suspect or silent for long; not for being late."""

import pytest

from peers.codec.frames import FrameType, Lane
from peers.session.events import RelayInstance
from peers.session.rules import KIB, Rules
from tests.session.network import Direct
from tests.session.side import Side
from tests.session.simulation import World
from tests.session.single import DIRECT, RELAY, Single


def both_paths(seed: int = 0) -> tuple[World, Side, Direct]:
    """Two sides with a relay and an adopted direct path."""
    world = World(seed)
    world.connect()
    direct = world.attempt()
    world.run(3)
    return world, world.sides[0], direct


def test_what_only_an_ended_path_carried_goes_by_another() -> None:
    world, a, direct = both_paths()
    direct.cut()
    for _ in range(5):
        a.send("", 1_000)
    world.run(0.05)
    direct.end()
    world.settle(0.3)


def test_what_the_relay_carried_goes_again_when_the_peer_returns() -> None:
    world = World()
    world.connect()
    world.run(1)
    a = world.sides[0]
    a.send("", 5_000)
    world.relay.disconnect(1)
    world.run(0.2)
    world.relay.connect(1)
    world.settle(0.5)


def test_what_the_server_refused_goes_again_after_a_pause() -> None:
    world = World()
    world.connect()
    world.run(1)
    world.relay.refusing = 1.0
    world.sides[0].send("", 1_000)
    world.run(0.05)
    world.relay.refusing = 0.0
    world.settle(0.25)


def test_what_a_suspect_path_carries_goes_by_the_relay_too() -> None:
    world, a, direct = both_paths()
    direct.cut()
    for _ in range(5):
        a.send("", 1_000)
    world.settle(0.8)


def test_what_the_server_lost_without_a_word_goes_again_in_time() -> None:
    world = World()
    world.connect()
    world.run(1)
    world.relay.dropping = 1.0
    a = world.sides[0]
    for _ in range(20):
        a.send("", 1_000)
    world.run(0.2)
    world.relay.dropping = 0.0
    world.run(2)
    assert world.pending()
    world.settle(8)


def test_one_timeout_is_enough_for_all_that_was_lost() -> None:
    world = World()
    world.connect()
    world.run(1)
    a = world.sides[0]
    a.open("bulk", Lane.BULK)
    world.run(1)
    world.relay.dropping = 1.0
    a.send("bulk", world.rules.relay_unacked - 2_000)
    world.run(0.5)
    assert a.session.stats().unacknowledged > 10_000
    world.relay.dropping = 0.0
    world.settle(4)


def test_what_a_timeout_gave_up_goes_by_the_next_path() -> None:
    one = Single()
    one.ack(1, 1, (0, 10**6, 0))
    for _ in range(20):
        one.send(bytes(10_000))
    while one.frames(FrameType.BYTES):
        pass
    one.wait(3.1)
    one.session.path_ended(RELAY, one.now)
    one.session.path_opened(DIRECT, one.now)
    one.pong(DIRECT)
    seen: list[int] = []
    for _ in range(20):
        seen += [frame.seq for frame in one.frames(FrameType.BYTES)]
    assert seen == list(range(1, 21))


def test_each_lane_has_its_own_patience() -> None:
    world = World()
    world.connect()
    world.run(1)
    a, b = world.sides
    a.open("bulk", Lane.BULK)
    world.every(0.1, lambda: a.send("", 100), 20)
    world.run(1)
    world.relay.dropping = 1.0
    a.send("bulk", 900)
    world.run(0.05)
    world.relay.dropping = 0.0
    world.run(5)
    assert b.inlets["bulk"].count == 1


def test_being_late_is_no_reason() -> None:
    world = World(rate=20_000, delay=0.3)
    world.connect()
    world.run(3)
    a = world.sides[0]
    a.open("bulk", Lane.BULK)
    a.send("bulk", 100_000)
    a.send("", 30_000)
    world.settle(20)
    assert a.session.stats().sent_twice == 0


def test_only_the_oldest_are_sent_again_for_silence_and_ever_later() -> None:
    one = Single()
    one.ack(1, 1, (0, 10**6, 0))
    for _ in range(10):
        one.send(bytes(10_000))
    while one.frames(FrameType.BYTES):
        pass
    start, moments, sizes = one.now, [], []
    for _ in range(1_200):
        flights = one.wait(0.1)
        again = [f for flight in flights for f in flight.frames if f.type is FrameType.BYTES]
        if again:
            moments.append(one.now - start)
            sizes.append(sum(len(frame.payload) + 12 for frame in again))
            assert [frame.seq for frame in again] == list(range(1, len(again) + 1))
    assert moments == pytest.approx([3, 9, 21, 45, 75, 105], abs=0.3)
    assert all(48 * KIB < size <= 64 * KIB for size in sizes)


def test_time_without_any_path_is_no_lateness() -> None:
    one = Single()
    one.send(b"1")
    one.frames()
    one.session.path_ended(RELAY, one.now)
    one.wait(20)
    one.session.path_opened(RelayInstance(1, 2), one.now)
    assert len(one.frames(FrameType.BYTES)) == 1
    assert [f for flight in one.wait(2.5) for f in flight.frames if f.type is FrameType.BYTES] == []


def test_busy_pauses_ever_longer_and_halves_what_may_be_unacknowledged() -> None:
    one = Single()
    one.ack(1, 1, (0, 10**6, 0))
    for _ in range(30):
        one.send(bytes(16_000))
    pauses = []
    path = one.session._routes.relay
    assert path is not None
    for _ in range(7):
        flights = one.flights()
        assert flights
        for flight in flights:
            one.session.refused(flight, "busy", one.now)
        assert one.frames(FrameType.BYTES) == []
        pauses.append(path.busy_until - one.now)
        due = one.session.next_timeout()
        assert due is not None
        assert due <= path.busy_until
        one.now = path.busy_until
    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 2, 2])
    assert path.unacked_most == Rules().relay_unacked_least
    assert sum(flight.size for flight in one.flights()) <= Rules().relay_unacked_least


def test_away_waits_for_the_peers_return() -> None:
    one = Single()
    one.send(b"1")
    (flight,) = one.flights()
    one.session.refused(flight, "away", one.now)
    assert [f for flight in one.wait(1.5) for f in flight.frames if f.type is FrameType.BYTES] == []
    one.session.path_ended(RELAY, one.now)
    one.session.path_opened(RelayInstance(1, 2), one.now)
    assert len(one.frames(FrameType.BYTES)) == 1


def test_a_refusal_of_what_has_arrived_otherwise_changes_nothing() -> None:
    one = Single(direct=True)
    one.send(b"1")
    (flight,) = one.flights()
    one.ack(2, by=DIRECT)
    one.session.refused(flight, "away", one.now)
    one.session.lost(flight, one.now)
    assert one.frames(FrameType.BYTES) == []


def test_a_lost_first_message_goes_again() -> None:
    one = Single(relay=False)
    one.session.path_opened(RELAY, one.now, most=48 * KIB)
    one.send(b"1")
    (flight,) = one.flights()
    one.session.lost(flight, one.now)
    assert len(one.frames(FrameType.BYTES)) == 1


def test_a_busy_server_is_not_stormed() -> None:
    world = World(rate=200_000)
    world.connect()
    world.run(1)
    a = world.sides[0]
    world.relay.refusing = 1.0
    world.every(0.02, lambda: a.send_if_room("", 500), 6)
    world.run(4)
    handed = sum(1 for index, _ in world.relay.packets if index == 0)
    assert handed < 30
    world.relay.refusing = 0.0
    world.settle(3)


def test_a_slow_handshake_is_no_lateness() -> None:
    one = Single(relay=False)
    one.session.path_opened(RELAY, one.now, most=48 * KIB)
    one.send(b"1")
    one.frames()
    one.wait(10)
    one.session.path_confirmed(RELAY, one.now)
    assert [f for flight in one.wait(2.5) for f in flight.frames if f.type is FrameType.BYTES] == []
