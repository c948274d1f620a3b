"""What a room store promises: where rosters live, for one server or for several."""

from typing import Any, NamedTuple, Protocol

from signalling.protocol.events import Change, LeftReason
from signalling.rooms.roster import Admission, Entry, Roster


class Changed(NamedTuple):
    """What a call changed in a roster, and its version afterwards."""

    changes: list[Change]
    version: int


class RoomStore(Protocol):
    """Keeps the rosters of all rooms. Reading is at once, from what this server holds; each change is atomic, and is
    a coroutine because a shared store has to ask somebody. A room exists while it has members.
    """

    def find(self, room: str) -> Roster | None:
        """The roster of a room, to read only; None if nobody is in it."""

    def names(self) -> list[str]:
        """The rooms that have members, in no order."""

    async def join(self, room: str, entry: Entry, most: int) -> tuple[Admission, Roster]:
        """See `Roster.join`."""

    async def leave(self, room: str, peer: str, holder: str | None, reason: LeftReason) -> Changed:
        """See `Roster.leave`."""

    async def away(self, room: str, peer: str, holder: str, reason: str) -> Changed:
        """See `Roster.away`."""

    async def update(
        self, room: str, peer: str, *, static: bytes, version: int, profile: str, statement: str
    ) -> Changed:
        """See `Roster.update`. Raises ProtocolError `not-in-room` too."""

    async def describe(self, room: str, peer: str, holder: str, attributes: dict[str, Any]) -> Changed:
        """See `Roster.describe`."""
