"""What a link core tells, beside the events of its session, and what it gives out to be sent."""

import msgspec

from peers.codec.frames import Lane
from peers.session.events import Event, Outbound
from peers.session.routing import Flight
from peers.session.session import Session


class Ready(msgspec.Struct, frozen=True):
    """The session has a key: the peer's settings are known, signals can be sealed."""


class DirectEnded(msgspec.Struct, frozen=True):
    """This attempt belonged to a session that is over: close its path."""

    attempt: int


class SessionEnded(msgspec.Struct, frozen=True):
    """The session is over; `undelivered` is what the peer has not acknowledged, in order for each channel."""

    undelivered: list[Outbound]
    reason: str


class SessionStarted(msgspec.Struct, frozen=True):
    """`LinkCore.session` is a new one: nothing is open in it and nothing listened to."""


LinkEvent = Event | Ready | DirectEnded | SessionEnded | SessionStarted


class Outgoing(msgspec.Struct, frozen=True, eq=False):
    """A packet to be sent: by the direct path of `attempt`, or by the relay if that is None.

    `flights` are the frames in it, of `session`; hand the object back to `relay_refused` if the server refuses it.
    """

    attempt: int | None
    lane: Lane
    packet: bytes
    flights: tuple[Flight, ...]
    session: Session

    @property
    def flight(self) -> Flight | None:
        """The first flight in it, if it carries any frames."""
        return self.flights[0] if self.flights else None
