"""What members sign: the statement that binds a peer's keys to a room, and the proof that a client holds its key (K1).

Both are u16-length-prefixed fields followed by an Ed25519 signature (64 bytes) over
``"eitherway/1 " || purpose || NUL || fields``. Integers are 8 bytes, big-endian.
"""

import struct
from collections.abc import Callable
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from signalling.protocol.ids import check_room_name
from signalling.protocol.limits import MAX_INTEGER

Sign = Callable[[bytes], bytes]
"""Signs bytes with an Ed25519 private key: 64 bytes (RFC 8032)."""

_SIGNATURE: Final = 64


class BadStatement(ValueError):
    """A statement or proof that is malformed, or that its key did not sign."""


class Statement(msgspec.Struct, frozen=True):
    """A member's statement. `key` is its Ed25519, `static` its X25519 public key, 32 bytes each."""

    room: str
    key: bytes
    incarnation: int
    static: bytes
    profile_version: int
    profile_hash: bytes


class Proof(msgspec.Struct, frozen=True):
    """The proof at join: whoever signs this holds the key now, on this connection to this server."""

    origin: str
    sid: str
    room: str
    incarnation: int
    connection: int


def sign_statement(statement: Statement, sign: Sign) -> bytes:
    """The signed statement, as it stands in `join`, in the roster and in handshake message 1."""
    return _sign(
        "statement",
        [
            statement.room.encode(),
            statement.key,
            _integer(statement.incarnation),
            statement.static,
            _integer(statement.profile_version),
            statement.profile_hash,
        ],
        sign,
    )


def read_statement(data: bytes) -> Statement:
    """The statement in `data`, its signature checked against the key it names.

    Raises BadStatement.
    """
    room, key, incarnation, static, version, profile_hash = _fields(data, 6)
    if len(key) != 32 or len(static) != 32 or len(profile_hash) != 32:
        raise BadStatement("keys and hashes in a statement have 32 bytes")
    statement = Statement(_room(room), key, _number(incarnation), static, _number(version), profile_hash)
    _verify("statement", data, key)
    return statement


def sign_proof(proof: Proof, sign: Sign) -> bytes:
    """The signed proof, as it stands in `join`."""
    return _sign(
        "proof",
        [
            proof.origin.encode(),
            proof.sid.encode(),
            proof.room.encode(),
            _integer(proof.incarnation),
            _integer(proof.connection),
        ],
        sign,
    )


def read_proof(data: bytes, key: bytes) -> Proof:
    """The proof in `data`, its signature checked against the Ed25519 public key `key` (32 bytes).

    Raises BadStatement. The caller compares what the proof says with what it knows.
    """
    origin, sid, room, incarnation, connection = _fields(data, 5)
    proof = Proof(_text(origin), _text(sid), _room(room), _number(incarnation), _number(connection))
    _verify("proof", data, key)
    return proof


def _sign(purpose: str, fields: list[bytes], sign: Sign) -> bytes:
    body = b"".join(struct.pack("!H", len(field)) + field for field in fields)
    return body + sign(_signed(purpose, body))


def _signed(purpose: str, body: bytes) -> bytes:
    return b"eitherway/1 " + purpose.encode() + b"\0" + body


def _verify(purpose: str, data: bytes, key: bytes) -> None:
    body, signature = data[:-_SIGNATURE], data[-_SIGNATURE:]
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, _signed(purpose, body))
    except (InvalidSignature, ValueError):
        raise BadStatement(f"the signature of the {purpose} does not fit its key") from None


def _fields(data: bytes, count: int) -> list[bytes]:
    end = len(data) - _SIGNATURE
    fields, at = [], 0
    for _ in range(count):
        if at + 2 > end:
            raise BadStatement("too short")
        (size,) = struct.unpack_from("!H", data, at)
        if at + 2 + size > end:
            raise BadStatement("too short")
        fields.append(data[at + 2 : at + 2 + size])
        at += 2 + size
    if at != end:
        raise BadStatement("longer than its fields")
    return fields


def _integer(value: int) -> bytes:
    return struct.pack("!Q", value)


def _number(field: bytes) -> int:
    if len(field) != 8:
        raise BadStatement("a number has 8 bytes")
    value = int.from_bytes(field, "big")
    if value > MAX_INTEGER:
        raise BadStatement(f"a number is at most {MAX_INTEGER}")
    return value


def _text(field: bytes) -> str:
    try:
        return field.decode()
    except UnicodeDecodeError:
        raise BadStatement("not UTF-8") from None


def _room(field: bytes) -> str:
    try:
        return check_room_name(_text(field))
    except BadStatement:
        raise
    except ValueError as error:
        raise BadStatement(str(error)) from None
