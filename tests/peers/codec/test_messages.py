"""Messages: how what an application sends travels, and how it comes back."""

import dataclasses
from typing import Any

import msgspec
import pytest

from peers.codec import messages
from peers.codec.frames import FrameType


class Point(msgspec.Struct):
    """A Struct."""

    x: int
    tag: bytes = b""


@dataclasses.dataclass
class Pair:
    """A dataclass."""

    left: str
    right: Point


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ("text", FrameType.TEXT),
        ("", FrameType.TEXT),
        (b"bytes", FrameType.BYTES),
        (None, FrameType.VALUE),
        (1.5, FrameType.VALUE),
        ({"a": [1, b"x"]}, FrameType.VALUE),
    ],
)
def test_plain_data_comes_back(data: Any, kind: FrameType) -> None:
    found, payload = messages.encode(data)
    assert found is kind
    assert messages.decode(found, payload) == data


def test_mutable_bytes_are_copied() -> None:
    data = bytearray(b"abc")
    kind, payload = messages.encode(data)
    data[0] = 0
    assert (kind, payload) == (FrameType.BYTES, b"abc")
    assert messages.encode(memoryview(b"xyz")[1:]) == (FrameType.BYTES, b"yz")


def test_bytes_are_not_copied() -> None:
    data = b"abc"
    assert messages.encode(data)[1] is data


@pytest.mark.parametrize("data", [Point(1, b"\xff"), Pair("l", Point(2))])
def test_typed_data_travels_as_maps(data: Any) -> None:
    kind, payload = messages.encode(data)
    assert kind is FrameType.VALUE
    assert isinstance(messages.decode(kind, payload), dict)
    assert messages.decode(kind, payload, type(data)) == data


def test_what_does_not_fit_the_type_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="not a Point"):
        messages.decode(*messages.encode({"x": "no number"}), Point)
    with pytest.raises(ValueError, match="not a Point"):
        messages.decode(*messages.encode("text"), Point)


def test_bad_payloads_are_value_errors() -> None:
    with pytest.raises(ValueError, match="utf-8"):
        messages.decode(FrameType.TEXT, b"\xff")
    with pytest.raises(ValueError, match="MessagePack"):
        messages.decode(FrameType.VALUE, b"\xc1")


def test_what_cannot_travel() -> None:
    with pytest.raises(TypeError, match="data is set"):
        messages.encode({1})
    with pytest.raises(TypeError, match="data is type"):
        messages.encode(Pair)
    with pytest.raises(ValueError, match="surrogates"):
        messages.encode("\ud800")
