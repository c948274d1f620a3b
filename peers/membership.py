"""What this program states about itself in one room: its statement, its proof, its profile (K1, V1)."""

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any

from peers.identity import Identity
from peers.noise import public_key
from signalling.protocol.events import Join
from signalling.protocol.events import Profile as ProfileEvent
from signalling.protocol.ids import from_text, to_text
from signalling.protocol.limits import MAX_PROFILE
from signalling.protocol.statements import BadStatement, Proof, Statement, read_statement, sign_proof, sign_statement


class Membership:
    """One program in one room. `static` is the client's X25519 private key (32 bytes), made anew for
    each program."""

    def __init__(self, identity: Identity, static: bytes, room: str, profile: Mapping[str, Any]) -> None:
        self.identity, self.static, self.room = identity, static, room
        self.incarnation = identity.next_incarnation(room, clock_ms())
        self.profile = dict(profile)
        self._profile_text = profile_text(profile)
        self._profile_version = 1
        self.statement = self._state()

    def join(self, *, origin: str, sid: str, connection: int) -> Join:
        """The `join` event for one connection."""
        proof = Proof(origin, sid, self.room, self.incarnation, connection)
        return Join(
            room=self.room,
            peer=self.identity.id,
            key=to_text(self.identity.key),
            incarnation=self.incarnation,
            connection=connection,
            statement=to_text(self.statement),
            proof=to_text(sign_proof(proof, self.identity.sign)),
            profile=self._profile_text,
        )

    def set_profile(self, profile: Mapping[str, Any]) -> ProfileEvent:
        """Replace the profile; the event tells the server. Raises ValueError if it cannot be one."""
        self._profile_text = profile_text(profile)
        self.profile = dict(profile)
        self._profile_version += 1
        self.statement = self._state()
        return ProfileEvent(room=self.room, profile=self._profile_text, statement=to_text(self.statement))

    def outbid(self, held: str | None) -> bool:
        """Take the incarnation after that of the statement the server holds for this id (V1).

        Only a program that has not yet been in this room may: its clock was behind. False if there is no such
        statement, or it is not ours.
        """
        try:
            statement = read_statement(from_text(held or ""))
        except (BadStatement, ValueError):
            return False
        if statement.key != self.identity.key or statement.room != self.room:
            return False
        self.incarnation = self.identity.next_incarnation(self.room, clock_ms(), above=statement.incarnation)
        self.statement = self._state()
        return True

    def _state(self) -> bytes:
        return sign_statement(
            Statement(
                self.room,
                self.identity.key,
                self.incarnation,
                public_key(self.static),
                self._profile_version,
                hashlib.sha256(self._profile_text.encode()).digest(),
            ),
            self.identity.sign,
        )


def clock_ms() -> int:
    """The wall clock in milliseconds: where incarnations start."""
    return time.time_ns() // 1_000_000


def profile_text(profile: Mapping[str, Any]) -> str:
    """A profile as its JSON text, which is what is hashed and signed.

    Raises ValueError if it is not JSON or larger than 4,096 bytes.
    """
    try:
        text = json.dumps(dict(profile), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        size = len(text.encode())
    except (TypeError, ValueError) as error:
        raise ValueError(f"a profile is a dict of JSON values: {error}") from None
    if size > MAX_PROFILE:
        raise ValueError(f"a profile has at most {MAX_PROFILE} bytes of JSON; this one has {size}")
    return text


def read_profile(text: str) -> dict[str, Any]:
    """A peer's profile from its JSON text; whatever else it wrote there is no profile."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
