"""Datagrams: never twice, never late on purpose, never in the way."""

import pytest

from peers.codec.frames import Frame, FrameType, Lane
from peers.codec.payloads import encode_datagram
from peers.session.events import DatagramReceived
from peers.session.receiver import ReceiveChannel
from tests.session.simulation import World
from tests.session.single import DIRECT, RELAY, Single


def with_channel() -> Single:
    """A session to which the peer has opened datagram channel 1."""
    one = Single(direct=True)
    one.receive(one.data(b"\x94\xa1x\xa0\x02\x80", kind=FrameType.OPEN, channel=1))
    one.events()
    return one


def datagram(number: int, channel: int = 1) -> Frame:
    """The peer's datagram."""
    return Frame(FrameType.TEXT, Lane.DATAGRAM, False, channel, 0, encode_datagram(number, b"now"))


def test_a_datagram_arrives_with_its_number_and_its_path() -> None:
    one = with_channel()
    one.receive(datagram(7), by=DIRECT)
    assert one.events() == [DatagramReceived(1, 7, FrameType.TEXT, b"now", "direct")]


def test_a_datagram_for_a_channel_that_is_not_open_is_dropped() -> None:
    one = with_channel()
    one.receive(datagram(1, channel=2), datagram(1, channel=0))
    assert one.events() == []


def test_a_datagram_is_never_doubled() -> None:
    one = with_channel()
    for number in (1, 3, 2, 3, 2, 1, 300, 3, 299, 300):
        one.receive(datagram(number))
    numbers = [event.number for event in one.events() if isinstance(event, DatagramReceived)]
    assert numbers == [1, 3, 2, 300, 299]


def test_numbers_of_datagrams_go_round() -> None:
    channel = ReceiveChannel(1, "x", Lane.DATAGRAM, 0)
    channel.newest = 2**32 - 2
    assert [channel.is_copy(number) for number in (2**32 - 1, 0, 2**32 - 1, 1, 0)] == [False, False, True, False, True]


def test_datagrams_count_for_each_channel() -> None:
    one = Single(direct=True)
    channels = [one.session.open(label, Lane.DATAGRAM) for label in "xy"]
    for channel in channels * 2:
        assert one.session.send_datagram(channel, FrameType.BYTES, b"", one.now)
    frames = [frame for frame in one.frames(FrameType.BYTES) if frame.lane is Lane.DATAGRAM]
    assert [(frame.channel, frame.payload) for frame in frames] == [
        (channels[0], b"\0\0\0\1"),
        (channels[1], b"\0\0\0\1"),
        (channels[0], b"\0\0\0\2"),
        (channels[1], b"\0\0\0\2"),
    ]


def test_small_ones_share_a_packet_that_fits_one_udp_packet() -> None:
    one = Single(direct=True)
    channel = one.session.open("x", Lane.DATAGRAM)
    one.frames()
    for _ in range(5):
        one.session.send_datagram(channel, FrameType.BYTES, bytes(400), one.now)
    flights = [flight for flight in one.flights() if flight.lane is Lane.DATAGRAM]
    assert [len(flight.frames) for flight in flights] == [2, 2, 1]


def test_a_datagram_too_large_is_an_error() -> None:
    one = Single(direct=True)
    channel = one.session.open("x", Lane.DATAGRAM)
    assert one.session.send_datagram(channel, FrameType.BYTES, bytes(16_380), one.now)
    with pytest.raises(ValueError, match="too large for a datagram"):
        one.session.send_datagram(channel, FrameType.BYTES, bytes(16_381), one.now)


def test_a_full_path_drops_datagrams_and_an_unready_one_too() -> None:
    one = Single()
    channel = one.session.open("x", Lane.DATAGRAM)
    assert one.session.send_datagram(channel, FrameType.BYTES, b"", one.now)
    one.session.path_waiting(RELAY, 1 << 20, one.now)
    assert not one.session.send_datagram(channel, FrameType.BYTES, b"", one.now)
    one.session.path_ended(RELAY, one.now)
    assert not one.session.send_datagram(channel, FrameType.BYTES, b"", one.now)
    one.session.path_opened(RELAY, one.now, most=1_000)
    assert not one.session.send_datagram(channel, FrameType.BYTES, b"", one.now)


def test_bulk_does_not_starve_datagrams() -> None:
    world = World(rate=100_000)
    world.connect()
    world.attempt()
    world.run(3)
    a, b = world.sides
    a.open("bulk", Lane.BULK)
    a.open("d", Lane.DATAGRAM)
    world.every(0.02, lambda: a.send_if_room("bulk", 20_000), 20)
    world.run(2)
    sent = 0
    for _ in range(100):
        sent += a.datagram("d")
        world.run(0.05)
    assert sent > 95
    assert len(b.datagrams) > 95


def test_datagrams_take_no_part_in_order_or_credit() -> None:
    world = World()
    world.attempt()
    world.run(1)
    a, b = world.sides
    a.open("d", Lane.DATAGRAM)
    world.run(1)
    assert world.direct is not None
    world.direct.wires[0].lose = 0.5
    for _ in range(100):
        a.datagram("d")
        a.send("", 10)
        world.run(0.02)
    world.settle(2)
    assert 20 < len(b.datagrams) < 80
