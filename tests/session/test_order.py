"""S3: one number for each frame, given once; put in order; copies dropped."""

import pytest

from peers.codec.frames import FrameType, Lane, decode_packet
from tests.session.channels import Broken
from tests.session.simulation import World
from tests.session.single import Single


def test_frames_are_numbered_from_1_for_each_lane() -> None:
    one = Single()
    bulk = one.session.open("bulk", Lane.BULK)
    for _ in range(2):
        one.send(b"a")
        one.send(b"b", bulk)
    numbers = [(frame.lane, frame.seq) for frame in one.frames(FrameType.BYTES, FrameType.OPEN)]
    assert numbers == [(Lane.RELIABLE, 1), (Lane.RELIABLE, 2), (Lane.BULK, 1), (Lane.BULK, 2), (Lane.BULK, 3)]


def test_frames_are_put_in_order() -> None:
    one = Single()
    first, second, third = one.data(b"1"), one.data(b"2"), one.data(b"3")
    one.receive(third)
    one.receive(second)
    assert one.messages() == []
    one.receive(first)
    assert one.messages() == [b"1", b"2", b"3"]


def test_lanes_do_not_wait_for_each_other() -> None:
    one = Single()
    one.receive(one.data(b"late"), one.data(b"\x94\xa1x\xa0\x01\x80", lane=Lane.BULK, kind=FrameType.OPEN, channel=1))
    missing = one.data(b"1")
    one.receive(one.data(b"bulk", lane=Lane.BULK, channel=1))
    assert one.messages() == [b"late", b"bulk"]
    one.receive(missing)
    assert one.messages() == [b"1"]


def test_a_copy_is_dropped() -> None:
    one = Single()
    frame = one.data(b"1")
    for _ in range(2):
        one.receive(frame)
    later = one.data(b"3", seq=3)
    for _ in range(2):
        one.receive(later)
    one.receive(one.data(b"2"))
    assert one.messages() == [b"1", b"2", b"3"]


def test_a_server_that_passes_everything_on_twice_changes_nothing() -> None:
    world = World()
    world.relay.doubling = 1.0
    world.connect()
    for size in (10, 20_000, 0, 300):
        world.sides[0].send("", size)
    world.settle(5)


def test_a_frame_beyond_the_window_is_dropped() -> None:
    one = Single()
    one.receive(one.data(b"far", seq=8_193), one.data(b"just", seq=8_192))
    assert list(one.session._receiver.lanes[0].buffer) == [8_192]
    assert one.failure() is None


def test_the_buffer_is_bounded_in_bytes() -> None:
    one = Single()
    for seq in range(2, 200):
        one.receive(one.data(bytes(16_384), seq=seq))
    assert one.session._receiver.lanes[0].buffered <= 1 << 20


def test_chunks_of_a_message_interleave_with_other_channels() -> None:
    one = Single()
    other = one.session.open("other", Lane.RELIABLE)
    one.frames()
    one.ack(2)
    one.send(bytes(50_000))
    one.send(b"small", other)
    frames = one.frames(FrameType.BYTES)
    assert [frame.channel for frame in frames] == [0, other, 0, 0, 0]
    assert [frame.more for frame in frames] == [True, False, True, True, False]


def test_what_is_sent_again_is_the_same_frame() -> None:
    one = Single()
    one.send(bytes(range(256)) * 200)
    (before,) = one.flights()
    one.session.lost(before, one.now)
    (again,) = one.flights()
    assert again.encode() == before.encode()
    assert decode_packet(again.encode())[0].seq == 1


def test_an_open_travels_on_its_channels_own_lane() -> None:
    one = Single()
    lanes = {}
    for lane in Lane:
        one.session.open(lane.name, lane)
        lanes[lane] = one.frames(FrameType.OPEN)[0].lane
    assert lanes == {Lane.RELIABLE: Lane.RELIABLE, Lane.BULK: Lane.BULK, Lane.DATAGRAM: Lane.RELIABLE}


def test_both_directions_of_a_channel_meet_by_label_and_lane() -> None:
    world = World()
    world.connect()
    for side in world.sides:
        side.open("x", Lane.BULK)
        side.send("x", 70_000)
    world.settle(5)
    assert {side.inlets["x"].count for side in world.sides} == {1}


def test_the_simulation_notices_what_is_out_of_order() -> None:
    world = World()
    world.connect()
    sender = world.sides[0]
    sender.outlets[""].sizes.append(10)  # never sent
    sender.send("", 10)
    with pytest.raises(Broken, match="message 0 is another one"):
        world.run(1)
