"""Who may connect, and who may join: the handshake, the statement and the proof (K1)."""

import hashlib
from collections.abc import Collection

import msgspec

from signalling.access import Access
from signalling.origins import normal
from signalling.protocol import ids
from signalling.protocol.errors import ProtocolError
from signalling.protocol.events import Join
from signalling.protocol.limits import MAX_INTEGER, MAX_PROFILE, PROTOCOL
from signalling.protocol.statements import BadStatement, Proof, Statement, read_proof, read_statement
from signalling.rooms.roster import Entry


def check_handshake(auth: object) -> object:
    """The token in the `auth` of a Socket.IO handshake; None: there is none. Raises ProtocolError
    `unsupported-protocol`.
    """
    fields = auth if isinstance(auth, dict) else {}
    protocol = fields.get("protocol")
    if protocol == PROTOCOL and not isinstance(protocol, bool):
        return fields.get("token")
    what = f': connect with auth {{"protocol": {PROTOCOL}}}'
    if isinstance(protocol, int) and not isinstance(protocol, bool):
        older = "client" if protocol < PROTOCOL else "server"
        what = f", which is not that of the client: update the {older}"
    raise ProtocolError("unsupported-protocol", f"this server speaks protocol {PROTOCOL}{what}")


def check_room(name: str) -> None:
    """Raises ProtocolError `bad-request`."""
    try:
        ids.check_room_name(name)
    except ValueError as error:
        raise ProtocolError("bad-request", str(error)) from None


def check_join(join: Join, *, access: Access, sid: str, host: str, origins: Collection[str]) -> Entry:
    """The member that a client asks to be, if it may and has proved that it holds the key.

    `host` is the Host header of its connection, `origins` the configured ones, which then decide alone: a Host header
    is the client's own word. Raises ProtocolError: `bad-request` for what is malformed, `too-large`, `forbidden` for
    what its token does not grant, `unauthorized` for what does not prove it.
    """
    check_room(join.room)
    access.check("join", join.room)
    check_number(join.incarnation, "incarnation")
    check_number(join.connection, "connection")
    key = _bytes(join.key, "key")
    if len(key) != 32 or ids.peer_id(key) != join.peer:
        raise ProtocolError("bad-request", "the peer's id is not that of its key")
    statement = check_statement(join.statement, room=join.room, key=key, profile=join.profile)
    if statement.incarnation != join.incarnation:
        raise ProtocolError("unauthorized", "the statement is of another incarnation")
    try:
        proof = read_proof(_bytes(join.proof, "proof"), key)
    except BadStatement as error:
        raise ProtocolError("unauthorized", f"the proof: {error}") from None
    _check_proof(proof, join, sid=sid, host=host, origins=origins)
    return Entry(
        id=join.peer,
        key=join.key,
        static=statement.static,
        statement=join.statement,
        profile=join.profile,
        profile_version=statement.profile_version,
        incarnation=join.incarnation,
        connection=join.connection,
        holder=sid,
        user=access.user,
        attributes=dict(access.attributes),
    )


def check_statement(text: str, *, room: str, key: bytes, profile: str) -> Statement:
    """The statement in base64url, if this key signed it for this room and profile. Raises ProtocolError."""
    check_profile(profile)
    try:
        statement = read_statement(_bytes(text, "statement"))
    except BadStatement as error:
        raise ProtocolError("unauthorized", f"the statement: {error}") from None
    if statement.key != key:
        raise ProtocolError("unauthorized", "the statement is of another key")
    if statement.room != room:
        raise ProtocolError("unauthorized", "the statement is for another room")
    if statement.profile_hash != hashlib.sha256(profile.encode()).digest():
        raise ProtocolError("unauthorized", "the statement is for another profile")
    return statement


def check_profile(profile: str) -> None:
    """Raises ProtocolError `too-large` or `bad-request`."""
    if len(profile.encode()) > MAX_PROFILE:
        raise ProtocolError("too-large", f"a profile has at most {MAX_PROFILE} bytes")
    try:
        is_object = isinstance(msgspec.json.decode(profile), dict)
    except (msgspec.DecodeError, RecursionError):
        is_object = False
    if not is_object:
        raise ProtocolError("bad-request", "a profile is the text of a JSON object")


def check_number(value: int, what: str) -> None:
    """Raises ProtocolError `bad-request` for an integer that is negative or too large for JSON."""
    if not 0 <= value <= MAX_INTEGER:
        raise ProtocolError("bad-request", f"{what}: an integer from 0 to {MAX_INTEGER}")


def _check_proof(proof: Proof, join: Join, *, sid: str, host: str, origins: Collection[str]) -> None:
    if proof.sid != sid:
        raise ProtocolError("unauthorized", "the proof is for another connection to the server")
    if (proof.room, proof.incarnation, proof.connection) != (join.room, join.incarnation, join.connection):
        raise ProtocolError("unauthorized", "the proof is for another join")
    dialled = normal(proof.origin)
    if origins:
        if dialled is None or dialled not in map(normal, origins):
            raise ProtocolError("unauthorized", f"the origin {proof.origin!r} is not one that this server goes by")
    elif dialled is None or dialled != normal(f"{dialled[0]}://{host}"):
        raise ProtocolError("unauthorized", f"the origin {proof.origin!r} is not the host that was dialled")


def _bytes(text: str, what: str) -> bytes:
    try:
        return ids.from_text(text)
    except ValueError as error:
        raise ProtocolError("bad-request", f"{what}: {error}") from None
