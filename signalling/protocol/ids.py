"""Names on the wire: ids of peers, names of rooms, and bytes as text."""

import base64
import binascii
import hashlib
import re
import secrets
from typing import Final

from signalling.protocol.limits import MAX_ROOM_NAME

PEER_ID: Final = re.compile(r"[a-z2-7]{32}")
GUEST: Final = "guest-"
"""How the ids of members without keys begin, and no peer's id does."""


def peer_id(key: bytes) -> str:
    """The id of the peer whose Ed25519 public key (32 bytes) this is: 32 characters of lower-case base32 (K1)."""
    return base64.b32encode(hashlib.sha256(b"eitherway id 1" + key).digest()[:20]).decode().lower()


def guest_id() -> str:
    """A new id for a member without a key, with 120 random bits."""
    return GUEST + base64.b32encode(secrets.token_bytes(15)).decode().lower()


def is_guest(id: str) -> bool:
    """Whether this is the id of a member without a key: nobody can link to it."""
    return id.startswith(GUEST)


def to_text(data: bytes) -> str:
    """Bytes as base64url without padding (RFC 4648, section 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_text(text: str) -> bytes:
    """The bytes of a base64url text without padding.

    Raises ValueError if it is anything else, other spellings of the same bytes included: what is signed or
    compared must have one form.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64url") from None
    if to_text(data) != text:
        raise ValueError("not base64url in its shortest form")
    return data


def check_room_name(name: str) -> str:
    """The name itself, if it can name a room: 1 to 128 bytes of UTF-8 without control characters.

    Raises ValueError that says what is wrong.
    """
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise ValueError("a room's name must be valid Unicode") from None
    if not 0 < size <= MAX_ROOM_NAME:
        raise ValueError(f"a room's name has 1 to {MAX_ROOM_NAME} bytes of UTF-8; this one has {size}")
    if any(ord(c) < 32 or ord(c) == 127 for c in name):
        raise ValueError("a room's name has no control characters")
    return name
