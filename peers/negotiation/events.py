"""What a negotiation asks for."""

from typing import Any

import msgspec


class MakeOffer(msgspec.Struct, frozen=True):
    """Begin an attempt: gather, then call `offer_ready`."""

    attempt: int


class MakeAnswer(msgspec.Struct, frozen=True):
    """Begin an attempt of the peer's: take its offer, gather, then call `answer_ready`."""

    attempt: int
    offer: dict[str, Any]


class TakeAnswer(msgspec.Struct, frozen=True):
    """The answer to our offer."""

    attempt: int
    answer: dict[str, Any]


class TakeCandidate(msgspec.Struct, frozen=True):
    """A candidate of the peer's, always after its description was taken. None: it has no more."""

    attempt: int
    candidate: dict[str, Any] | None


class SendSignal(msgspec.Struct, frozen=True):
    """Seal this and send it to the peer."""

    kind: str
    attempt: int
    payload: dict[str, Any]


class Abandon(msgspec.Struct, frozen=True):
    """Close the connection of this attempt. Whether `ended` is told of it afterwards makes no difference."""

    attempt: int
    reason: str


Event = MakeOffer | MakeAnswer | TakeAnswer | TakeCandidate | SendSignal | Abandon
