"""Attempts at a direct path: who offers, when, and which signal belongs to which (S9). No I/O, no clock."""

from peers.negotiation.events import (
    Abandon,
    Event,
    MakeAnswer,
    MakeOffer,
    SendSignal,
    TakeAnswer,
    TakeCandidate,
)
from peers.negotiation.negotiation import Negotiation

__all__ = [
    "Abandon",
    "Event",
    "MakeAnswer",
    "MakeOffer",
    "Negotiation",
    "SendSignal",
    "TakeAnswer",
    "TakeCandidate",
]
