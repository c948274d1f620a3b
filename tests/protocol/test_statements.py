"""Statements and proofs (K1): what is signed, and that nothing else passes."""

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from signalling.protocol.limits import MAX_INTEGER
from signalling.protocol.statements import (
    BadStatement,
    Proof,
    Statement,
    read_proof,
    read_statement,
    sign_proof,
    sign_statement,
)

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = PRIVATE.public_key().public_bytes_raw()
STATEMENT = Statement("lobby", KEY, 1_700_000_000_000, bytes(32), 3, hashlib.sha256(b"{}").digest())
PROOF = Proof("https://example.org", "sid-1", "lobby", 1_700_000_000_000, 2)


def test_what_is_signed_can_be_read() -> None:
    assert read_statement(sign_statement(STATEMENT, PRIVATE.sign)) == STATEMENT
    assert read_proof(sign_proof(PROOF, PRIVATE.sign), KEY) == PROOF


def test_the_bytes_are_as_written_in_k1() -> None:
    fields = [
        b"lobby",
        KEY,
        (1_700_000_000_000).to_bytes(8, "big"),
        bytes(32),
        (3).to_bytes(8, "big"),
        hashlib.sha256(b"{}").digest(),
    ]
    body = b"".join(len(field).to_bytes(2, "big") + field for field in fields)
    signature = PRIVATE.sign(b"eitherway/1 statement\0" + body)
    assert sign_statement(STATEMENT, PRIVATE.sign) == body + signature


@pytest.mark.parametrize("data", [sign_statement(STATEMENT, PRIVATE.sign), sign_proof(PROOF, PRIVATE.sign)])
def test_every_byte_counts(data: bytes) -> None:
    read: Callable[[bytes], Any] = read_statement if KEY in data else lambda data: read_proof(data, KEY)
    read(data)
    for at in range(len(data)):
        with pytest.raises(BadStatement):
            read(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


@pytest.mark.parametrize("data", [sign_statement(STATEMENT, PRIVATE.sign), sign_proof(PROOF, PRIVATE.sign)])
def test_every_length_but_the_right_one_is_refused(data: bytes) -> None:
    read: Callable[[bytes], Any] = read_statement if KEY in data else lambda data: read_proof(data, KEY)
    for size in range(len(data)):
        with pytest.raises(BadStatement):
            read(data[:size])
    with pytest.raises(BadStatement):
        read(data + b"\0")


def test_a_statement_signed_by_another_key_is_refused() -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    with pytest.raises(BadStatement, match="signature"):
        read_statement(sign_statement(STATEMENT, other.sign))
    with pytest.raises(BadStatement, match="signature"):
        read_proof(sign_proof(PROOF, other.sign), KEY)


def test_a_proof_is_no_statement_and_the_other_way_round() -> None:
    """The purpose is signed: bytes signed for one cannot be passed off as the other."""
    signed = []

    def spy(data: bytes) -> bytes:
        signed.append(data)
        return PRIVATE.sign(data)

    sign_statement(STATEMENT, spy)
    sign_proof(PROOF, spy)
    assert [data.split(b"\0")[0] for data in signed] == [b"eitherway/1 statement", b"eitherway/1 proof"]
    body = sign_statement(STATEMENT, PRIVATE.sign)[:-64]
    with pytest.raises(BadStatement, match="signature"):
        read_statement(body + PRIVATE.sign(b"eitherway/1 proof\0" + body))


@pytest.mark.parametrize(
    "changes",
    [
        {"key": KEY[:31]},
        {"static": bytes(31)},
        {"static": bytes(33)},
        {"profile_hash": b""},
        {"incarnation": MAX_INTEGER + 1},
        {"profile_version": 2**64 - 1},
        {"room": ""},
        {"room": "x" * 129},
        {"room": "a\nb"},
    ],
)
def test_a_signed_statement_must_also_make_sense(changes: dict[str, Any]) -> None:
    with pytest.raises(BadStatement):
        read_statement(sign_statement(msgspec.structs.replace(STATEMENT, **changes), PRIVATE.sign))


def test_fields_that_are_not_utf8_are_refused() -> None:
    fields = [b"\xff", b"sid", b"lobby", bytes(8), bytes(8)]
    body = b"".join(len(field).to_bytes(2, "big") + field for field in fields)
    with pytest.raises(BadStatement, match="UTF-8"):
        read_proof(body + PRIVATE.sign(b"eitherway/1 proof\0" + body), KEY)


def test_numbers_have_eight_bytes() -> None:
    fields = [b"origin", b"sid", b"lobby", bytes(7), bytes(8)]
    body = b"".join(len(field).to_bytes(2, "big") + field for field in fields)
    with pytest.raises(BadStatement, match="8 bytes"):
        read_proof(body + PRIVATE.sign(b"eitherway/1 proof\0" + body), KEY)


def test_a_key_that_is_no_point_is_refused() -> None:
    with pytest.raises(BadStatement):
        read_proof(sign_proof(PROOF, PRIVATE.sign), b"\xff" * 32)


@given(st.binary(max_size=300))
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(BadStatement):
        read_statement(data)
    with pytest.raises(BadStatement):
        read_proof(data, KEY)
