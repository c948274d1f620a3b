"""What `join` carries, for programs that are no peers of ours: stock Socket.IO clients."""

import hashlib
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from signalling.protocol.ids import peer_id, to_text
from signalling.protocol.statements import Proof, Statement, sign_proof, sign_statement

PROFILE = '{"name":"a stock client"}'


def join_fields(url: str, sid: str, room: str) -> dict[str, Any]:
    """Those of somebody new, on the connection with this sid."""
    private = Ed25519PrivateKey.generate()
    key, incarnation = private.public_key().public_bytes_raw(), time.time_ns() // 1_000_000
    statement = Statement(room, key, incarnation, key, 1, hashlib.sha256(PROFILE.encode()).digest())
    return {
        "room": room,
        "peer": peer_id(key),
        "key": to_text(key),
        "incarnation": incarnation,
        "connection": 1,
        "statement": to_text(sign_statement(statement, private.sign)),
        "proof": to_text(sign_proof(Proof(url, sid, room, incarnation, 1), private.sign)),
        "profile": PROFILE,
    }
