"""What frames carry that carry no message."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peers.codec import payloads, values
from peers.codec.frames import FrameError, Lane

u48 = st.integers(0, 2**48 - 1)
u32 = st.integers(0, 2**32 - 1)
credits = st.lists(st.tuples(st.integers(0, 2**16 - 1), u48, u48), max_size=5)


def test_an_acknowledgement_to_the_byte() -> None:
    encoded = payloads.encode_ack(0x0102_0304_0506, 1, [(3, 0x0708_090A_0B0C, 2)])
    assert encoded == bytes.fromhex("010203040506 000000000001 0003 0708090a0b0c 000000000002")


@given(u48, u48, credits)
def test_an_acknowledgement_comes_back(reliable: int, bulk: int, told: list[payloads.Credit]) -> None:
    encoded = payloads.encode_ack(reliable, bulk, told)
    assert payloads.decode_ack(encoded) == (reliable, bulk, told)
    assert payloads.decode_ack(memoryview(encoded)) == (reliable, bulk, told)
    assert payloads.decode_pong(payloads.encode_pong(7, encoded)) == (7, (reliable, bulk, told))


@given(u32, u32)
def test_a_ping_comes_back(number: int, suspect: int) -> None:
    encoded = payloads.encode_ping(number, suspect)
    assert encoded == number.to_bytes(4) + suspect.to_bytes(4)
    assert payloads.decode_ping(encoded) == (number, suspect)


@given(u48, u48)
def test_a_bye_comes_back(reliable: int, bulk: int) -> None:
    assert payloads.decode_bye(payloads.encode_bye(reliable, bulk)) == (reliable, bulk)


@pytest.mark.parametrize(
    "decode", [payloads.decode_ack, payloads.decode_pong, payloads.decode_ping, payloads.decode_bye]
)
@pytest.mark.parametrize("size", [0, 3, 11, 13, 25, 29])
def test_impossible_lengths(decode: Any, size: int) -> None:
    with pytest.raises(FrameError, match=f"{size}|{size - 4}"):
        decode(bytes(size))


def test_an_open_comes_back() -> None:
    opening = payloads.Opening("chat", "call", Lane.BULK, {"latest": True})
    encoded = payloads.encode_open(opening)
    assert values.decode(encoded) == ["chat", "call", 1, {"latest": True}]
    assert payloads.decode_open(encoded) == opening


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        ["x", "", 0],
        ["x", "", 3, {}],
        ["x", "", True, {}],
        [1, "", 0, {}],
        ["x", None, 0, {}],
        ["x", "", 0, []],
    ],
)
def test_opens_that_make_no_sense(value: Any) -> None:
    with pytest.raises(FrameError):
        payloads.decode_open(values.encode(value))


def test_a_label_has_an_end() -> None:
    payloads.encode_open(payloads.Opening("ä" * 128, "", Lane.RELIABLE, {}))
    with pytest.raises(ValueError, match="256 bytes"):
        payloads.encode_open(payloads.Opening("ä" * 129, "", Lane.RELIABLE, {}))
    with pytest.raises(FrameError, match="endless label"):
        payloads.decode_open(values.encode(["", "x" * 257, 0, {}]))


def test_a_datagram_comes_back() -> None:
    assert payloads.encode_datagram(258, b"x") == b"\0\0\1\2x"
    assert payloads.decode_datagram(b"\0\0\1\2x") == (258, b"x")
    assert payloads.encode_datagram(2**32, b"") == bytes(4)
    with pytest.raises(FrameError):
        payloads.decode_datagram(b"\0\0\1")


def test_a_signal_comes_back() -> None:
    encoded = payloads.encode_signal("offer", 3, {"type": "offer", "sdp": "v=0"})
    assert payloads.decode_signal(encoded) == ("offer", 3, {"type": "offer", "sdp": "v=0"})


@pytest.mark.parametrize(
    "value", [None, ["offer", 1], ["offer", -1, {}], ["offer", True, {}], [1, 1, {}], ["o", 1, []]]
)
def test_signals_that_make_no_sense(value: Any) -> None:
    with pytest.raises(FrameError):
        payloads.decode_signal(values.encode(value))


def test_what_is_no_value_is_no_open_and_no_signal() -> None:
    for decode in (payloads.decode_open, payloads.decode_signal):
        with pytest.raises(FrameError, match="no value"):
            decode(b"\xc1")
