"""Every event between a client and the server, as msgspec structs.

Keys, statements and proofs are base64url strings; a profile is JSON text; packets are bytes. Unknown fields are
ignored, so that a newer client can talk to an older server.
"""

from typing import Any, Literal

import msgspec

SignalKind = Literal["request", "offer", "answer", "candidate"]
LeftReason = Literal["left", "removed", "closed", "lost", "restarted"]


class Wire(msgspec.Struct, frozen=True, omit_defaults=True):
    """The base of everything on the wire: immutable, defaults left out."""


# ---- what a client sends


class Join(Wire, frozen=True, kw_only=True):
    """`join`: become a member of a room, or come back to it."""

    room: str
    peer: str
    key: str
    incarnation: int
    connection: int
    statement: str
    proof: str
    profile: str = "{}"


class JoinAsGuest(Wire, frozen=True, kw_only=True):
    """`join` without a key: become a guest, who may signal in the clear and nothing else."""

    room: str
    profile: str = "{}"


class Leave(Wire, frozen=True, kw_only=True):
    """`leave`: stop being a member."""

    room: str


class Profile(Wire, frozen=True, kw_only=True):
    """`profile`: replace one's own profile, with a statement of a higher profile version."""

    room: str
    profile: str
    statement: str


class Signal(Wire, frozen=True, kw_only=True):
    """`signal`: a request, offer, answer or candidate for one member. `packet` is opaque to the server."""

    room: str
    to: str
    kind: SignalKind
    attempt: int = 0
    packet: Any


class Relay(Wire, frozen=True, kw_only=True):
    """`relay`: packets for peers, one for each of `to`, then at most one body for all. `n` counts per connection."""

    room: str
    n: int
    to: list[str]
    packets: list[bytes]


class Auth(Wire, frozen=True, kw_only=True):
    """`auth`: a fresh token for this connection, before the one that it has runs out."""

    token: str


class Post(Wire, frozen=True, kw_only=True):
    """`post`: a message for the room's feed, which the server keeps and can read. A repeated `key` is one post."""

    room: str
    topic: str
    event: str = ""
    data: Any
    key: str = ""


class Watch(Wire, frozen=True, kw_only=True):
    """`watch`: be sent the posts whose topics match, and of those the named events alone if any are named.

    `watch` is the client's own number for it; topics and events are added to those that it has. `since` goes back to
    what followed the post of that id.
    """

    room: str
    topics: list[str]
    events: list[str] = []
    since: int | None = None
    watch: int = 0


class Unwatch(Wire, frozen=True, kw_only=True):
    """`unwatch`: be sent no more of these topics; without any, of none in this watch."""

    room: str
    topics: list[str] = []
    watch: int = 0


class Report(Wire, frozen=True, kw_only=True):
    """`report`: how many of a client's links are on which path now, and after how many seconds links became direct for
    the first time since the last report. Nobody is named.
    """

    direct: int
    turn: int
    relay: int
    times: list[float] = []


# ---- what the server replies


class IceServer(Wire, frozen=True, kw_only=True):
    """One STUN or TURN server, as in RTCIceServer. `lifetime`: seconds for which the credential holds; None: always."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None
    lifetime: float | None = None


class Limits(Wire, frozen=True, kw_only=True):
    """What this server allows, told at join. Bytes and seconds."""

    packet: int
    signal: int
    profile: int
    recipients: int
    peers: int
    grace: float


class Member(Wire, frozen=True, kw_only=True):
    """A member as the roster shows it. `user` and `attributes` come from its verified token; a guest has neither key
    nor statement.
    """

    id: str
    key: str
    statement: str
    profile: str
    connection: int
    away: bool = False
    user: str | None = None
    attributes: dict[str, Any] = {}


class Joined(Wire, frozen=True, kw_only=True):
    """The reply to `join`: the room as it is now, the newcomer included, in join order."""

    room: str
    version: int
    peers: list[Member]
    ice_servers: list[IceServer] = []
    limits: Limits
    resumed: bool = False
    peer: str | None = None
    """A guest's own id, which the server has given it."""
    reports: bool = False
    """Whether the server takes reports."""


class Authorized(Wire, frozen=True, kw_only=True):
    """The reply to `auth`: when the token runs out, in Unix time; None: this server asks for none."""

    expires: float | None = None


class Posted(Wire, frozen=True, kw_only=True):
    """The reply to `post`."""

    id: int


class Watching(Wire, frozen=True, kw_only=True):
    """The reply to `watch`: the newest post's id, and whether posts since `since` may be gone."""

    id: int
    missed: bool = False


# ---- what the server sends


class PeerJoined(Wire, tag="peer-joined", tag_field="change", frozen=True, kw_only=True):
    """A new member, or a new incarnation of one."""

    member: Member


class PeerLeft(Wire, tag="peer-left", tag_field="change", frozen=True, kw_only=True):
    """A member is gone for good."""

    id: str
    reason: LeftReason


class PeerUpdated(Wire, tag="peer-updated", tag_field="change", frozen=True, kw_only=True):
    """A member's profile changed, which the statement binds, or its attributes (None: they did not)."""

    id: str
    profile: str
    statement: str
    attributes: dict[str, Any] | None = None


class PeerAway(Wire, tag="peer-away", tag_field="change", frozen=True, kw_only=True):
    """A member's connection dropped; it may come back within the grace time. `reason` is for people."""

    id: str
    reason: str = ""


class PeerBack(Wire, tag="peer-back", tag_field="change", frozen=True, kw_only=True):
    """A member has a new connection, after having been away or not."""

    id: str
    connection: int
    statement: str


Change = PeerJoined | PeerLeft | PeerUpdated | PeerAway | PeerBack


class Roster(Wire, frozen=True, kw_only=True):
    """`roster`: what changed between two versions. base > mine: join again; version <= mine: ignore."""

    room: str
    base: int
    version: int
    changes: list[Change]


class SignalFrom(Wire, frozen=True, kw_only=True):
    """`signal`, as the receiver gets it."""

    room: str
    sender: str = msgspec.field(name="from")
    kind: SignalKind
    attempt: int
    packet: Any


class RelayFrom(Wire, frozen=True, kw_only=True):
    """`relay`, as the receiver gets it."""

    room: str
    sender: str = msgspec.field(name="from")
    packet: bytes
    body: bytes | None = None


class Relayed(Wire, frozen=True, kw_only=True):
    """`relayed`: every relay of this connection up to `n` was taken."""

    n: int


class Refused(Wire, frozen=True, kw_only=True):
    """`refused`: relay `n` was not passed on to `to`."""

    n: int
    to: str
    code: str


class Replaced(Wire, frozen=True, kw_only=True):
    """`replaced`: a later connection or incarnation of the same id has joined; `statement` is its."""

    room: str
    statement: str


class RoomClosed(Wire, frozen=True, kw_only=True):
    """`room-closed`: this client is no member any more; it was removed, or the room was closed."""

    room: str
    reason: str


class Shutdown(Wire, frozen=True, kw_only=True):
    """`shutdown`: the server is about to leave; come back after so many seconds."""

    reason: str
    reconnect_after: float


class PostFrom(Wire, frozen=True, kw_only=True):
    """`post`, as a watcher gets it. `from` is a member's id or a token's user; `at` is in milliseconds of Unix time."""

    room: str
    id: int
    topic: str
    event: str = ""
    data: Any
    sender: str = msgspec.field(name="from", default="")
    at: int
    watch: int = 0


class Missed(Wire, frozen=True, kw_only=True):
    """`missed`: this watcher has fallen behind what the room keeps; posts up to `id` may be missing."""

    room: str
    id: int
    watch: int = 0


# ---- what the server posts on its own topics


class WatcherInfo(Wire, frozen=True, kw_only=True):
    """One who watches: the member's id, or another one that is its own for as long as it watches; its token's user."""

    id: str
    user: str | None = None
    topics: list[str]


class Watchers(Wire, frozen=True, kw_only=True):
    """The data of a post on `$watchers`: how many watch now, who began to or has other topics, who ceased to. `more`
    others did too.
    """

    count: int
    began: list[WatcherInfo] = []
    ceased: list[WatcherInfo] = []
    more: int = 0
