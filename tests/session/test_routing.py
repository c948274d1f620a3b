"""Which path a lane takes, and what may wait in it (S6, S7, S9)."""

from peers.codec.frames import Frame, FrameType, Lane
from peers.codec.payloads import encode_ack
from peers.session.events import (
    DirectAdopted,
    DirectInstance,
    MessageReceived,
    PathChanged,
    RelayInstance,
)
from peers.session.rules import KIB, MIB, Rules
from tests.session import test_suspicion as suspicion
from tests.session.channels import Inlet
from tests.session.simulation import World, longest_gap
from tests.session.single import DIRECT, RELAY, Single


def test_a_fresh_attempt_is_used_from_its_first_pong_on() -> None:
    one = Single()
    one.session.path_opened(DIRECT, one.now)
    one.send(b"1")
    assert [f.instance for f in one.flights() if f.lane is Lane.RELIABLE] == [RELAY]
    one.now += 0.2
    one.session.handle_timeout(one.now)
    assert one.pong(DIRECT) == 1
    assert one.events() == [DirectAdopted(1), PathChanged("direct")]
    one.send(b"2")
    assert [f.instance for f in one.flights() if f.lane is Lane.RELIABLE] == [DIRECT]


def test_the_old_direct_path_lives_until_the_new_one_answers() -> None:
    world, a, b, old = suspicion.streaming()
    new = world.attempt()
    world.run(2)
    assert not old.alive
    assert new.alive
    assert longest_gap(b.inlets[""].times, 4.5, 7) < 0.15
    assert a.session.stats().suspicions == 0


def test_acknowledgements_go_by_every_path_that_brought_a_frame() -> None:
    one = Single(direct=True)
    one.receive(one.data(b"1"), by=RELAY)
    one.receive(one.data(b"2"), by=DIRECT)
    flights = [f for f in one.wait(0.03) if f.frames[0].type is FrameType.ACK]
    assert {flight.instance for flight in flights} == {RELAY, DIRECT}
    one.receive(one.data(b"3"), by=DIRECT)
    flights = [f for f in one.wait(0.03) if f.frames[0].type is FrameType.ACK]
    assert {flight.instance for flight in flights} == {DIRECT}


def test_what_waits_in_a_path_is_bounded_by_its_rate() -> None:
    world = World(rate=20_000, delay=0.02)
    world.connect()
    direct = world.attempt()
    world.run(3)
    a, b = world.sides
    a.open("bulk", Lane.BULK)
    world.every(0.05, lambda: a.send_if_room("bulk", 3_000), 30)
    asked: list[float] = []
    trips: list[float] = []

    def answer(inlet: Inlet, _: MessageReceived) -> None:
        b.handled(inlet)
        b.send("", 20)

    def answered(inlet: Inlet, _: MessageReceived) -> None:
        trips.append(a.clock.now - asked[-1])
        a.handled(inlet)

    b.handlers["ask"], a.inlets[""].handler = answer, answered
    a.open("ask")
    world.run(5)
    for _ in range(10):
        asked.append(world.clock.now)
        a.send("ask", 20)
        world.run(2)
        assert direct.wires[0].waiting <= world.rules.queue_least + world.rules.direct_packet
    assert len(trips) == 10
    assert max(trips) < 0.7


def test_an_empty_path_always_takes_one_packet() -> None:
    one = Single(relay=False, direct=True, rules=Rules(queue_least=100, queue_most=100))
    one.send(bytes(16_384))
    one.send(bytes(16_384))
    assert len(one.frames(FrameType.BYTES)) == 1
    assert len(one.frames(FrameType.BYTES)) == 1
    one.session.path_waiting(DIRECT, 1, one.now)
    one.send(bytes(16_384))
    assert [f for f in one.session.frames_to_send(one.now) if f.lane is Lane.RELIABLE] == []


def test_bulk_never_goes_ahead_of_reliable() -> None:
    one = Single(relay=False, direct=True)
    bulk = one.session.open("bulk", Lane.BULK)
    one.frames()
    one.ack(1, 2, (0, 10**6, 0), by=DIRECT)
    for _ in range(5):
        one.send(bytes(14_000))
        one.send(bytes(100), bulk)
    lanes = []
    for _ in range(6):
        lanes += [frame.lane for frame in one.frames(FrameType.BYTES)]
    assert lanes == [Lane.RELIABLE] * 5 + [Lane.BULK] * 5


def test_bulk_on_the_relay_waits_until_a_quarter_of_its_room_is_free() -> None:
    one = Single()
    bulk = one.session.open("bulk", Lane.BULK)
    one.frames()
    one.ack(1, 2, (bulk, 10**6, 0))
    one.send(bytes(40_000), bulk)
    one.send(b"small")
    one.session.path_waiting(RELAY, 50 * KIB, one.now)
    assert [frame.lane for frame in one.frames(FrameType.BYTES)] == [Lane.RELIABLE]
    one.session.path_waiting(RELAY, 48 * KIB - 20, one.now)
    assert [frame.lane for frame in one.frames(FrameType.BYTES)] == [Lane.BULK]


def test_what_is_unacknowledged_on_the_relay_follows_its_rate() -> None:
    one = Single()
    relay = one.session._routes.relay
    assert relay is not None
    relay.life.least, relay.unacked_most = 0.1, 3 * MIB
    most = one.session._routes.room
    assert most(relay, one.now) <= 256 * KIB
    relay.life.rate, relay.life.in_flight = 5e6, 900_000
    assert most(relay, one.now) == 100_000
    relay.life.rate, relay.life.in_flight = 1e9, 3 * MIB - 7
    assert most(relay, one.now) == 7


def test_the_relay_holds_64_kib_and_what_is_on_its_way() -> None:
    one = Single()
    one.ack(1, 1, (0, 10**6, 0))
    for _ in range(20):
        one.send(bytes(16_384))
    size = sum(flight.size for flight in one.session.frames_to_send(one.now))
    assert 48 * KIB < size <= 64 * KIB
    one.session.path_waiting(RELAY, size, one.now)
    assert one.session.frames_to_send(one.now) == []
    one.session.path_waiting(RELAY, 0, one.now)
    assert one.session.frames_to_send(one.now) != []


def test_paths_that_are_not_known_are_ignored() -> None:
    one = Single(direct=True)
    one.session.path_ended(DirectInstance(9), one.now)
    one.session.path_ended(RelayInstance(3, 3), one.now)
    one.receive(Frame(FrameType.ACK, Lane.DATAGRAM, False, 0, 0, encode_ack(9, 9, [])), by=DirectInstance(9))
    assert one.events() == []
