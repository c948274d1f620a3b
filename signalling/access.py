"""What one program may do on this server: which rooms, and what in them."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Final, Literal, get_args

import msgspec

from signalling.protocol.errors import ProtocolError

Grant = Literal["join", "relay", "post", "watch", "admin"]
GRANTS: Final[frozenset[str]] = frozenset(get_args(Grant))


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody has been granted. `rooms` are patterns; `expires` is Unix time in seconds, None: never."""

    user: str | None = None
    rooms: tuple[str, ...] = ("*",)
    grants: frozenset[str] = GRANTS
    attributes: Mapping[str, Any] = {}
    expires: float | None = None

    def check(self, grant: Grant, room: str | None = None) -> None:
        """Raises ProtocolError `forbidden` that says what is missing; without a room, in any."""
        if grant not in self.grants:
            raise ProtocolError("forbidden", f"this needs the grant {grant!r}: ask for a token that has it")
        if room is not None and not any(fnmatchcase(room, pattern) for pattern in self.rooms):
            raise ProtocolError("forbidden", "this token is not for this room")


OPEN: Final = Access()
"""Everything: what a server without a secret grants to everybody."""
