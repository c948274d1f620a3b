"""Frames and packets, to the byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peers.codec.frames import (
    HEADER_SIZE,
    MAX_PAYLOAD,
    MAX_SEQ,
    Frame,
    FrameError,
    FrameType,
    Lane,
    decode_packet,
    encode_frame,
    encode_packet,
)

MESSAGES = (FrameType.BYTES, FrameType.TEXT, FrameType.VALUE)
CONTROL = (FrameType.ACK, FrameType.PING, FrameType.PONG, FrameType.SIGNAL)
channels = st.integers(0, 2**16 - 1)
payloads = st.binary(max_size=40)

frames = st.one_of(
    st.builds(
        Frame,
        st.sampled_from(MESSAGES),
        st.sampled_from((Lane.RELIABLE, Lane.BULK)),
        st.booleans(),
        channels,
        st.integers(1, MAX_SEQ),
        payloads,
    ),
    st.builds(Frame, st.sampled_from(MESSAGES), st.just(Lane.DATAGRAM), st.just(False), channels, st.just(0), payloads),
    st.builds(Frame, st.sampled_from(CONTROL), st.sampled_from(Lane), st.just(False), channels, st.just(0), payloads),
)


def test_a_frame_to_the_byte() -> None:
    frame = Frame(FrameType.TEXT, Lane.BULK, True, 0x0102, 0x0304_0506_0708, b"hi")
    assert encode_frame(frame) == bytes.fromhex("02 11 0102 030405060708 0002") + b"hi"


@given(st.lists(frames, max_size=6))
def test_a_packet_comes_back(packet: list[Frame]) -> None:
    encoded = encode_packet(packet)
    assert len(encoded) == sum(HEADER_SIZE + len(frame.payload) for frame in packet)
    assert decode_packet(encoded) == packet


def test_a_view_is_encoded_as_its_bytes() -> None:
    view = memoryview(b"abcdef")[2:4]
    assert decode_packet(encode_frame(Frame(FrameType.BYTES, Lane.RELIABLE, False, 0, 1, view)))[0].payload == b"cd"


@given(st.binary(max_size=60))
def test_any_bytes_are_frames_or_a_frame_error(packet: bytes) -> None:
    try:
        found = decode_packet(packet)
    except FrameError:
        return
    for frame in found:
        assert (frame.seq > 0) == (frame.lane is not Lane.DATAGRAM and frame.type <= FrameType.BYE)


@given(st.lists(frames, min_size=1, max_size=4), st.data())
def test_a_packet_cut_short_is_an_error_or_whole_frames(packet: list[Frame], data: st.DataObject) -> None:
    encoded = encode_packet(packet)
    cut = data.draw(st.integers(0, len(encoded)))
    ends = {0}
    for frame in packet:
        ends.add(max(ends) + HEADER_SIZE + len(frame.payload))
    if cut in ends:
        assert decode_packet(encoded[:cut]) == packet[: sorted(ends).index(cut)]
    else:
        with pytest.raises(FrameError, match="cut short"):
            decode_packet(encoded[:cut])


def test_the_largest_payload() -> None:
    frame = Frame(FrameType.BYTES, Lane.RELIABLE, False, 0, 1, bytes(MAX_PAYLOAD))
    assert decode_packet(encode_frame(frame)) == [frame]
    too_large = Frame(FrameType.BYTES, Lane.RELIABLE, False, 0, 1, bytes(MAX_PAYLOAD + 1))
    with pytest.raises(FrameError, match="at most 16384"):
        decode_packet(encode_frame(too_large))


def header(kind: int, lane_and_flags: int, seq: int) -> bytes:
    """An empty frame's bytes."""
    return bytes([kind, lane_and_flags, 0, 0]) + seq.to_bytes(6) + bytes(2)


@pytest.mark.parametrize(
    ("kind", "lane_and_flags", "seq"),
    [
        (0, 0, 1),  # no type
        (7, 0, 1),  # no sequenced type yet
        (15, 0, 0),
        (1, 0x30, 1),  # no lane
        (1, 0x02, 1),  # no flag
        (1, 0x00, 0),  # sequenced, without a number
        (1, 0x20, 5),  # a datagram with a number
        (1, 0x21, 0),  # a datagram in chunks
        (4, 0x01, 1),  # an open in chunks
        (5, 0x20, 0),  # a close on the datagram lane
        (6, 0x10, 1),  # a bye on the bulk lane
        (16, 0x00, 3),  # an acknowledgement with a number
        (17, 0x01, 0),  # a ping in chunks
        (40, 0x00, 3),  # an unknown type with a number
    ],
)
def test_frames_that_make_no_sense(kind: int, lane_and_flags: int, seq: int) -> None:
    with pytest.raises(FrameError):
        decode_packet(header(kind, lane_and_flags, seq))


def test_unsequenced_types_of_a_later_version_are_skipped() -> None:
    ping = encode_frame(Frame(FrameType.PING, Lane.DATAGRAM, False, 0, 0, b"12345678"))
    assert [frame.type for frame in decode_packet(header(20, 0, 0) + ping + header(255, 0xFF, 0))] == [FrameType.PING]
