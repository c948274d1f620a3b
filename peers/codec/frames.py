"""Frames, the smallest things that travel on a link, and packets of them (docs/protocol.md, "Frames").

A frame is a header of 12 bytes, big-endian, and a payload of at most 16,384:

    u8 type | u8 lane << 4 | flags | u16 channel | u48 seq | u16 length | payload

A packet is one or more frames back to back.
"""

from collections.abc import Iterable
from enum import IntEnum
from struct import Struct
from typing import Final

import msgspec

HEADER_SIZE: Final = 12
"""Bytes of a frame's header."""
MAX_PAYLOAD: Final = 16_384
"""Bytes of a frame's payload."""
MORE: Final = 1
"""The flag that says: another chunk of this message follows."""
MAX_SEQ: Final = 2**48 - 1
FIRST_SKIPPED: Final = 20
"""Unsequenced types from here on are for later versions: whoever does not know one skips it."""


class FrameType(IntEnum):
    """What a frame carries. The first six are sequenced on the reliable and the bulk lane; the others never are."""

    BYTES = 1
    TEXT = 2
    VALUE = 3
    OPEN = 4
    CLOSE = 5
    BYE = 6
    ACK = 16
    PING = 17
    PONG = 18
    SIGNAL = 19


class Lane(IntEnum):
    """A class of delivery."""

    RELIABLE = 0
    BULK = 1
    DATAGRAM = 2


class FrameError(ValueError):
    """The bytes are no packet of frames; the message says what is wrong with them."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One frame. `seq` is 0 where nothing is sequenced; `payload` may be a view into a larger message."""

    type: FrameType
    lane: Lane
    more: bool
    channel: int
    seq: int
    payload: bytes | memoryview = b""


# The last field is seq and length in one, which spares the hot path a u48 in two halves.
_HEADER = Struct(">BBHQ")
_HEADER_IN = Struct(">HHQ")
assert _HEADER.size == _HEADER_IN.size == HEADER_SIZE


def _shapes() -> dict[int, tuple[FrameType, Lane, bool, bool]]:
    """Every first half-word that makes sense: type, lane, MORE, and whether such a frame has a sequence number."""
    shapes = {}
    messages = (FrameType.BYTES, FrameType.TEXT, FrameType.VALUE)
    for lane in (Lane.RELIABLE, Lane.BULK):
        for kind in (*messages, FrameType.OPEN, FrameType.CLOSE):
            shapes[kind << 8 | lane << 4] = (kind, lane, False, True)
        for kind in messages:
            shapes[kind << 8 | lane << 4 | MORE] = (kind, lane, True, True)
    shapes[FrameType.BYE << 8] = (FrameType.BYE, Lane.RELIABLE, False, True)
    for kind in messages:
        shapes[kind << 8 | Lane.DATAGRAM << 4] = (kind, Lane.DATAGRAM, False, False)
    for kind in (FrameType.ACK, FrameType.PING, FrameType.PONG, FrameType.SIGNAL):
        for lane in Lane:
            shapes[kind << 8 | lane << 4] = (kind, lane, False, False)
    return shapes


_SHAPES = _shapes()


def encode_packet(frames: Iterable[Frame]) -> bytes:
    """The bytes of `frames` back to back. Their fields are trusted: the session made them."""
    pack = _HEADER.pack
    parts: list[bytes | memoryview] = []
    for frame in frames:
        payload = frame.payload
        parts.append(
            pack(frame.type, frame.lane << 4 | frame.more, frame.channel, frame.seq << 16 | len(payload)),
        )
        parts.append(payload)
    return b"".join(parts)


def encode_frame(frame: Frame) -> bytes:
    """The bytes of one frame."""
    return encode_packet((frame,))


def decode_packet(packet: bytes) -> list[Frame]:
    """The frames in `packet`, without those of unsequenced types that only a later version knows.

    Raises FrameError if the packet is cut short, or a frame in it has a type, lane, flag or number that does not exist.
    """
    unpack = _HEADER_IN.unpack_from
    shapes = _SHAPES
    frames: list[Frame] = []
    at, end = 0, len(packet)
    while at < end:
        if end - at < HEADER_SIZE:
            raise FrameError(f"a header cut short: {end - at} bytes at {at}")
        head, channel, tail = unpack(packet, at)
        at += HEADER_SIZE
        length = tail & 0xFFFF
        stop = at + length
        if stop > end:
            raise FrameError(f"a payload cut short: {end - at} of {length} bytes at {at}")
        if length > MAX_PAYLOAD:
            raise FrameError(f"a payload of {length} bytes; at most {MAX_PAYLOAD} are allowed")
        shape = shapes.get(head)
        if shape is None:
            if head >> 8 >= FIRST_SKIPPED and tail >> 16 == 0:
                at = stop
                continue
            raise FrameError(f"no such frame: type {head >> 8}, lane {head >> 4 & 15}, flags {head & 15}")
        kind, lane, more, sequenced = shape
        seq = tail >> 16
        if (seq > 0) is not sequenced:
            raise FrameError(f"a {kind.name} frame on lane {lane.name} with sequence number {seq}")
        frames.append(Frame(kind, lane, more, channel, seq, packet[at:stop]))
        at = stop
    return frames
