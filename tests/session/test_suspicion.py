"""S7: proof, suspicion, and the way back."""

import random
from functools import partial

import pytest

from peers.codec.frames import Frame, FrameType, Lane
from peers.codec.payloads import decode_ping, encode_ping
from peers.session.events import (
    PathChanged,
    Suspected,
    Trusted,
)
from peers.session.liveness import Liveness
from peers.session.rules import KIB, Rules
from tests.session.network import Direct
from tests.session.side import Side
from tests.session.simulation import World, longest_gap
from tests.session.single import DIRECT, RELAY, Single


def streaming(seed: int = 0, *, delay: float = 0.01) -> tuple[World, Side, Side, Direct]:
    """A message every 50 ms both ways over a settled direct path, with a relay beside it."""
    world = World(seed, delay=delay)
    world.connect()
    direct = world.attempt()
    for side in world.sides:
        world.every(0.05, partial(side.send, "", 100), 60)
    world.run(5)
    return world, *world.sides, direct


def cut_for_a_second(world: World, direct: Direct) -> None:
    """Long enough for both sides to suspect it."""
    direct.cut()
    world.run(1)
    direct.restore()


@pytest.mark.parametrize("cut", [(True, True), (True, False), (False, True)])
def test_a_silent_cut_costs_half_a_second(cut: tuple[bool, bool]) -> None:
    world, a, b, direct = streaming()
    direct.cut(*cut)
    world.run(3)
    for side in (a, b):
        assert side.session.path == "relay"
        assert longest_gap(side.inlets[""].times, 4.5, 7.9) < 0.65


def test_who_suspects_tells_the_other() -> None:
    """One direction is dead, and the side that sends into it still hears the other one."""
    world, a, _, direct = streaming()
    direct.wires[1].cut()
    world.run(3)
    assert longest_gap(a.inlets[""].times, 4.5, 7.9) < 0.6


def test_hearing_the_peer_proves_nothing() -> None:
    world, a, b, direct = streaming()
    b.open("d", Lane.DATAGRAM)
    world.run(0.5)
    b.inlets[""].handler = lambda inlet, _: None
    direct.wires[0].cut()
    world.every(0.02, lambda: b.datagram("d"), 20)
    world.run(2)
    assert a.session.path == "relay"
    assert longest_gap(b.inlets[""].times, 5.4, 7.4) < 1.0


def test_a_peer_that_only_sends_is_not_proved() -> None:
    """The peer only sends datagrams, and none of our frames arrives."""
    one = Single(direct=True)
    one.wait(0.1)
    one.send(b"lost")
    one.frames()
    for _ in range(100):
        one.wait(0.02)
        one.receive(Frame(FrameType.BYTES, Lane.DATAGRAM, False, 9, 0, bytes(8)), by=DIRECT)
    assert Suspected(1) in one.events()


def test_an_acknowledgement_by_another_path_proves_nothing() -> None:
    one = Single(direct=True)
    one.send(b"1")
    one.frames()
    proof = one.session._routes.direct.life.proof  # type: ignore[union-attr]
    one.now += 0.1
    one.ack(2, by=RELAY)
    assert one.session._routes.direct.life.proof == proof  # type: ignore[union-attr]


def test_silence_counts_from_what_was_asked() -> None:
    world = World()
    world.connect()
    world.attempt(delay=0.15)
    world.run(13)
    a = world.sides[0]
    for _ in range(10):
        a.send("", 100)
        world.run(2.3)
    assert a.session.stats().suspicions == 0


def test_a_long_idle_path_is_silent_from_the_question_on() -> None:
    life = Liveness(Rules(), 0.0)
    life.sample(0.01)
    assert life.suspicious_at() is None
    life.sent(10.0)
    assert life.suspicious_at() == pytest.approx(10.35)
    life.hear(10.2)
    assert life.suspicious_at() == pytest.approx(10.6)  # twice the silence that ended well
    life.hear(10.5)
    assert life.suspicious_at() == pytest.approx(10.7)  # without proof


def test_outstanding_data_without_proof_is_pinged() -> None:
    one = Single(direct=True)
    one.send(b"1")
    one.frames()
    (ping, *_) = [flight for flight in one.wait(0.11) if flight.frames[0].type is FrameType.PING]
    assert ping.instance == DIRECT


def test_our_own_stall_is_not_the_peers_silence() -> None:
    one = Single(direct=True)
    one.send(b"1")
    one.frames()
    assert one.session.next_timeout() is not None
    one.now += 1.5  # no timer was called in time
    one.session.handle_timeout(one.now)
    assert Suspected(1) not in one.events()
    one.wait(1.2)
    assert Suspected(1) in one.events()


def test_the_suspicious_say_so_over_the_relay_and_the_other_suspects_too() -> None:
    one = Single(direct=True)
    one.send(b"1")
    one.frames()
    told = [
        decode_ping(frame.payload)[1]
        for flight in one.wait(1)
        if flight.instance == RELAY
        for frame in flight.frames
        if frame.type is FrameType.PING
    ]
    assert told[0] == 1
    other = Single(direct=True)
    for attempt, by, events in (
        (2, RELAY, []),
        (1, DIRECT, []),
        (1, RELAY, [Suspected(1), PathChanged("relay")]),
    ):
        other.receive(Frame(FrameType.PING, Lane.DATAGRAM, False, 0, 0, encode_ping(5, attempt)), by=by)
        assert other.events() == events


def test_a_relay_that_comes_later_is_told_once_it_is_confirmed() -> None:
    one = Single(relay=False, direct=True)
    one.send(b"1")
    one.frames()
    one.wait(1)
    one.session.path_opened(RELAY, one.now, most=48 * KIB)
    assert [flight.instance for flight in one.flights() if flight.lane is Lane.RELIABLE] == [RELAY]
    one.session.path_confirmed(RELAY, one.now)
    told = [
        decode_ping(frame.payload)[1]
        for flight in one.flights()
        if flight.instance == RELAY
        for frame in flight.frames
        if frame.type is FrameType.PING
    ]
    assert told == [1]


def suspect() -> Single:
    """A session that has just begun to suspect its direct path."""
    one = Single(direct=True)
    one.wait(0.5)
    one.receive(Frame(FrameType.PING, Lane.DATAGRAM, False, 0, 0, encode_ping(5, 1)))
    one.events()
    return one


def test_a_suspect_path_is_trusted_after_three_pongs() -> None:
    one = suspect()
    for _ in range(3):
        assert one.events() == []
        assert one.pong(DIRECT) == 1
        one.now += 0.2
        one.session.handle_timeout(one.now)
    assert one.events() == [Trusted(1), PathChanged("direct")]


def test_that_it_was_suspect_before_it_was_trusted_again_is_old_news() -> None:
    """Both sides tell each other so when a relay begins, and the direct path may be back while that is on its way."""
    for later, events in ((0.0, []), (0.4, []), (0.6, [Suspected(1), PathChanged("relay")])):  # and 0.2 s before
        one = suspect()
        for _ in range(3):
            one.pong(DIRECT)
            one.now += 0.2
            one.session.handle_timeout(one.now)
        assert Trusted(1) in one.events()
        one.now += later
        one.receive(Frame(FrameType.PING, Lane.DATAGRAM, False, 0, 0, encode_ping(6, 1)))
        assert one.events() == events


def test_a_path_that_is_suspect_again_and_again_is_held_back() -> None:
    world, a, _, direct = streaming()
    for _ in range(3):
        cut_for_a_second(world, direct)
        world.run(9)
    waits = []
    since = 0.0
    for when, event in a.log:
        if isinstance(event, Suspected):
            since = when
        if isinstance(event, Trusted):
            waits.append(when - since)
    assert waits[0] < 2
    assert 4 <= waits[1] < 4.6
    assert 8 <= waits[2] < 8.6


def test_a_new_path_does_not_answer_for_the_one_that_it_replaces() -> None:
    world, a, _, direct = streaming()
    for _ in range(3):
        cut_for_a_second(world, direct)
        world.run(9)
    newer = world.attempt()
    world.run(5)
    cut_for_a_second(world, newer)
    world.run(2)
    assert a.session.path == "direct"


def test_reliable_goes_by_the_relay_only_and_bulk_follows_after_2_s() -> None:
    one = suspect()
    bulk = one.session.open("bulk", Lane.BULK)
    one.send(b"r")
    one.send(b"b", bulk)
    start = one.now
    seen = []
    flights = one.flights()
    for _ in range(30):
        for flight in flights:  # of the tenth of a second before now
            seen += [(flight.instance, f.lane, round(one.now - start, 1)) for f in flight.frames if f.seq]
        flights = one.wait(0.1)
    relay_only = [(RELAY, Lane.RELIABLE, 0.0), (RELAY, Lane.BULK, 2.1), (RELAY, Lane.BULK, 2.1)]
    assert [item for item in seen if item[2] < 2.5] == relay_only


def test_bulk_under_way_on_a_suspect_path_follows_after_2_s() -> None:
    one = Single(direct=True)
    bulk = one.session.open("bulk", Lane.BULK)
    one.send(bytes(1_000), bulk)
    one.frames()
    one.receive(Frame(FrameType.PING, Lane.DATAGRAM, False, 0, 0, encode_ping(5, 1)))
    assert [f for flight in one.wait(1.9) for f in flight.frames if f.lane is Lane.BULK] == []
    assert [f.seq for flight in one.wait(0.2) for f in flight.frames if f.lane is Lane.BULK] == [1, 2]


def test_without_a_relay_the_suspect_path_is_used() -> None:
    one = Single(relay=False, direct=True)
    one.send(b"1")
    one.frames()
    one.wait(1)
    assert Suspected(1) in one.events()
    assert PathChanged("relay") not in one.events()
    one.send(b"2")
    assert [flight.instance for flight in one.flights() if flight.lane is Lane.RELIABLE] == [DIRECT]
    one.session.path_opened(RELAY, one.now)
    assert one.events() == [PathChanged("relay")]
    assert [frame.seq for frame in one.frames(FrameType.BYTES)] == [1, 2]


def test_acknowledgements_go_by_the_relay_too_while_direct_is_suspect() -> None:
    one = suspect()
    one.receive(one.data(b"1"), by=DIRECT)
    acks = {f.instance for f in one.wait(0.03) for frame in f.frames if frame.type is FrameType.ACK}
    assert acks == {RELAY, DIRECT}


def test_a_frame_that_direct_brings_after_all_is_no_copy() -> None:
    world, a, _, direct = streaming()
    direct.cut()
    world.run(2)
    direct.restore()
    world.run(10)
    world.settle(60)
    assert a.session.path == "direct"


def test_silences_that_ended_well_are_learned() -> None:
    rules = Rules()
    life = Liveness(rules, 0.0)
    life.sample(0.02)
    assert life.patience() == (0.35, 0.7)
    life.sent(1.0)
    life.doubt(1.4)
    life.hear(1.45)
    life.prove(1.45)
    assert life.patience() == pytest.approx((0.9, 0.9))
    life.sent(2.0)
    life.doubt(5.0)
    life.hear(9.0)
    life.prove(9.0)
    assert life.patience() == (1.0, 2.0)
    life.trust(9.0)
    for now in (200.0, 400.0):
        life.sent(now)
        life.hear(now + 0.01)
        life.prove(now + 0.01)
    assert life.patience() == (0.35, 0.7)


def test_before_anything_is_learned_a_slow_path_has_four_round_trips() -> None:
    life = Liveness(Rules(), 0.0)
    life.sample(0.3)
    assert life.patience() == pytest.approx((1.2, 1.2))


def test_no_false_suspicion_on_a_jittery_path() -> None:
    world = World(random.Random(3).randrange(100), delay=0.02)
    world.jitter = 0.15
    world.connect()
    world.attempt()
    for side in world.sides:
        world.every(0.05, partial(side.send, "", 100), 120)
    world.run(120)
    assert sum(side.session.stats().suspicions for side in world.sides) == 0


def test_a_new_path_may_be_silent_for_as_long_as_any() -> None:
    """It is new for its first four round trips, and what counts is when the silence began."""
    life = Liveness(Rules(), 10.0)
    life.sample(0.2)
    life.sent(10.5)
    life.hear(10.6)
    life.prove(10.6)
    life.sent(10.7)
    assert life.suspicious_at() == pytest.approx(11.7)
    life.prove(10.75)
    life.sent(10.9)
    assert life.suspicious_at() == pytest.approx(11.25)


def test_what_may_be_learned_of_a_far_path_is_longer() -> None:
    life = Liveness(Rules(), 0.0)
    life.sample(0.4)
    life.sent(10.0)
    life.hear(15.0)
    life.prove(15.0)
    assert life.patience() == pytest.approx((2.0, 4.0))
    life.sample(0.1)
    assert life.patience() == pytest.approx((1.0, 2.0))


def test_a_far_path_that_is_full_may_be_silent_for_longer() -> None:
    life = Liveness(Rules(), 0.0)
    life.sample(0.4)
    life.sent(10.0)
    life.hear(10.4)
    life.prove(10.4)
    life.in_flight = 64 * 1024
    assert life.patience() == pytest.approx((0.8, 0.8))
    life.in_flight += 1
    assert life.patience() == pytest.approx((2.0, 4.0))
    life.sample(0.05)
    assert life.patience() == pytest.approx((0.8, 0.8)), "near, it may not"
