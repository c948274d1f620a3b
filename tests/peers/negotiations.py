"""Negotiations of attempts for tests, brought to where a test begins."""

import random

from peers.negotiation import (
    Event,
    Negotiation,
)
from peers.negotiation.signals import hash_of

OFFER = {"type": "offer", "sdp": "v=0 offer"}
ANSWER = {"type": "answer", "sdp": "v=0 answer"}
SEALED_ANSWER = {**ANSWER, "offer": hash_of(OFFER)}
CANDIDATE = {"candidate": "candidate:1 1 udp 1 192.0.2.1 1 typ host", "sdpMid": "0", "sdpMLineIndex": 0}


def make(*, offers: bool, wants: bool = True, now: float = 0.0) -> Negotiation:
    negotiation = Negotiation(offers=offers, rng=random.Random(1), now=now)
    negotiation.set_allowed(True, now)
    if wants:
        negotiation.want(now)
    return negotiation


def drain(negotiation: Negotiation) -> list[Event]:
    events: list[Event] = []
    while (event := negotiation.next_event()) is not None:
        events.append(event)
    return events


def offered(now: float = 0.0) -> Negotiation:
    """An offerer whose first offer has just left."""
    negotiation = make(offers=True, now=now)
    negotiation.offer_ready(1, OFFER, now)
    drain(negotiation)
    return negotiation


def answered(now: float = 0.0) -> Negotiation:
    """An answerer whose first answer has just left."""
    negotiation = make(offers=False, now=now)
    negotiation.receive("offer", 1, OFFER, now)
    negotiation.answer_ready(1, ANSWER, now)
    drain(negotiation)
    return negotiation


def adopted(now: float = 0.0) -> Negotiation:
    """An offerer whose first attempt is live."""
    negotiation = offered(now)
    negotiation.receive("answer", 1, SEALED_ANSWER, now)
    negotiation.opened(1, now)
    negotiation.adopted(1, now)
    drain(negotiation)
    return negotiation


def wait(negotiation: Negotiation) -> float:
    """Let the next timer fire, and say when that was."""
    at = negotiation.next_timeout()
    assert at is not None
    negotiation.handle_timeout(at)
    return at
