"""Signatures of webhooks (Standard Webhooks 1.0.0): HMAC-SHA256 of id, timestamp and body with a shared secret."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

PREFIX: Final = "whsec_"
_LEAST, _MOST = 24, 64
"""Bytes of a secret, as the specification has it."""


def new_secret() -> str:
    """A secret that nobody has had before."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def read_secret(text: str) -> bytes:
    """The key that a secret spells. Raises ValueError that says what is wrong, without the secret."""
    if not text.startswith(PREFIX):
        raise ValueError(f"a webhook secret begins with {PREFIX!r}; here is a new one: {new_secret()}")
    coded = text.removeprefix(PREFIX)
    try:
        key = base64.b64decode(coded + "=" * (-len(coded) % 4), validate=True)
    except binascii.Error:
        raise ValueError(f"after {PREFIX!r}, a webhook secret is base64; here is a new one: {new_secret()}") from None
    if not _LEAST <= len(key) <= _MOST:
        raise ValueError(
            f"a webhook secret has {_LEAST} to {_MOST} bytes, this one {len(key)}; here is a new one: {new_secret()}"
        )
    return key


def new_id() -> str:
    """The `webhook-id` of another event."""
    return "msg_" + secrets.token_hex(12)


def sign(keys: Sequence[bytes], id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature`: one signature by each key, so that receivers may change from one to the next."""
    signed = b"%s.%d.%s" % (id.encode(), timestamp, body)
    return " ".join("v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)


def headers(id: str, timestamp: int, signature: str) -> dict[str, str]:
    """The headers of a webhook's request. `timestamp` is that of the request, in seconds of Unix time."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "eitherway-webhooks/1",
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
    }
