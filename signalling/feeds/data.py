"""The data of a post as JSON text that every reader can take: one line, not too deep, without what is no JSON."""

import json
from typing import Any, Final

import msgspec

from signalling.protocol.limits import MAX_POST_DEPTH

# The standard encoder rather than msgspec's: that one would make text of bytes, and null of NaN.
_ENCODE: Final = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")
).encode
_SQUARE: Final = bytes.maketrans(b"{}", b"[]")
_OTHERS: Final = bytes(set(range(256)) - set(b'"[]{}'))


def spell(data: Any) -> bytes:
    """A value, or the JSON text of one as `msgspec.Raw`, as JSON text. Raises ValueError that says what is wrong."""
    try:
        if isinstance(data, msgspec.Raw):
            data = msgspec.json.decode(data)
        text = _ENCODE(data).encode()
    except (ValueError, TypeError, RecursionError, OverflowError):
        raise ValueError("any JSON value, and nothing else: no bytes, no NaN, no lone surrogates") from None
    if _is_deeper(text, MAX_POST_DEPTH):
        raise ValueError(f"lists and objects lie at most {MAX_POST_DEPTH} deep in each other")
    return text


def _is_deeper(text: bytes, most: int) -> bool:
    """Whether lists and objects lie deeper in each other in this JSON text, without walking through it."""
    if text.count(b"[") + text.count(b"{") <= most:
        return False
    text = text.replace(b"\\\\", b"").replace(b'\\"', b"").translate(_SQUARE, _OTHERS)
    brackets = b"".join(text.split(b'"')[::2])  # those in strings are none
    for _ in range(most):
        brackets = brackets.replace(b"[]", b"")  # what lies deepest everywhere
        if not brackets:
            return False
    return True
