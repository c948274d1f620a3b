"""What the HTTP API takes and gives, as msgspec structs: the documents are made from them."""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from signalling.access import Grant
from signalling.protocol.events import Member, PostFrom, WatcherInfo
from signalling.protocol.limits import MAX_EVENT_NAME, MAX_POST_KEY, MAX_ROOM_NAME, MAX_TOPIC
from signalling.tokens import USUAL_GRANTS

NO_CONTROL: Final = r"^[^\u0000-\u001f\u007f]*$"
"""Text without control characters, as a pattern of JSON Schema."""
_WORD: Final = r"[^\u0000-\u0020\u007f.*]+"
TOPIC: Final = rf"^(?!\$){_WORD}(\.{_WORD}){{0,15}}$"
"""A topic that one may post to."""

Id = Annotated[int, Meta(ge=0, le=2**53 - 1, description="The id of a post; ids of a room grow.")]
_RoomName = Annotated[str, Meta(min_length=1, max_length=MAX_ROOM_NAME)]


class Json(msgspec.Struct, frozen=True, kw_only=True):
    """The base of all: immutable, nothing left out."""


class Room(Json, frozen=True, kw_only=True):
    """A room: how many members it has, those that are away included, and what is in its feed."""

    name: str
    peers: int
    watchers: int
    posts: Annotated[int, Meta(description="Posts that its feed keeps.")]
    bytes: Annotated[int, Meta(description="Bytes that they take.")]
    id: Annotated[int | None, Meta(description="The id of the newest post that there was; null without a feed.")]


class Rooms(Json, frozen=True, kw_only=True):
    """One page of the rooms that have members or a feed, by their names."""

    rooms: list[Room]
    next: Annotated[str | None, Meta(description="Where the next page begins: give it as `after`. Null: no more.")]


class Peers(Json, frozen=True, kw_only=True):
    """One page of a room's members, in the order in which they joined."""

    peers: list[Member]
    count: Annotated[int, Meta(description="How many members there are in all.")]
    next: Annotated[str | None, Meta(description="Where the next page begins: give it as `after`. Null: no more.")]


class Watching(Json, frozen=True, kw_only=True):
    """Who watches a room's feed, by Socket.IO or by HTTP; 1,000 of them at most."""

    watchers: list[WatcherInfo]
    count: Annotated[int, Meta(description="How many watch in all.")]


class NewPost(Json, frozen=True, kw_only=True):
    """A post for a room's feed, which the server keeps and can read."""

    topic: Annotated[
        str,
        Meta(
            description="Words between dots; those that begin with `$` are the server's own.",
            min_length=1,
            max_length=MAX_TOPIC,
            examples=["orders.42"],
            extra_json_schema={"pattern": TOPIC},
        ),
    ]
    event: Annotated[
        str,
        Meta(
            description="What happened, within the topic.",
            max_length=MAX_EVENT_NAME,
            examples=["shipped"],
            extra_json_schema={"pattern": NO_CONTROL},
        ),
    ] = ""
    data: Annotated[Any, Meta(description="Any JSON value, at most 64 deep.", examples=[{"to": "Ada"}])]
    key: Annotated[
        str,
        Meta(
            description="A repeated post with the same key is one post. The header `Idempotency-Key` says the same.",
            max_length=MAX_POST_KEY,
            extra_json_schema={"pattern": NO_CONTROL},
        ),
    ] = ""


class Posted(Json, frozen=True, kw_only=True):
    """The post was taken."""

    id: Id


class History(Json, frozen=True, kw_only=True):
    """Posts of a feed, oldest first."""

    posts: list[PostFrom]
    id: Annotated[int, Meta(description="Give it as `since` to go on from here.")]
    missed: Annotated[bool, Meta(description="Whether posts after `since` may be gone already.")]


class NewToken(Json, frozen=True, kw_only=True):
    """What a token is to grant: to whom, in which rooms, for how long."""

    user: Annotated[str, Meta(min_length=1, max_length=128)]
    rooms: Annotated[list[_RoomName], Meta(min_length=1, max_length=64, description="Names; `*` stands for any text.")]
    grants: list[Grant] = msgspec.field(default_factory=lambda: list(USUAL_GRANTS))
    lifetime: Annotated[float, Meta(gt=0, le=31_536_000, description="Seconds for which it holds.")] = 3_600.0
    attributes: Annotated[dict[str, Any], Meta(description="Shown to other members; 2,048 bytes of JSON.")] = {}


class Token(Json, frozen=True, kw_only=True):
    """A fresh token."""

    token: str
    expires: Annotated[float, Meta(description="Unix time in seconds.")]


class Problem(Json, frozen=True, kw_only=True, omit_defaults=True):
    """What was wrong and what to do (RFC 9457). `code` is one of the protocol's."""

    type: Annotated[str, Meta(description="`about:blank`: `title` is that of the HTTP status.")] = msgspec.field(
        default="about:blank"
    )
    title: str
    status: int
    detail: str
    code: str
    retry_after: Annotated[float | None, Meta(description="Seconds after which it may be worth trying again.")] = None


# ---- what streams say beside posts


class Here(Json, frozen=True, kw_only=True):
    """Where this stream stands: it has brought every post up to this id that it is about."""

    watching: Id


class Gone(Json, frozen=True, kw_only=True):
    """This stream has fallen behind what the room keeps: posts up to this id may be missing."""

    missed: Id


class Closing(Json, frozen=True, kw_only=True):
    """The stream ends here. Come again after `retry_after` seconds, with the last id as `since`."""

    closing: Annotated[str, Meta(description="Why, for people.")]
    code: Annotated[str, Meta(description="Why, for programs: `shutting-down`, `too-slow` or `unauthorized`.")]
    retry_after: float
