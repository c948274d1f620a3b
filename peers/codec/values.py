"""Values: what every language's MessagePack and JavaScript carry alike (docs/protocol.md, "Values").

Null, bool, integers within 2^53, float, str, bytes, lists, and maps whose keys are str, at most 64 deep.
"""

from typing import Any, Final

import msgspec

MAX_INTEGER: Final = 2**53 - 1
"""The largest integer that a JavaScript number holds exactly."""
MAX_DEPTH: Final = 64
"""How deep lists and maps may lie in one another."""

_encoder = msgspec.msgpack.Encoder()
_PLAIN: Final = frozenset({type(None), bool, float, str, bytes})


def encode(value: Any) -> bytes:
    """`value` as MessagePack.

    Raises TypeError, naming the place, for what is no value; ValueError for an integer beyond 2^53 or too deep a nest.
    """
    if type(value) not in _PLAIN:
        _check(value, "data", 0)
    return _encoder.encode(value)


def decode(payload: bytes | memoryview) -> Any:
    """The value in `payload`. Raises ValueError if it is not one, whole."""
    try:
        value = msgspec.msgpack.decode(payload)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise ValueError(f"not MessagePack: {error}") from None
    if type(value) not in _PLAIN:
        try:
            _check(value, "data", 0)
        except TypeError as error:
            raise ValueError(str(error)) from None
    return value


def _check(value: Any, place: str, depth: int) -> None:
    kind = type(value)
    if kind in _PLAIN:
        return
    if kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise ValueError(f"{place} is {value}: integers must lie within 2^53, send it as text")
    elif kind is list or kind is tuple:
        _check_depth(place, depth)
        for index, item in enumerate(value):
            if type(item) not in _PLAIN:
                _check(item, f"{place}[{index}]", depth + 1)
    elif kind is dict:
        _check_depth(place, depth)
        for key, item in value.items():
            if type(key) is not str:
                raise TypeError(f"{place} has the key {key!r}: keys must be str")
            if type(item) not in _PLAIN:
                _check(item, f'{place}["{key}"]', depth + 1)
    elif not isinstance(value, bytes | bytearray | memoryview):
        raise TypeError(
            f"{place} is {kind.__name__}: a value is None, bool, int, float, str, bytes, list, tuple or dict",
        )


def _check_depth(place: str, depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise ValueError(f"{place[:40]}... lies more than {MAX_DEPTH} deep")
