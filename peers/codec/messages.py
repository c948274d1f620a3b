"""Messages: what an application sends, as a frame type and a payload, and back."""

import dataclasses
from types import NoneType
from typing import Any

import msgspec

from peers.codec import values
from peers.codec.frames import FrameType


def encode(data: Any) -> tuple[FrameType, bytes]:
    """How `data` travels: str as text, whatever gives its bytes as a buffer as bytes, anything else as a value.

    msgspec Structs and dataclasses travel as maps of their fields. Mutable bytes are copied, so that the caller may
    go on writing in them. Raises TypeError and ValueError as `values.encode` does.
    """
    if type(data) is bytes:
        return FrameType.BYTES, data
    if isinstance(data, str):
        return FrameType.TEXT, data.encode()
    if isinstance(data, bytes | bytearray | memoryview):
        return FrameType.BYTES, bytes(data)
    if isinstance(data, msgspec.Struct) or (dataclasses.is_dataclass(data) and not isinstance(data, type)):
        data = msgspec.to_builtins(data, builtin_types=(bytes, bytearray, memoryview))
    elif not isinstance(data, dict | list | tuple | int | float | NoneType):
        try:
            return FrameType.BYTES, memoryview(data).tobytes()  # any other buffer: an array, a frame of a camera
        except TypeError:
            pass  # it is none; what it is, `values` tells
    return FrameType.VALUE, values.encode(data)


def decode(kind: FrameType, payload: bytes, into: type | None = None) -> Any:
    """What was sent; with `into`, as that type (a Struct, a dataclass, or whatever msgspec converts to).

    Raises ValueError if the payload is not of its kind, or does not fit `into`.
    """
    data: Any
    if kind is FrameType.BYTES:
        data = payload
    elif kind is FrameType.TEXT:
        data = payload.decode()
    else:
        data = values.decode(payload)
    if into is None:
        return data
    try:
        return msgspec.convert(data, into, builtin_types=(bytes, bytearray, memoryview))
    except msgspec.ValidationError as error:
        raise ValueError(f"not a {getattr(into, '__name__', into)}: {error}") from None
