"""What a session tells: its events, and the names of its paths."""

from typing import Any, Literal, NamedTuple

import msgspec

from peers.codec.frames import FrameType, Lane


class RelayInstance(NamedTuple):
    """The relay, as long as both connections to the server last: (my connection, the peer's)."""

    mine: int
    theirs: int


class DirectInstance(NamedTuple):
    """One direct attempt that has opened."""

    attempt: int


Instance = RelayInstance | DirectInstance
PathName = Literal["direct", "relay"]


class Outbound(msgspec.Struct):
    """A message on its way, as `undelivered` reports it; `context` is the sender's own."""

    channel: int
    type: FrameType
    payload: bytes
    context: object = None


class MessageReceived(msgspec.Struct, frozen=True):
    """A whole message. `charge` goes back to `Session.handled` once the application has handled it.

    `path` is the one that brought its last frame.
    """

    channel: int
    type: FrameType
    payload: bytes
    charge: int
    lane: Lane
    path: PathName = "relay"


class DatagramReceived(msgspec.Struct, frozen=True):
    """A datagram; `number` counts them on their channel, so that older ones can be told."""

    channel: int
    number: int
    type: FrameType
    payload: bytes
    path: PathName = "relay"


class ChannelOpened(msgspec.Struct, frozen=True):
    """The peer opened its direction of a channel; ours is the one with the same label and lane."""

    channel: int
    label: str
    lane: Lane
    kind: str
    settings: dict[str, Any]


class ChannelClosed(msgspec.Struct, frozen=True):
    """The peer sends no more on this channel."""

    channel: int


class SendReady(msgspec.Struct, frozen=True):
    """`can_send` was false for this channel, and may now be true."""

    channel: int


class Flushed(msgspec.Struct, frozen=True):
    """The peer has handled everything that was sent before this mark."""

    mark: int


class PathChanged(msgspec.Struct, frozen=True):
    """Where a new reliable frame would go: "direct", "relay" or nowhere."""

    path: PathName | None


class DirectAdopted(msgspec.Struct, frozen=True):
    """A new attempt answered its first ping and is in use: end the older one."""

    attempt: int


class Suspected(msgspec.Struct, frozen=True):
    """The direct path is silent or unproved: the relay carries on."""

    attempt: int


class Trusted(msgspec.Struct, frozen=True):
    """The suspect direct path answers again."""

    attempt: int


class PingAnswered(msgspec.Struct, frozen=True):
    """The peer answered a ping that `Session.ping` sent; `rtt` in seconds."""

    number: int
    rtt: float
    path: PathName


class ByeReceived(msgspec.Struct, frozen=True):
    """The peer has ended the session, and everything it sent has arrived. Our bye is on its way."""


class ByeDone(msgspec.Struct, frozen=True):
    """Both byes have arrived. Send what `frames_to_send` still gives, then let the paths go."""


class SessionFailed(msgspec.Struct, frozen=True):
    """The peer broke the protocol (S10): this session is dead."""

    reason: str


Event = (
    MessageReceived
    | DatagramReceived
    | ChannelOpened
    | ChannelClosed
    | SendReady
    | Flushed
    | PathChanged
    | DirectAdopted
    | Suspected
    | Trusted
    | PingAnswered
    | ByeReceived
    | ByeDone
    | SessionFailed
)


class PeerLied(Exception):
    """The peer did what no honest program does; the session ends with these words. It never leaves the session."""
