"""What a webhook may say: its types, and the JSON of each."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Final, cast

import msgspec
from msgspec import Meta

from signalling.feeds.stored import Stored
from signalling.protocol.events import Change, LeftReason, PeerJoined, PeerLeft, PeerUpdated

MOST_DATA: Final = 131_072
"""Bytes of a post's data that a webhook carries; it goes without those of a larger one."""


class Data(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The base of what events say."""


class RoomData(Data, frozen=True, kw_only=True):
    """Nothing more: the event names the room."""


class PeerJoinedData(Data, frozen=True, kw_only=True):
    """Who joined. The profile is what the peer says of itself, `user` and `attributes` what its token says."""

    peer: str
    profile: dict[str, Any]
    user: str | None = None
    attributes: dict[str, Any] = {}


class PeerLeftData(Data, frozen=True, kw_only=True):
    """Who left, and why."""

    peer: str
    reason: LeftReason


class PeerUpdatedData(Data, frozen=True, kw_only=True):
    """Whose profile is another one now."""

    peer: str
    profile: dict[str, Any]


class PostData(Data, frozen=True, kw_only=True):
    """A post. One that is larger than a webhook may be comes without its data: `omitted` says how many bytes it has,
    and the room's feed has it under its id.
    """

    id: int
    topic: str
    event: str = ""
    data: Any | msgspec.UnsetType = msgspec.UNSET
    omitted: int = 0
    sender: str = msgspec.field(name="from", default="")


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """The base of all events. `timestamp` is when it happened, in UTC."""

    timestamp: Annotated[datetime, Meta(tz=True)]
    room: str


class RoomStarted(Event, frozen=True, kw_only=True, tag="room.started"):
    """The first peer has joined a room."""

    data: RoomData = RoomData()


class RoomEnded(Event, frozen=True, kw_only=True, tag="room.ended"):
    """The last peer has left a room."""

    data: RoomData = RoomData()


class RoomPeerJoined(Event, frozen=True, kw_only=True, tag="peer.joined"):
    """A peer has joined a room."""

    data: PeerJoinedData


class RoomPeerLeft(Event, frozen=True, kw_only=True, tag="peer.left"):
    """A peer has left a room for good."""

    data: PeerLeftData


class RoomPeerUpdated(Event, frozen=True, kw_only=True, tag="peer.updated"):
    """A peer has another profile."""

    data: PeerUpdatedData


class RoomPost(Event, frozen=True, kw_only=True, tag="post"):
    """Somebody has posted to a room's feed, on a topic that webhooks were asked for."""

    data: PostData


AnyEvent = RoomStarted | RoomEnded | RoomPeerJoined | RoomPeerLeft | RoomPeerUpdated | RoomPost

EVENTS: Final[tuple[type[Event], ...]] = (
    RoomStarted,
    RoomEnded,
    RoomPeerJoined,
    RoomPeerLeft,
    RoomPeerUpdated,
    RoomPost,
)
"""All of them."""


def type_of(event: Event | type[Event]) -> str:
    """The `type` of an event."""
    return str(event.__struct_config__.tag)


TYPES: Final = tuple(map(type_of, EVENTS))
"""The types of all events."""


def of_changes(room: str, changes: Iterable[Change], at: datetime, *, before: int, after: int) -> list[Event]:
    """What changes of a roster come to; the room had and has so many members."""
    events: list[Event] = []
    if not before and after:
        events.append(RoomStarted(timestamp=at, room=room))
    for change in changes:
        match change:
            case PeerJoined(member=member):
                joined = PeerJoinedData(
                    peer=member.id, profile=_profile(member.profile), user=member.user, attributes=member.attributes
                )
                events.append(RoomPeerJoined(timestamp=at, room=room, data=joined))
            case PeerLeft(id=peer, reason=reason):
                events.append(RoomPeerLeft(timestamp=at, room=room, data=PeerLeftData(peer=peer, reason=reason)))
            case PeerUpdated(id=peer, profile=profile):
                updated = PeerUpdatedData(peer=peer, profile=_profile(profile))
                events.append(RoomPeerUpdated(timestamp=at, room=room, data=updated))
    if before and not after:
        events.append(RoomEnded(timestamp=at, room=room))
    return events


def of_post(post: Stored) -> Event:
    """What a post comes to."""
    size = len(post.data)
    data = PostData(
        id=post.id,
        topic=post.topic,
        event=post.event,
        data=msgspec.Raw(post.data) if size <= MOST_DATA else msgspec.UNSET,
        omitted=0 if size <= MOST_DATA else size,
        sender=post.sender,
    )
    return RoomPost(timestamp=datetime.fromtimestamp(post.at / 1_000, UTC), room=post.room, data=data)


def _profile(text: str) -> dict[str, Any]:
    """A profile's JSON text, checked when it came, as a part of other JSON."""
    return cast("dict[str, Any]", msgspec.Raw(text.encode()))
