"""S10: a peer that lies ends its own session, with a reason, and takes no memory with it."""

from collections.abc import Callable

import pytest

from peers.codec import values
from peers.codec.frames import Frame, FrameType, Lane
from peers.codec.payloads import encode_bye
from tests.session.single import RELAY, Single


def opening(one: Single, number: int, label: str, lane: int = 0, on: Lane = Lane.RELIABLE) -> Frame:
    """The peer opens a channel."""
    return one.data(values.encode([label, "", lane, {}]), channel=number, kind=FrameType.OPEN, lane=on)


def acknowledge_the_unsent(one: Single) -> None:
    one.ack(2)


def acknowledge_unsent_bulk(one: Single) -> None:
    one.ack(1, 2)


def handle_the_unsent(one: Single) -> None:
    one.ack(1, 1, (0, 70_000, 1))


def absurd_limit(one: Single) -> None:
    one.ack(1, 1, (0, 2**47, 0))


def limit_below_the_handled(one: Single) -> None:
    one.send(b"1")
    one.frames()
    one.ack(2, 1, (0, 1, 65))


def credit_for_no_channel(one: Single) -> None:
    one.ack(1, 1, (5, 70_000, 0))


def endless_channels(one: Single) -> None:
    for number in range(1, 65):
        one.receive(opening(one, number, f"{number}"))


def one_channel_twice(one: Single) -> None:
    one.receive(opening(one, 1, "x"), opening(one, 2, "x"))


def one_number_twice(one: Single) -> None:
    one.receive(opening(one, 1, "x"), opening(one, 1, "y"))


def open_the_default_channel(one: Single) -> None:
    one.receive(opening(one, 0, "x"))


def open_on_another_lane(one: Single) -> None:
    one.receive(opening(one, 1, "x", lane=1))


def an_open_that_is_none(one: Single) -> None:
    one.receive(one.data(b"\xc1", channel=1, kind=FrameType.OPEN))


def an_endless_label(one: Single) -> None:
    one.receive(opening(one, 1, "x" * 1_000))


def beyond_its_credit(one: Single) -> None:
    for _ in range(5):
        one.receive(one.data(bytes(16_000)))


def empty_messages_without_end(one: Single) -> None:
    for _ in range(1_025):
        one.receive(one.data(b""))


def a_message_without_end(one: Single) -> None:
    one.session.listen(0, one.now)
    for _ in range(66):
        one.receive(one.data(bytes(16_384), more=True))


def another_type_in_midst_of_a_message(one: Single) -> None:
    one.receive(one.data(b"1", more=True), one.data(b"2", kind=FrameType.TEXT))


def a_close_in_midst_of_a_message(one: Single) -> None:
    one.receive(one.data(b"1", more=True), one.data(b"", kind=FrameType.CLOSE))


def a_channel_that_is_not_open(one: Single) -> None:
    one.receive(one.data(b"1", channel=3))


def a_channel_on_another_lane(one: Single) -> None:
    one.receive(one.data(b"1", lane=Lane.BULK))


def a_closed_channel(one: Single) -> None:
    one.receive(one.data(b"", kind=FrameType.CLOSE), one.data(b"1"))


def a_close_of_no_channel(one: Single) -> None:
    one.receive(one.data(b"", channel=9, kind=FrameType.CLOSE))


def a_second_close(one: Single) -> None:
    one.receive(opening(one, 1, "x"))
    for _ in range(2):
        one.receive(one.data(b"", channel=1, kind=FrameType.CLOSE))


def a_message_on_a_datagram_channel(one: Single) -> None:
    one.receive(opening(one, 1, "x", lane=2), one.data(b"1", channel=1))


def a_bye_that_does_not_fit(one: Single) -> None:
    one.receive(one.data(b"1"), one.data(encode_bye(0, 0), kind=FrameType.BYE))


def something_after_the_bye(one: Single) -> None:
    one.receive(one.data(encode_bye(0, 0), kind=FrameType.BYE), one.data(b"1"))


def bulk_after_the_bye(one: Single) -> None:
    one.receive(one.data(encode_bye(0, 0), kind=FrameType.BYE), opening(one, 1, "x", 1, Lane.BULK))


def a_ping_cut_short(one: Single) -> None:
    one.receive(Frame(FrameType.PING, Lane.DATAGRAM, False, 0, 0, b"123"))


def a_pong_cut_short(one: Single) -> None:
    one.receive(Frame(FrameType.PONG, Lane.DATAGRAM, False, 0, 0, b"123"))


def an_acknowledgement_cut_short(one: Single) -> None:
    one.receive(Frame(FrameType.ACK, Lane.DATAGRAM, False, 0, 0, bytes(13)))


def a_bye_cut_short(one: Single) -> None:
    one.receive(one.data(b"", kind=FrameType.BYE))


def a_datagram_cut_short(one: Single) -> None:
    one.receive(opening(one, 1, "x", lane=2), Frame(FrameType.TEXT, Lane.DATAGRAM, False, 1, 0, b"1"))


LIES: dict[Callable[[Single], None], str] = {
    acknowledge_the_unsent: "frame 1 of lane RELIABLE acknowledged, 0 were sent",
    acknowledge_unsent_bulk: "frame 1 of lane BULK acknowledged, 0 were sent",
    handle_the_unsent: "1 handled of 0 sent",
    absurd_limit: "an absurd limit",
    limit_below_the_handled: "an absurd limit",
    credit_for_no_channel: "never opened",
    endless_channels: "more than 64 channels",
    one_channel_twice: "a second channel 'x'",
    one_number_twice: "opened twice",
    open_the_default_channel: "opened twice",
    open_on_another_lane: "opened on lane RELIABLE",
    an_open_that_is_none: "an open that is no value",
    an_endless_label: "an endless label",
    beyond_its_credit: "beyond its credit",
    empty_messages_without_end: "beyond its credit",
    a_message_without_end: "a message without end",
    another_type_in_midst_of_a_message: "a TEXT in the midst of a BYTES",
    a_close_in_midst_of_a_message: "makes no sense",
    a_channel_that_is_not_open: "which is not open",
    a_channel_on_another_lane: "which is not open",
    a_closed_channel: "which is not open",
    a_close_of_no_channel: "makes no sense",
    a_second_close: "makes no sense",
    a_message_on_a_datagram_channel: "which is not open",
    a_bye_that_does_not_fit: "does not fit",
    something_after_the_bye: "after the bye",
    bulk_after_the_bye: "after the bye",
    a_ping_cut_short: "a ping of 3 bytes",
    a_pong_cut_short: "a pong of 3 bytes",
    an_acknowledgement_cut_short: "an acknowledgement of 13 bytes",
    a_bye_cut_short: "a bye of 0 bytes",
    a_datagram_cut_short: "a datagram of 1 bytes",
}


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_a_lie_ends_the_session(lie: Callable[[Single], None]) -> None:
    one = Single()
    lie(one)
    reason = one.failure()
    assert reason is not None
    assert LIES[lie] in reason
    assert one.session.end() is not None
    assert one.frames() == []
    assert one.session.next_timeout() is None
    one.receive(one.data(b"1"), by=RELAY)
    one.ack(99)
    assert one.events() == []


def test_63_channels_are_no_lie() -> None:
    one = Single()
    for number in range(1, 64):
        one.receive(opening(one, number, f"{number}"))
    assert one.failure() is None


def test_old_news_are_no_lie() -> None:
    one = Single()
    one.send(b"1")
    one.send(b"2")
    one.frames()
    one.ack(3, 1, (0, 80_000, 130))
    one.ack(1, 1, (0, 70_000, 0))
    one.ack(2, 1, (0, 75_000, 65))
    assert one.failure() is None
    assert one.session._sender.channels[0].limit == 80_000


def test_a_closed_channel_may_still_be_credited() -> None:
    one = Single()
    channel = one.session.open("x", Lane.RELIABLE)
    one.session.close_channel(channel, one.now)
    one.frames()
    one.ack(3)
    assert channel not in one.session._sender.channels
    one.ack(3, 1, (channel, 70_000, 0))
    assert one.failure() is None


def test_a_pong_to_nothing_is_nothing() -> None:
    one = Single()
    one.receive(Frame(FrameType.PONG, Lane.DATAGRAM, False, 0, 0, bytes(15) + b"\1" + bytes(0)))
    assert one.events() == []


def test_what_goes_unread_is_bounded() -> None:
    one = Single()
    held = 0
    for number in range(1, 64):
        one.receive(opening(one, number, f"{number}"))
        while held + 1_024 <= number * 60_000 and one.session._receiver.channels[number].received < 60_000:
            one.receive(one.data(bytes(1_000), channel=number))
            held += 1_000
    assert one.failure() is None
    assert held < 64 * 65_536
