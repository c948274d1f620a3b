"""Names on the wire."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalling.protocol.ids import PEER_ID, check_room_name, from_text, peer_id, to_text


def test_an_id_is_made_of_the_key_as_written_in_k1() -> None:
    key = bytes(range(32))
    digest = hashlib.sha256(b"eitherway id 1" + key).digest()[:20]
    assert peer_id(key) == base64.b32encode(digest).decode().lower()
    assert PEER_ID.fullmatch(peer_id(key))


@given(st.binary(min_size=32, max_size=32))
def test_every_key_has_an_id_of_its_own(key: bytes) -> None:
    assert PEER_ID.fullmatch(peer_id(key))
    assert peer_id(key) != peer_id(key[:31] + bytes([key[31] ^ 1]))


@given(st.binary(max_size=100))
def test_bytes_survive_as_text(data: bytes) -> None:
    text = to_text(data)
    assert from_text(text) == data
    assert not set(text) & set("+/=")


@pytest.mark.parametrize(
    "text", ["a", "aaaaa", "+/==", "a=", "ab==", "ab ", " ab", "ab\n", "äb", "a*bc", "//8", "\ud800"]
)
def test_what_is_no_base64url_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64url"):
        from_text(text)


def test_there_is_one_text_for_the_same_bytes() -> None:
    """The last character of `_w` has four bits to spare: `_x` would decode to the same byte."""
    assert from_text("_w") == b"\xff"
    with pytest.raises(ValueError, match="shortest"):
        from_text("_x")


@pytest.mark.parametrize("name", ["a", "lobby", "Räume/und mehr", "x" * 128, "ü" * 64, " ", "🙂" * 32])
def test_names_of_rooms(name: str) -> None:
    assert check_room_name(name) == name


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "this one has 0"),
        ("x" * 129, "this one has 129"),
        ("ü" * 65, "this one has 130"),
        ("a\nb", "control"),
        ("\0", "control"),
        ("\x7f", "control"),
        ("\ud800", "valid Unicode"),
    ],
)
def test_what_names_no_room(name: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        check_room_name(name)
