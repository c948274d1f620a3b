"""S4: acknowledgement on receipt, windows, and credit for each channel."""

import pytest

from peers.codec.frames import FrameType, Lane
from peers.codec.payloads import decode_ack
from peers.session.credit import Budget
from peers.session.events import SendReady
from peers.session.rules import KIB, MIB, Rules
from peers.session.session import Session
from tests.session.channels import Broken
from tests.session.lives import set_up_calls
from tests.session.side import Side
from tests.session.simulation import SMALL, World
from tests.session.single import RELAY, Single


def pair(*absent: str) -> tuple[World, Side, Side]:
    """Two connected sides; nothing at the second one listens to `absent` labels."""
    world = World()
    a, b = world.sides
    b.absent = dict.fromkeys(absent, 1e9)
    world.connect()
    world.run(1)
    return world, a, b


def test_frames_are_acknowledged_when_they_come_not_when_they_are_handled() -> None:
    world, a, b = pair("absent")
    a.open("absent")
    a.send("absent", 3_000)
    world.run(1)
    assert b.inlets["absent"].received == 1
    assert b.inlets["absent"].count == 0
    assert a.session.stats().unacknowledged == 0


def test_an_acknowledgement_waits_20_ms() -> None:
    one = Single()
    one.receive(one.data(b"1"))
    assert one.frames(FrameType.ACK) == []
    due = one.session.next_timeout()
    assert due == pytest.approx(one.now + 0.020)
    (flight,) = one.wait(0.021)
    assert decode_ack(flight.frames[0].payload).reliable == 2


def test_an_acknowledgement_comes_at_once_after_128_kib() -> None:
    one = Single()
    one.session.listen(0, one.now)
    one.frames()
    one.wait(0.01)
    for _ in range(7):
        one.receive(one.data(bytes(16_384), more=True))
        assert one.frames(FrameType.ACK) == []
    one.receive(one.data(bytes(16_384), more=True))
    assert len(one.frames(FrameType.ACK)) == 1
    assert one.frames(FrameType.ACK) == []


def test_acknowledgements_at_high_rates_are_5_ms_apart() -> None:
    one = Single()
    one.session.listen(0, one.now)
    one.frames()
    for _ in range(8):
        one.receive(one.data(bytes(16_384), more=True))
    assert one.frames(FrameType.ACK) == []
    assert one.wait(0.004) == []
    (flight,) = one.wait(0.0011)
    assert decode_ack(flight.frames[0].payload).reliable == 9


def test_what_has_come_before_is_acknowledged_again() -> None:
    one = Single()
    frame = one.data(b"1")
    one.receive(frame)
    one.wait(0.1)
    one.receive(frame)
    (flight,) = one.wait(0.1)
    assert decode_ack(flight.frames[0].payload).reliable == 2


def test_a_lane_sends_no_more_than_its_window() -> None:
    one = Single(relay=False, direct=True)
    one.ack(1, 1, (0, 40 * MIB, 0), by=RELAY)
    rules = Rules()
    for lane, window in ((Lane.RELIABLE, rules.reliable_window), (Lane.BULK, rules.bulk_window)):
        channel = one.session.open(f"{lane}", lane)
        one.frames()
        one.ack(2, lane + 1, (channel, 40 * MIB, 0), by=one.session._routes.direct.instance)  # type: ignore[union-attr]
        for _ in range(6):
            one.send(bytes(MIB), channel)
        sent = 0
        for _ in range(2_000):
            sent += sum(frame_cost(frame.payload) for frame in one.frames(FrameType.BYTES) if frame.lane is lane)
        assert window - 17 * KIB < sent <= window


def frame_cost(payload: bytes | memoryview) -> int:
    """What a frame counts in its lane's window."""
    return len(payload) + 12


def test_a_lane_sends_no_more_frames_than_its_window() -> None:
    one = Single(relay=False, direct=True)
    one.ack(1, 1, (0, 40 * MIB, 0), by=one.session._routes.direct.instance)  # type: ignore[union-attr]
    for _ in range(9_000):
        one.send(b"")
    sent = 0
    for _ in range(100):
        sent += len(one.frames(FrameType.BYTES))
    assert sent == 8_192


def test_no_more_goes_than_there_is_credit_for() -> None:
    world, a, b = pair("absent")
    a.open("absent")
    for _ in range(30):
        a.send("absent", 1_000)
    world.run(5)
    rules = world.rules
    assert b.inlets["absent"].received == rules.first_credit // (1_000 + rules.frame_charge)
    b.listen(b.inlets["absent"])
    world.settle(2)


def test_the_smallest_messages_cost_credit_too() -> None:
    world, a, b = pair("absent")
    a.open("absent")
    for _ in range(300):
        a.send("absent", 0)
    world.run(5)
    assert b.inlets["absent"].received == world.rules.first_credit // 64


def test_a_channel_without_credit_stops_no_other() -> None:
    world, a, b = pair("absent")
    a.open("absent")
    a.open("other")
    for _ in range(30):
        a.send("absent", 1_000)
        a.send("other", 1_000)
        a.send("", 1_000)
    world.run(2)
    assert b.inlets["other"].count == 30
    assert b.inlets[""].count == 30


def test_what_waits_for_credit_takes_no_room_from_others() -> None:
    world, a, b = pair("absent")
    a.open("absent")
    a.open("other")
    a.send("absent", world.rules.reliable_message)
    world.run(1)
    for _ in range(20):
        assert a.send_if_room("other", 1_000)
    assert not a.send_if_room("absent", 0)
    world.run(2)
    assert b.inlets["other"].count == 20
    b.listen(b.inlets["absent"])
    world.settle(2)


def test_who_waits_to_send_learns_that_the_channel_is_closed() -> None:
    one = Single()
    channel = one.session.open("x", Lane.RELIABLE)
    one.send(bytes(MIB), channel)
    assert not one.session.can_send(channel, 1)
    one.session.close_channel(channel, one.now)
    assert one.events() == [SendReady(channel)]


def test_the_largest_messages_fit_one_after_another() -> None:
    world, a, _ = pair()
    a.open("bulk", Lane.BULK)
    for _ in range(3):
        a.send("", 10_000)
        world.run(0.5)
        a.send("", world.rules.reliable_message)
        a.send("bulk", world.rules.bulk_message)
        world.settle(5)


def test_the_limit_is_raised_by_half_a_window_while_messages_wait() -> None:
    one = Single(rules=SMALL)
    one.session.listen(0, one.now)
    one.wait(0.1)
    for _ in range(34):
        one.receive(one.data(bytes(1_000)))
    one.wait(0.1)
    limits = []
    for _ in range(34):
        one.session.handled(0, 1_064, one.now)
        acks = [frame for flight in one.wait(0.03) for frame in flight.frames if frame.type is FrameType.ACK]
        limits += [credit[1] for ack in acks for credit in decode_ack(ack.payload).credits]
    window = SMALL.reliable_credit
    raised = [limit for limit, before in zip(limits, [window, *limits], strict=False) if limit > before]
    assert raised == [window + 18 * 1_064, window + 34 * 1_064]


def test_limits_are_never_lowered() -> None:
    one = Single()
    channel = one.session._sender.channels[0]
    one.ack(1, 1, (0, 200_000, 0))
    one.ack(1, 1, (0, 100_000, 0))
    assert channel.limit == 200_000


def test_a_handler_that_awaits_an_answer_while_its_own_channel_is_full() -> None:
    world, a, b = pair()
    set_up_calls(a)
    for _ in range(100):
        a.send("call", 900)
    world.settle(30)
    assert b.inlets["call"].count == 100


def test_can_send_is_false_when_full_and_ready_comes_later() -> None:
    world = World(listens=False)
    world.connect()
    world.run(1)
    a, b = world.sides
    inlet = b.inlets[""]
    while a.send_if_room("", 500):
        pass
    assert len(a.outlets[""].sizes) * 564 <= world.rules.first_credit + 564
    world.run(1)
    while a.send_if_room("", 500):
        world.run(0.1)
    assert a.events(SendReady) == []
    b.listen(inlet)
    world.run(0.5)
    assert SendReady(0) in a.events(SendReady)
    assert a.send_if_room("", 500)
    world.settle(2)


def test_an_empty_channel_takes_one_message_whatever_its_size() -> None:
    one = Single()
    assert one.session.can_send(0, MIB)
    one.send(bytes(MIB))
    assert not one.session.can_send(0, 1)


def test_all_links_share_a_budget() -> None:
    budget = Budget(1_000)
    first, second = Session(0.0, budget=budget), Session(0.0, budget=budget)
    first.path_opened(RELAY, 0.0)
    first.send(0, FrameType.BYTES, bytes(900), 0.0)
    assert not second.can_send(0, 500)
    assert second.next_timeout() == pytest.approx(0.05)
    first.end()
    assert budget.used == 0
    second.handle_timeout(0.05)
    assert second.next_event() == SendReady(0)
    assert second.can_send(0, 500)


def test_what_is_acknowledged_leaves_the_budget() -> None:
    budget = Budget()
    world = World()
    for side in world.sides:
        side.session._sender._budget = budget
    world.connect()
    a = world.sides[0]
    a.open("x", Lane.BULK)
    a.send("", 100)
    a.send("x", 50_000)
    assert budget.used == 164 + 50_000 + 50 * 64
    world.settle(5)
    world.run(1)
    a.close_channel("x")
    world.run(1)
    assert budget.used == 0


def test_a_message_too_large_names_the_other_lane() -> None:
    one = Single()
    with pytest.raises(ValueError, match="use the bulk lane"):
        one.send(bytes(MIB + 1))
    bulk = one.session.open("bulk", Lane.BULK)
    one.send(bytes(MIB + 1), bulk)
    with pytest.raises(ValueError, match="in pieces"):
        one.send(bytes(16 * MIB + 1), bulk)


def test_the_65th_channel_is_refused_until_one_is_closed_and_handled() -> None:
    world, a, b = pair()
    for number in range(63):
        a.open(f"{number}")
    with pytest.raises(ValueError, match="64 channels"):
        a.open("one more")
    a.send("0", 10)
    a.close_channel("0")
    world.run(1)
    a.open("one more")
    world.run(1)
    assert "one more" in b.inlets


def test_a_channel_is_open_once() -> None:
    one = Single()
    number = one.session.open("x", Lane.RELIABLE)
    one.session.open("x", Lane.BULK)
    with pytest.raises(ValueError, match="open already"):
        one.session.open("x", Lane.RELIABLE)
    one.session.close_channel(number, one.now)
    with pytest.raises(ValueError, match="open already"):
        one.session.open("x", Lane.RELIABLE)  # the close has no number yet: the open would overtake it
    one.frames()
    assert one.session.open("x", Lane.RELIABLE) > number


def test_a_simulated_peer_that_is_sent_too_much_notices() -> None:
    world, a, _ = pair("absent")
    a.open("absent")
    a.session._sender.channels[1].limit = 10**9
    for _ in range(30):
        a.send("absent", 1_000)
    with pytest.raises(Broken, match="beyond its credit"):
        world.run(5)
