"""Guests of a room: members without a key, who signal in the clear. They are shown, and nobody links to them (V2)."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from peers.membership import read_profile
from signalling.protocol import events as wire
from signalling.protocol.events import LeftReason
from signalling.protocol.ids import is_guest


class Guest(msgspec.Struct, frozen=True, kw_only=True):
    """A member of a room that holds no key. All that is known of it is the server's word, its profile included."""

    id: str
    profile: Mapping[str, Any]
    user: str | None = None
    attributes: Mapping[str, Any] = {}

    @property
    def name(self) -> str:
        """What to call it: its profile's name, or the beginning of its id."""
        name = self.profile.get("name")
        return name if isinstance(name, str) and name else self.id[:14]


class GuestCame(msgspec.Struct, frozen=True):
    """A guest is in the room."""

    guest: Guest


class GuestLeft(msgspec.Struct, frozen=True):
    """A guest is gone."""

    guest: Guest
    reason: LeftReason


GuestEvent = GuestCame | GuestLeft


class Guests:
    """The guests of one room, as the server tells of them. No input or output, no clock."""

    def __init__(self) -> None:
        self._guests: dict[str, Guest] = {}

    @property
    def all(self) -> Mapping[str, Guest]:
        """Everyone by id, in join order."""
        return MappingProxyType(self._guests)

    def receive_joined(self, members: Iterable[wire.Member]) -> list[GuestEvent]:
        """The reply to `join`: who is not in it is gone, for no guest comes back."""
        told = {member.id: member for member in members if is_guest(member.id)}
        events = [self._gone(id, "lost") for id in list(self._guests) if id not in told]
        return [*events, *(self._came(member) for id, member in told.items() if id not in self._guests)]

    def receive_changes(self, changes: Iterable[wire.Change]) -> list[GuestEvent]:
        """What has changed since."""
        events: list[GuestEvent] = []
        for change in changes:
            match change:
                case wire.PeerJoined(member=member) if is_guest(member.id) and member.id not in self._guests:
                    events.append(self._came(member))
                case wire.PeerLeft(id=id, reason=reason) if id in self._guests:
                    events.append(self._gone(id, reason))
        return events

    def _came(self, told: wire.Member) -> GuestEvent:
        profile = MappingProxyType(read_profile(told.profile))
        guest = Guest(id=told.id, profile=profile, user=told.user, attributes=MappingProxyType(told.attributes))
        self._guests[told.id] = guest
        return GuestCame(guest)

    def _gone(self, id: str, reason: LeftReason) -> GuestEvent:
        return GuestLeft(self._guests.pop(id), reason)
