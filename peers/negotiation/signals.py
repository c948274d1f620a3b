"""The payloads of signals, checked: they are sealed, but a peer may lie (S10).

request   {"seen": number of the last attempt seen, 0 for none}
offer     RTCSessionDescriptionInit
answer    RTCSessionDescriptionInit, and "offer": SHA-256 of the offer's SDP (K5)
candidate RTCIceCandidateInit; a candidate of null or "" says that there are no more
"""

import hashlib
from typing import Any, Final

from signalling.protocol.ids import to_text

MAX_SDP: Final = 32_768
"""Characters in a description's SDP; a browser with many addresses writes 3,000."""
MAX_CANDIDATE: Final = 1_024
"""Characters in a candidate, and in each name beside it."""
MAX_ATTEMPT: Final = 2**32 - 1
"""Attempts are numbered in 32 bits, as a ping names them."""

NO_MORE: Final[dict[str, Any]] = {"candidate": None}
"""The payload that says: no more candidates."""


def hash_of(description: dict[str, Any]) -> str:
    """What an answer says of its offer: base64url, unpadded, of SHA-256 of the SDP as UTF-8."""
    return to_text(hashlib.sha256(description["sdp"].encode("utf-8", "replace")).digest())


def is_attempt(number: object) -> bool:
    """Whether this can be the number of an attempt (from 1), or of none (0)."""
    return type(number) is int and 0 <= number <= MAX_ATTEMPT


def is_description(payload: object, kind: str) -> bool:
    """Whether this is a description of that type, by its shape. Its SDP is for the direct path to read."""
    return (
        isinstance(payload, dict)
        and payload.get("type") == kind
        and isinstance(sdp := payload.get("sdp"), str)
        and 0 < len(sdp) <= MAX_SDP
    )


def is_candidate(payload: object) -> bool:
    """Whether this is a candidate, or the word that there are no more, by its shape."""
    if not isinstance(payload, dict):
        return False
    text, mid, index = (payload.get(name) for name in ("candidate", "sdpMid", "sdpMLineIndex"))
    return (
        (text is None or (isinstance(text, str) and len(text) <= MAX_CANDIDATE))
        and (mid is None or (isinstance(mid, str) and len(mid) <= MAX_CANDIDATE))
        and (index is None or (type(index) is int and 0 <= index < 65_536))
    )


def candidate_of(payload: dict[str, Any]) -> dict[str, Any] | None:
    """The candidate in a payload that `is_candidate`, without whatever else is there; None: no more."""
    if not payload.get("candidate"):
        return None
    return {name: payload[name] for name in ("candidate", "sdpMid", "sdpMLineIndex") if name in payload}
