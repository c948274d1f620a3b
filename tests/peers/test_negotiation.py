"""The negotiation of attempts, case by case: S9, and the part of K5 that concerns signals."""

import random
from typing import Any

import pytest

from peers.negotiation import (
    Abandon,
    MakeAnswer,
    MakeOffer,
    Negotiation,
    SendSignal,
    TakeAnswer,
    TakeCandidate,
)
from peers.negotiation.attempt import DEADLINE, MAX_CANDIDATES, SAY_AGAIN
from peers.negotiation.retry import (
    AGAIN,
    PATIENCE,
    RETRY,
    Allowance,
)
from peers.negotiation.signals import hash_of
from tests.peers.negotiations import (
    ANSWER,
    CANDIDATE,
    OFFER,
    SEALED_ANSWER,
    adopted,
    answered,
    drain,
    make,
    offered,
    wait,
)


def test_the_offering_side_offers_as_soon_as_it_is_wanted_and_allowed() -> None:
    negotiation = Negotiation(offers=True, rng=random.Random(1), now=0.0)
    negotiation.want(0.0)
    assert drain(negotiation) == []
    assert negotiation.next_timeout() is None
    negotiation.set_allowed(True, 1.0)
    assert drain(negotiation) == [MakeOffer(1)]
    negotiation.offer_ready(1, OFFER, 1.0)
    assert drain(negotiation) == [SendSignal("offer", 1, OFFER)]


def test_the_answering_side_asks_when_no_offer_comes_and_asks_again() -> None:
    negotiation = make(offers=False)
    negotiation.traffic(0.0)
    assert drain(negotiation) == []
    first = wait(negotiation)
    assert PATIENCE[0] <= first <= PATIENCE[1]
    assert drain(negotiation) == [SendSignal("request", 0, {"seen": 0})]
    second = wait(negotiation)
    assert RETRY[0] <= second - first <= RETRY[1]
    assert drain(negotiation) == [SendSignal("request", 0, {"seen": 0})]


def test_a_whole_attempt_on_both_sides() -> None:
    offering, answering = make(offers=True), make(offers=False)
    assert drain(offering) == [MakeOffer(1)]
    offering.offer_ready(1, OFFER, 0.0)
    assert drain(offering) == [SendSignal("offer", 1, OFFER)]
    answering.receive("offer", 1, OFFER, 0.0)
    assert drain(answering) == [MakeAnswer(1, OFFER)]
    answering.answer_ready(1, ANSWER, 0.0)
    assert drain(answering) == [SendSignal("answer", 1, SEALED_ANSWER)]
    offering.receive("answer", 1, SEALED_ANSWER, 0.0)
    assert drain(offering) == [TakeAnswer(1, ANSWER)]
    for side in (offering, answering):
        side.opened(1, 0.1)
        side.adopted(1, 0.2)
        assert side.live == 1
        assert side.in_progress is None
        assert side.next_timeout() is None
        assert drain(side) == []


def test_a_request_brings_about_an_offer_though_this_side_wants_none() -> None:
    negotiation = make(offers=True, wants=False)
    negotiation.receive("request", 0, {"seen": 0}, 0.0)
    assert drain(negotiation) == [MakeOffer(1)]
    negotiation.ended(1, 1.0)
    assert negotiation.next_timeout() is None


@pytest.mark.parametrize("seen", [0, 1])
def test_a_request_while_an_attempt_is_within_its_deadline_is_ignored(seen: int) -> None:
    negotiation = offered()
    negotiation.receive("request", 0, {"seen": seen}, 1.0)
    assert drain(negotiation) == []
    assert negotiation.ignored == {"in-progress": 1}


def test_a_request_that_does_not_know_the_live_attempt_is_ignored() -> None:
    negotiation = adopted()
    negotiation.receive("request", 0, {"seen": 0}, 1.0)
    assert drain(negotiation) == []
    assert negotiation.ignored == {"stale": 1}


def test_the_old_path_goes_only_when_the_new_one_is_adopted() -> None:
    negotiation = answered()
    negotiation.opened(1, 0.0)
    negotiation.adopted(1, 0.0)
    negotiation.receive("offer", 2, OFFER, 20.0)
    negotiation.answer_ready(2, ANSWER, 20.0)
    negotiation.opened(2, 20.0)
    assert Abandon not in map(type, drain(negotiation))
    negotiation.adopted(2, 20.1)
    assert [event.attempt for event in drain(negotiation) if isinstance(event, Abandon)] == [1]


def test_a_newer_offer_replaces_the_attempt_in_progress() -> None:
    negotiation = answered()
    negotiation.receive("offer", 2, OFFER, 1.0)
    abandon, make_answer = drain(negotiation)
    assert isinstance(abandon, Abandon)
    assert abandon.attempt == 1
    assert make_answer == MakeAnswer(2, OFFER)
    negotiation.answer_ready(1, ANSWER, 1.0)
    negotiation.opened(1, 1.0)
    negotiation.adopted(1, 1.0)
    assert drain(negotiation) == []
    assert negotiation.live is None


def test_an_offer_that_comes_twice_or_late_is_ignored() -> None:
    negotiation = answered()
    negotiation.receive("offer", 2, OFFER, 1.0)
    drain(negotiation)
    for number in (1, 2):
        negotiation.receive("offer", number, OFFER, 1.0)
    assert drain(negotiation) == []
    assert negotiation.ignored == {"stale": 2}


def test_an_offer_without_an_answer_is_sent_again_with_its_candidates_ever_later() -> None:
    """It may have been lost, or have overtaken what the peer needs to open it."""
    negotiation = offered()
    negotiation.candidate_found(1, CANDIDATE, 0.1)
    drain(negotiation)
    times = []
    while (at := wait(negotiation)) < DEADLINE:
        times.append(at)
        assert drain(negotiation) == [SendSignal("offer", 1, OFFER), SendSignal("candidate", 1, CANDIDATE)]
    assert times == [SAY_AGAIN, SAY_AGAIN * 3, SAY_AGAIN * 7]
    assert [type(event) for event in drain(negotiation)] == [Abandon]


def test_an_offer_that_has_its_answer_is_sent_no_more() -> None:
    negotiation = offered()
    negotiation.receive("answer", 1, SEALED_ANSWER, 0.5)
    drain(negotiation)
    assert wait(negotiation) == DEADLINE


def test_an_offer_that_comes_again_is_answered_again_by_the_same() -> None:
    negotiation = answered()
    negotiation.candidate_found(1, CANDIDATE, 0.1)
    drain(negotiation)
    negotiation.receive("offer", 1, OFFER, 1.0)
    assert drain(negotiation) == [SendSignal("answer", 1, SEALED_ANSWER), SendSignal("candidate", 1, CANDIDATE)]
    negotiation.candidate_found(1, None, 1.1)
    assert drain(negotiation) == [SendSignal("candidate", 1, {"candidate": None})]
    assert negotiation.ignored == {}
    assert negotiation.begun == 1


def test_another_offer_of_the_same_number_is_ignored() -> None:
    negotiation = answered()
    negotiation.receive("offer", 1, {**OFFER, "sdp": "v=0 other"}, 1.0)
    assert drain(negotiation) == []
    assert negotiation.ignored == {"stale": 1}


def test_an_offer_that_comes_again_and_again_is_not_always_answered() -> None:
    negotiation = answered()
    for hundredths in range(1_000):
        negotiation.receive("offer", 1, OFFER, hundredths / 100)
    answers = [event for event in drain(negotiation) if isinstance(event, SendSignal)]
    assert len(answers) <= Allowance.BURST + 10


def test_an_answer_to_another_offer_is_ignored() -> None:
    negotiation = offered()
    negotiation.receive("answer", 1, {**ANSWER, "offer": hash_of({"sdp": "v=0 other"})}, 0.0)
    negotiation.receive("answer", 1, ANSWER, 0.0)
    assert drain(negotiation) == []
    assert negotiation.ignored == {"other-offer": 2}
    negotiation.receive("answer", 1, SEALED_ANSWER, 0.0)
    negotiation.receive("answer", 1, SEALED_ANSWER, 0.0)
    assert drain(negotiation) == [TakeAnswer(1, ANSWER)]
    assert negotiation.ignored == {"other-offer": 2, "stale": 1}


def test_the_hash_of_an_offer_is_that_of_its_text() -> None:
    assert hash_of({"type": "offer", "sdp": "v=0\r\n"}) == "TPV2JwlfvEiG3jePyzQHkXysogvweMo_D6w-XKmxktg"


def test_candidates_wait_for_the_description_they_belong_to() -> None:
    negotiation = make(offers=False)
    negotiation.receive("candidate", 1, CANDIDATE, 0.0)
    negotiation.receive("offer", 1, OFFER, 0.0)
    negotiation.receive("candidate", 1, {"candidate": None}, 0.0)
    negotiation.candidate_found(1, CANDIDATE, 0.0)
    assert drain(negotiation) == [MakeAnswer(1, OFFER)]
    negotiation.answer_ready(1, ANSWER, 0.0)
    assert drain(negotiation) == [
        SendSignal("answer", 1, SEALED_ANSWER),
        SendSignal("candidate", 1, CANDIDATE),
        TakeCandidate(1, CANDIDATE),
        TakeCandidate(1, None),
    ]
    negotiation.candidate_found(1, None, 0.0)
    assert drain(negotiation) == [SendSignal("candidate", 1, {"candidate": None})]


def test_candidates_wait_for_the_answer() -> None:
    negotiation = make(offers=True)
    negotiation.candidate_found(1, CANDIDATE, 0.0)
    negotiation.offer_ready(1, OFFER, 0.0)
    assert drain(negotiation)[1:] == [SendSignal("offer", 1, OFFER), SendSignal("candidate", 1, CANDIDATE)]
    negotiation.receive("candidate", 1, CANDIDATE, 0.0)
    assert drain(negotiation) == []
    negotiation.receive("answer", 1, SEALED_ANSWER, 0.0)
    assert drain(negotiation) == [TakeAnswer(1, ANSWER), TakeCandidate(1, CANDIDATE)]
    negotiation.receive("candidate", 1, {**CANDIDATE, "usernameFragment": "x"}, 0.0)
    assert drain(negotiation) == [TakeCandidate(1, CANDIDATE)]


def test_candidates_are_bounded() -> None:
    negotiation = make(offers=False)
    for attempt in range(1, 10):
        for _ in range(MAX_CANDIDATES + 5):
            negotiation.receive("candidate", attempt, CANDIDATE, 0.0)
    negotiation.receive("offer", 2, OFFER, 0.0)
    negotiation.answer_ready(2, ANSWER, 0.0)
    negotiation.receive("candidate", 2, CANDIDATE, 0.0)
    for _ in range(MAX_CANDIDATES + 5):
        negotiation.candidate_found(2, CANDIDATE, 0.0)
    events = drain(negotiation)
    assert sum(isinstance(event, TakeCandidate) for event in events) == MAX_CANDIDATES
    assert sum(event.kind == "candidate" for event in events if isinstance(event, SendSignal)) == MAX_CANDIDATES
    assert negotiation.ignored["too-many"] > 0


def test_a_peer_cannot_bring_about_attempts_without_end() -> None:
    answering, offering = make(offers=False), make(offers=True, wants=False)
    for number in range(1, 1001):
        now = number / 100
        answering.receive("offer", number, OFFER, now)
        offering.receive("request", 0, {"seen": 0}, now)
        if offering.in_progress is not None:
            offering.ended(offering.in_progress, now)
    assert answering.begun <= 15
    assert offering.begun <= 15


NONSENSE: list[tuple[str, Any, Any]] = [
    ("offer", 1, None),
    ("offer", 1, []),
    ("offer", 1, {"type": "offer"}),
    ("offer", 1, {"type": "answer", "sdp": "x"}),
    ("offer", 1, {"type": "offer", "sdp": "x" * 100_000}),
    ("offer", -1, OFFER),
    ("offer", True, OFFER),
    ("offer", 2**32, OFFER),
    ("offer", "1", OFFER),
    ("answer", 1, SEALED_ANSWER),
    ("candidate", 1, None),
    ("candidate", 1, {"candidate": 1}),
    ("candidate", 1, {"candidate": "x" * 10_000}),
    ("candidate", 1, {"candidate": "x", "sdpMLineIndex": "0"}),
    ("candidate", 1, {"candidate": "x", "sdpMid": 0}),
    ("request", 1, {"seen": 0}),
    ("hello", 1, {}),
]


@pytest.mark.parametrize(("kind", "attempt", "payload"), NONSENSE)
def test_nonsense_is_counted_and_has_no_effect(kind: str, attempt: Any, payload: Any) -> None:
    negotiation = make(offers=False)
    before = negotiation.next_timeout()
    negotiation.receive(kind, attempt, payload, 0.0)
    assert drain(negotiation) == []
    assert negotiation.ignored == {"nonsense": 1}
    assert negotiation.next_timeout() == before


@pytest.mark.parametrize("payload", [None, {}, {"seen": "0"}, {"seen": -1}, {"seen": True}, {"seen": 1}])
def test_a_request_of_nonsense(payload: Any) -> None:
    negotiation = make(offers=True, wants=False)
    negotiation.receive("request", 0, payload, 0.0)
    assert drain(negotiation) == []
    assert negotiation.ignored == {"nonsense": 1}


def test_nothing_is_begun_while_direct_paths_are_not_allowed() -> None:
    negotiation = Negotiation(offers=False, rng=random.Random(1), now=0.0)
    negotiation.want(0.0)
    negotiation.receive("offer", 1, OFFER, 0.0)
    assert drain(negotiation) == []
    assert negotiation.ignored == {"not-allowed": 1}


def test_what_there_is_goes_when_direct_paths_are_forbidden() -> None:
    negotiation = adopted()
    negotiation.receive("request", 1, {"seen": 1}, 1.0)
    drain(negotiation)
    negotiation.set_allowed(False, 2.0)
    assert [event.attempt for event in drain(negotiation) if isinstance(event, Abandon)] == [2, 1]
    assert negotiation.next_timeout() is None
    negotiation.ended(2, 2.0)
    negotiation.ended(1, 2.0)
    assert negotiation.next_timeout() is None


def test_a_new_session_numbers_attempts_from_1_and_ends_those_of_the_old_one() -> None:
    negotiation = adopted()
    negotiation.reset(20.0)
    assert [event.attempt for event in drain(negotiation) if isinstance(event, Abandon)] == [1]
    negotiation.ended(1, 20.0)
    assert 20.0 + AGAIN[0] <= wait(negotiation) <= 20.0 + AGAIN[1]
    assert drain(negotiation) == [MakeOffer(1)]


def test_a_new_session_takes_an_offer_of_a_number_that_the_old_one_had() -> None:
    negotiation = answered()
    negotiation.reset(1.0)
    drain(negotiation)
    negotiation.receive("offer", 1, OFFER, 1.0)
    assert drain(negotiation) == [MakeAnswer(1, OFFER)]
