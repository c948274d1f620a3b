"""S8: flush, close, half-close, and what is reported when a session ends."""

import pytest

from peers.codec.frames import Frame, FrameType, Lane
from peers.codec.payloads import decode_bye, encode_ack, encode_bye, encode_pong
from peers.session.events import ByeDone, ByeReceived, ChannelClosed, Flushed, MessageReceived
from tests.session.side import Side
from tests.session.simulation import World
from tests.session.single import DIRECT, RELAY, Single


def connected() -> tuple[World, Side, Side]:
    """Two sides with a relay and a direct path."""
    world = World()
    world.connect()
    world.attempt()
    world.run(2)
    return world, *world.sides


def test_flush_ends_when_everything_was_handled_not_just_received() -> None:
    world, a, b = connected()
    a.open("slow")
    b.inlets[""].handler = lambda inlet, _: world.clock.after(0.3, b.handled, inlet)
    for _ in range(4):
        a.send("", 100)
        a.send("slow", 2_000)
    mark = a.flush()
    world.run(1)
    assert a.events(Flushed) == []
    world.run(0.4)
    assert a.events(Flushed) == [Flushed(mark)]


def test_flush_waits_for_what_was_sent_before_only() -> None:
    world, a, b = connected()
    b.inlets[""].handler = lambda inlet, _: None
    a.send("", 10)
    first = a.flush()
    world.run(0.2)
    a.send("", 10)
    second = a.flush()
    b.handled(b.inlets[""])
    world.run(0.2)
    assert a.events(Flushed) == [Flushed(first)]
    b.handled(b.inlets[""])
    world.run(0.2)
    assert a.events(Flushed) == [Flushed(first), Flushed(second)]


def test_flush_of_nothing_ends_at_once() -> None:
    one = Single()
    mark = one.session.flush(one.now)
    assert one.events() == [Flushed(mark)]


@pytest.mark.parametrize("lane", [Lane.RELIABLE, Lane.BULK])
def test_a_pong_that_was_overtaken_says_nothing_of_a_channel_it_is_older_than(lane: Lane) -> None:
    one = Single(direct=True)
    channel = one.session.open("short", lane)
    one.send(b"hello", channel)
    one.session.close_channel(channel, one.now)
    mark = one.session.flush(one.now)
    one.flights()

    def pong(wanted: int) -> None:
        told = encode_ack(*((wanted, 1) if lane is Lane.RELIABLE else (1, wanted)), [])
        one.receive(Frame(FrameType.PONG, Lane.DATAGRAM, False, 0, 0, encode_pong(0, told)))

    one.ack(*((4, 1) if lane is Lane.RELIABLE else (1, 4)), by=DIRECT)
    pong(1)  # written before the channel's open had come
    assert Flushed(mark) not in one.events()
    pong(4)
    assert Flushed(mark) in one.events()


def test_a_close_ends_both_sides() -> None:
    world, a, b = connected()
    a.send("", 100)
    b.send("", 100)
    a.close()
    world.run(1)
    assert a.ended
    assert b.ended
    assert a.undelivered == b.undelivered == []
    assert b.events(ByeReceived) == [ByeReceived()]


def test_a_bye_names_the_last_number_of_each_lane() -> None:
    one = Single()
    bulk = one.session.open("bulk", Lane.BULK)
    one.send(b"r")
    one.send(b"b", bulk)
    one.frames()
    one.session.close(one.now)
    (bye,) = one.frames(FrameType.BYE)
    assert bye.seq == 2
    assert decode_bye(bye.payload) == (1, 2)


def test_bulk_under_way_is_handled_before_the_end() -> None:
    world, a, b = connected()
    assert world.direct is not None
    a.open("bulk", Lane.BULK)
    world.run(0.5)
    a.send("bulk", 25_000)
    while a.session.stats().queued:
        world.run(0.001)
    assert b.inlets["bulk"].received == 0
    a.close()
    world.run(3)
    assert b.inlets["bulk"].count == 1
    assert b.ended


def test_a_bye_waits_for_bulk_that_is_still_on_its_way() -> None:
    one = Single()
    opened = one.data(b"\x94\xa1x\xa0\x01\x80", lane=Lane.BULK, kind=FrameType.OPEN, channel=1)
    last = one.data(b"last", lane=Lane.BULK, channel=1)
    one.receive(opened, one.data(encode_bye(0, 2), kind=FrameType.BYE))
    assert ByeReceived() not in one.events()
    one.receive(last)
    events = one.events()
    assert isinstance(events[0], MessageReceived)
    assert events[1:] == [ByeReceived()]


def test_what_was_received_before_the_end_is_handled_after_it() -> None:
    world, a, b = connected()
    b.inlets[""].handler = lambda inlet, _: world.clock.after(0.5, b.handled, inlet)
    for _ in range(4):
        a.send("", 100)
    world.run(0.1)
    a.close()
    world.run(5)
    assert b.ended
    assert b.inlets[""].count == 4


def test_bye_done_needs_both_byes_and_the_acknowledgement_of_ours() -> None:
    one = Single()
    one.session.close(one.now)
    one.frames()
    one.receive(one.data(encode_bye(0, 0), kind=FrameType.BYE))
    assert one.events() == [ByeReceived()]
    one.ack(2)
    assert one.events() == [ByeDone()]
    assert len(one.frames(FrameType.ACK)) == 1


def test_a_bye_is_answered_by_ours() -> None:
    one = Single()
    one.receive(one.data(encode_bye(0, 0), kind=FrameType.BYE))
    assert [frame.type for frame in one.frames()] == [FrameType.ACK, FrameType.BYE]


def test_who_ends_tells_by_the_relay_what_the_direct_path_may_lose() -> None:
    world, a, b = connected()
    assert world.direct is not None
    a.open("x")
    for _ in range(3):
        a.send("x", 1_000)
    a.close_channel("x")
    for wire in world.direct.wires:
        wire.lose = 1.0
    world.run(0.1)
    assert b.inlets["x"].count == 3
    mark = a.flush()
    b.close()
    world.run(0.15)  # before anything makes the direct path suspect
    assert b.ended
    assert a.ended
    assert a.events(Flushed) == [Flushed(mark)]
    assert a.undelivered == []


def test_a_lost_bye_goes_again() -> None:
    world = World()
    world.connect()
    world.run(1)
    a, b = world.sides
    world.relay.dropping = 1.0
    a.close()
    world.run(0.1)
    world.relay.dropping = 0.0
    world.run(4)
    assert b.ended
    assert ByeDone() in a.events(ByeDone)


def test_closing_one_direction_of_a_channel_leaves_the_other() -> None:
    world, a, b = connected()
    for side in (a, b):
        side.open("x")
    for _ in range(5):
        a.send("x", 3_000)
    a.close_channel("x")
    world.settle(3)
    assert b.events(ChannelClosed) == [ChannelClosed(b.inlets["x"].channel)]
    b.send("x", 3_000)
    world.settle(3)
    assert a.events(ChannelClosed) == []
    a.open("x")
    a.send("x", 100)
    world.settle(3)


def test_nothing_goes_on_a_closed_channel() -> None:
    one = Single(direct=True)
    channels = [one.session.open("x", lane) for lane in Lane]
    for channel in channels:
        one.session.close_channel(channel, one.now)
        one.session.close_channel(channel, one.now)
        with pytest.raises(ValueError, match="closed"):
            one.send(b"", channel)
        with pytest.raises(ValueError, match="closed"):
            one.session.can_send(channel, 0)
        assert not one.session.send_datagram(channel, FrameType.BYTES, b"", one.now)
    assert len(one.frames(FrameType.CLOSE)) == 3


def test_undelivered_is_what_was_not_acknowledged_in_order() -> None:
    one = Single()
    bulk = one.session.open("bulk", Lane.BULK)
    one.ack(1, 1, (0, 10**6, 0))
    for number in range(3):
        one.session.send(0, FrameType.BYTES, bytes(20_000), one.now, ("r", number))
        one.session.send(bulk, FrameType.BYTES, bytes(100_000), one.now, ("b", number))
    one.frames()
    one.ack(4)
    contexts = [message.context for message in one.session.end()]
    assert [context for context in contexts if context and context[0] == "r"] == [("r", 1), ("r", 2)]  # type: ignore[index]
    assert [context for context in contexts if context and context[0] == "b"] == [("b", 0), ("b", 1), ("b", 2)]  # type: ignore[index]
    assert one.frames() == []
    assert one.session.next_timeout() is None


def test_after_our_bye_nothing_new_goes_and_all_of_it_is_reported() -> None:
    one = Single()
    one.session.close(one.now)
    one.session.send(0, FrameType.BYTES, b"too late", one.now, "context")
    assert [frame.type for frame in one.frames()] == [FrameType.BYE]
    one.ack(2, 1, (0, 10**6, 0), by=RELAY)
    assert one.frames(FrameType.BYTES) == []
    assert [message.context for message in one.session.end()] == ["context"]
