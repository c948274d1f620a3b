"""Guests: members without a key, so that any WebRTC code can use the server for its signalling."""

from typing import Final

from signalling.access import Access
from signalling.admission import check_profile, check_room
from signalling.protocol.errors import ProtocolError
from signalling.protocol.events import Join, JoinAsGuest
from signalling.protocol.ids import guest_id
from signalling.rooms.roster import Entry

_SHOWN_BY_KEYS: Final = frozenset(Join.__struct_fields__) - frozenset(JoinAsGuest.__struct_fields__)


def asks_as_guest(fields: object) -> bool:
    """Whether what came as `join` has nothing in it by which one shows a key. A part of it is a mistake, not a guest's
    join.
    """
    return isinstance(fields, dict) and _SHOWN_BY_KEYS.isdisjoint(fields)


def admit_guest(join: JoinAsGuest, *, access: Access, allowed: bool, sid: str) -> Entry:
    """The member that a client becomes without a key, under an id that nobody can have guessed.

    `allowed`: whether this server admits guests at all. Raises ProtocolError: `bad-request`, `too-large`, `forbidden`.
    """
    check_room(join.room)
    access.check("guest", join.room)
    if not allowed:
        raise ProtocolError("forbidden", "this server admits no guests: join with a key, statement and proof")
    check_profile(join.profile)
    return Entry(
        id=guest_id(),
        key="",
        static=b"",
        statement="",
        profile=join.profile,
        profile_version=0,
        incarnation=0,
        connection=0,
        holder=sid,
        user=access.user,
        attributes=dict(access.attributes),
    )
