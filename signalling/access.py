"""What one program may do on this server: which rooms, and what in them."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, get_args

import msgspec

from signalling.protocol.errors import ProtocolError
from signalling.protocol.topics import is_for_admins

Grant = Literal["join", "relay", "post", "watch", "guest", "admin"]
GRANTS: Final[frozenset[str]] = frozenset(get_args(Grant))


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody has been granted. `rooms` are names, in which `*` stands for any text; `expires` is Unix time in
    seconds, None: never.
    """

    user: str | None = None
    rooms: tuple[str, ...] = ("*",)
    grants: frozenset[str] = GRANTS
    attributes: Mapping[str, Any] = {}
    expires: float | None = None

    def check(self, grant: Grant, room: str | None = None) -> None:
        """Raises ProtocolError `forbidden` that says what is missing; without a room, in any."""
        if grant not in self.grants:
            raise ProtocolError("forbidden", f"this needs the grant {grant!r}: ask for a token that has it")
        if room is not None and not any(_matches(pattern, room) for pattern in self.rooms):
            raise ProtocolError("forbidden", f"this token is not for the room {room[:128]!r}")

    def check_watch(self, room: str, topics: Iterable[str]) -> None:
        """The same for watching these topics, or patterns: the server's own about webhooks are for admins."""
        self.check("watch", room)
        if any(map(is_for_admins, topics)):
            self.check("admin", room)


OPEN: Final = Access()
"""Everything: what a server without a secret grants to everybody."""


def _matches(pattern: str, room: str) -> bool:
    """In a time that grows with the lengths alone, whatever the pattern."""
    first, *between = pattern.split("*")
    if not between:
        return room == first
    last = between.pop()
    at, end = len(first), len(room) - len(last)
    if at > end or not room.startswith(first) or not room.endswith(last):
        return False
    for part in between:
        found = room.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
