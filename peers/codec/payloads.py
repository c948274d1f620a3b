"""The payloads of frames that carry no message: acknowledgements, pings, byes, opens, signals (docs/protocol.md)."""

from collections.abc import Iterable
from struct import Struct
from typing import Any, NamedTuple

from peers.codec import values
from peers.codec.frames import FrameError, Lane

Credit = tuple[int, int, int]
"""A channel of the data's sender, its absolute limit, and what of it was handled; both in charged bytes."""

# A u48 is a u16 and a u32.
_NEXT = Struct(">HIHI")
_CREDIT = Struct(">HHIHI")
_U32 = Struct(">I")
_PING = Struct(">II")

MAX_LABEL = 256
"""Bytes of UTF-8 in a channel's label, and in its kind."""
MAX_DATAGRAM = 16_380
"""Bytes of a datagram beside its number."""


class Acknowledgement(NamedTuple):
    """What an ACK carries, and a PONG after its id: the next frame wanted of each lane, and limits of channels."""

    reliable: int
    bulk: int
    credits: list[Credit]


class Opening(NamedTuple):
    """What an OPEN carries."""

    label: str
    kind: str
    lane: Lane
    settings: dict[str, Any]


def encode_ack(reliable: int, bulk: int, credits: Iterable[Credit]) -> bytes:
    """An ACK's payload."""
    payload = _NEXT.pack(reliable >> 32, reliable & 0xFFFFFFFF, bulk >> 32, bulk & 0xFFFFFFFF)
    for channel, limit, handled in credits:
        payload += _CREDIT.pack(channel, limit >> 32, limit & 0xFFFFFFFF, handled >> 32, handled & 0xFFFFFFFF)
    return payload


def decode_ack(payload: bytes | memoryview) -> Acknowledgement:
    """What an ACK says. Raises FrameError if its length is impossible."""
    if len(payload) < _NEXT.size or (len(payload) - _NEXT.size) % _CREDIT.size:
        raise FrameError(f"an acknowledgement of {len(payload)} bytes")
    a, b, c, d = _NEXT.unpack_from(payload)
    credits = []
    if len(payload) > _NEXT.size:
        for channel, e, f, g, h in _CREDIT.iter_unpack(memoryview(payload)[_NEXT.size :]):
            credits.append((channel, e << 32 | f, g << 32 | h))
    return Acknowledgement(a << 32 | b, c << 32 | d, credits)


def encode_pong(number: int, acknowledgement: bytes) -> bytes:
    """A PONG's payload: the number of its ping, then an ACK's payload that names all channels."""
    return _U32.pack(number) + acknowledgement


def decode_pong(payload: bytes | memoryview) -> tuple[int, Acknowledgement]:
    """The number of the ping, and the acknowledgement. Raises FrameError."""
    if len(payload) < _U32.size:
        raise FrameError(f"a pong of {len(payload)} bytes")
    return _U32.unpack_from(payload)[0], decode_ack(payload[_U32.size :])


def encode_ping(number: int, suspect: int = 0) -> bytes:
    """A PING's payload; `suspect` is the attempt that its sender suspects, or 0."""
    return _PING.pack(number, suspect)


def decode_ping(payload: bytes | memoryview) -> tuple[int, int]:
    """A ping's number, and the attempt it calls suspect or 0. Raises FrameError."""
    if len(payload) != _PING.size:
        raise FrameError(f"a ping of {len(payload)} bytes")
    number, suspect = _PING.unpack(payload)
    return number, suspect


def encode_bye(reliable: int, bulk: int) -> bytes:
    """A BYE's payload: the last number of each lane before it."""
    return _NEXT.pack(reliable >> 32, reliable & 0xFFFFFFFF, bulk >> 32, bulk & 0xFFFFFFFF)


def decode_bye(payload: bytes | memoryview) -> tuple[int, int]:
    """The last number of each lane. Raises FrameError."""
    if len(payload) != _NEXT.size:
        raise FrameError(f"a bye of {len(payload)} bytes")
    a, b, c, d = _NEXT.unpack(payload)
    return a << 32 | b, c << 32 | d


def encode_open(opening: Opening) -> bytes:
    """An OPEN's payload. Raises ValueError for a label or kind that is too long, TypeError for odd settings."""
    for text in (opening.label, opening.kind):
        if len(text.encode()) > MAX_LABEL:
            raise ValueError(f"a channel's label may have {MAX_LABEL} bytes of UTF-8: {text[:40]!r}...")
    return values.encode([opening.label, opening.kind, int(opening.lane), opening.settings])


def decode_open(payload: bytes | memoryview) -> Opening:
    """What an OPEN says. Raises FrameError."""
    try:
        found = values.decode(payload)
    except ValueError as error:
        raise FrameError(f"an open that is no value: {error}") from None
    match found:
        case [str(label), str(kind), int(lane), dict(settings)] if lane in (0, 1, 2) and not isinstance(lane, bool):
            if max(len(label.encode()), len(kind.encode())) > MAX_LABEL:
                raise FrameError("an open with an endless label")
            return Opening(label, kind, Lane(lane), settings)
    raise FrameError("an open that is not [label, kind, lane, settings]")


def encode_datagram(number: int, payload: bytes | memoryview) -> bytes:
    """A datagram's payload: its number, counted for each channel, then its bytes."""
    return _U32.pack(number & 0xFFFFFFFF) + payload


def decode_datagram(payload: bytes | memoryview) -> tuple[int, bytes]:
    """A datagram's number and its bytes. Raises FrameError."""
    if len(payload) < _U32.size:
        raise FrameError(f"a datagram of {len(payload)} bytes")
    return _U32.unpack_from(payload)[0], bytes(payload[_U32.size :])


def encode_signal(kind: str, attempt: int, payload: dict[str, Any]) -> bytes:
    """A SIGNAL's payload."""
    return values.encode([kind, attempt, payload])


def decode_signal(payload: bytes | memoryview) -> tuple[str, int, dict[str, Any]]:
    """A signal's kind, attempt and payload. Raises FrameError."""
    try:
        found = values.decode(payload)
    except ValueError as error:
        raise FrameError(f"a signal that is no value: {error}") from None
    match found:
        case [str(kind), int(attempt), dict(body)] if not isinstance(attempt, bool) and attempt >= 0:
            return kind, attempt, body
    raise FrameError("a signal that is not [kind, attempt, payload]")
