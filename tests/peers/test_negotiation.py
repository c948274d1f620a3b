"""The negotiation of attempts, case by case: S9, and the part of K5 that concerns signals."""

import random
from itertools import pairwise
from typing import Any

import pytest

from peers.negotiation import (
    Abandon,
    Event,
    MakeAnswer,
    MakeOffer,
    Negotiation,
    SendSignal,
    TakeAnswer,
    TakeCandidate,
)
from peers.negotiation.attempt import DEADLINE, GRACE, MAX_CANDIDATES, SAY_AGAIN
from peers.negotiation.retry import (
    AGAIN,
    DOUBT,
    MENDED,
    MENDING,
    PATIENCE,
    RETRY,
    RETRY_MOST,
    STEADY,
    Allowance,
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


def test_a_request_by_a_peer_whose_path_has_ended_brings_a_new_attempt_beside_the_old_path() -> None:
    negotiation = adopted()
    negotiation.receive("request", 1, {"seen": 1}, 1.0)
    assert drain(negotiation) == [MakeOffer(2)]
    assert (negotiation.live, negotiation.in_progress) == (1, 2)
    negotiation.offer_ready(2, OFFER, 1.0)
    negotiation.receive("answer", 2, SEALED_ANSWER, 1.0)
    negotiation.opened(2, 1.0)
    drain(negotiation)
    negotiation.adopted(2, 1.1)
    assert [type(event) for event in drain(negotiation)] == [Abandon]
    assert negotiation.live == 2


@pytest.mark.parametrize("offers", [True, False])
def test_a_suspect_path_that_stays_silent_gets_another_attempt_beside_it(offers: bool) -> None:
    negotiation = adopted() if offers else answered()
    if not offers:
        negotiation.opened(1, 1.0)
        negotiation.adopted(1, 1.0)
    negotiation.suspected(1, 20.0)
    assert DOUBT[0] <= wait(negotiation) - 20.0 <= DOUBT[1]
    expected: Event = MakeOffer(2) if offers else SendSignal("request", 1, {"seen": 1})
    assert drain(negotiation) == [expected]
    assert negotiation.live == 1


def test_a_suspect_path_that_answers_in_time_gets_none() -> None:
    negotiation = adopted()
    negotiation.suspected(1, 20.0)
    negotiation.answers(1, 21.0)
    assert negotiation.next_timeout() is None
    negotiation.suspected(1, 30.0)
    assert negotiation.next_timeout() is not None


def test_while_a_network_is_mended_attempts_follow_each_other_and_then_back_off() -> None:
    """An attempt is itself the test whether the network is back: in a pause nobody looks."""
    negotiation = adopted()
    negotiation.suspected(1, 20.0)
    begun: list[float] = []
    while len(begun) < 5 or begun[-5] < 20.0 + MENDING:
        begun.append(wait(negotiation))
        negotiation.traffic(begun[-1])
        wait(negotiation)  # its deadline
    mending = [at for at in begun if at + DEADLINE < 20.0 + MENDING]
    pauses = [later - earlier - DEADLINE for earlier, later in pairwise(begun)]
    assert all(MENDED[0] <= pause <= MENDED[1] for pause in pauses[: len(mending)])
    rest = pauses[len(mending) :]
    assert len(rest) >= 3
    assert all(RETRY[0] * 2**n - 1e-6 <= pause <= RETRY[1] * 2**n + 1e-6 for n, pause in enumerate(rest))
    assert len(mending) <= MENDING / DEADLINE
    negotiation.answers(1, begun[-1])
    assert drain(negotiation)[-1] == Abandon(negotiation.begun, f"not adopted within {DEADLINE:g} s")
    assert negotiation.next_timeout() is None


@pytest.mark.parametrize("ends", [True, False])
def test_a_lost_path_is_replaced_without_long_pauses_whichever_way_it_was_lost(ends: bool) -> None:
    negotiation = adopted()
    (negotiation.ended if ends else negotiation.suspected)(1, STEADY)
    for _ in range(4):
        begun = wait(negotiation)
        negotiation.traffic(begun)
        late = wait(negotiation)
        assert late - begun == pytest.approx(DEADLINE)
        at = negotiation.next_timeout()
        assert at is not None
        assert MENDED[0] <= at - late <= MENDED[1]


def test_attempts_that_fail_quickly_back_off_though_a_network_is_mended() -> None:
    negotiation = adopted()
    negotiation.traffic(STEADY)
    negotiation.ended(1, STEADY)
    for failures in range(4):
        begun = wait(negotiation)
        negotiation.traffic(begun)
        negotiation.ended(negotiation.begun, begun + 0.1)
        at = negotiation.next_timeout()
        assert at is not None
        assert RETRY[0] * 2**failures <= at - begun - 0.1 <= RETRY[1] * 2**failures


def test_a_path_that_flaps_ends_the_quick_attempts() -> None:
    negotiation = adopted()
    negotiation.traffic(STEADY)
    negotiation.ended(1, STEADY)
    wait(negotiation)
    negotiation.offer_ready(2, OFFER, STEADY + 1)
    negotiation.receive("answer", 2, SEALED_ANSWER, STEADY + 1)
    negotiation.opened(2, STEADY + 1)
    negotiation.adopted(2, STEADY + 1)
    negotiation.traffic(STEADY + 2)
    negotiation.ended(2, STEADY + 2)
    for failures in range(1, 4):
        begun = wait(negotiation)
        negotiation.traffic(begun)
        late = wait(negotiation)
        at = negotiation.next_timeout()
        assert at is not None
        assert RETRY[0] * 2**failures <= at - late <= RETRY[1] * 2**failures + 1e-6


@pytest.mark.parametrize("offers", [True, False])
def test_when_signals_get_through_again_there_is_another_attempt_at_once(offers: bool) -> None:
    """However often it was tried in vain, and though one such try is not over."""
    negotiation = make(offers=offers)
    now = 0.0
    for _ in range(6):
        now = wait(negotiation)
        negotiation.traffic(now)
    drain(negotiation)
    negotiation.reachable(now + 5.0)
    assert AGAIN[0] <= wait(negotiation) - now - 5.0 <= AGAIN[1]
    begun = drain(negotiation)[-1]
    assert begun == (MakeOffer(negotiation.begun) if offers else SendSignal("request", 0, {"seen": 0}))


@pytest.mark.parametrize("offers", [True, False])
def test_nothing_is_tried_while_signals_do_not_get_through(offers: bool) -> None:
    negotiation = Negotiation(offers=offers, rng=random.Random(1), now=0.0)
    negotiation.unreachable()
    negotiation.set_allowed(True, 0.0)
    negotiation.want(0.0)
    assert (negotiation.next_timeout(), drain(negotiation)) == (None, [])
    negotiation.reachable(1.0)
    assert AGAIN[0] <= wait(negotiation) - 1.0 <= AGAIN[1]
    assert drain(negotiation) == [MakeOffer(1) if offers else SendSignal("request", 0, {"seen": 0})]


@pytest.mark.parametrize("ends", [True, False])
def test_a_path_lost_while_signals_do_not_get_through_is_replaced_when_they_do(ends: bool) -> None:
    negotiation = adopted()
    negotiation.unreachable()
    (negotiation.ended if ends else negotiation.suspected)(1, STEADY)
    negotiation.traffic(STEADY)
    assert (negotiation.next_timeout(), drain(negotiation)) == (None, [])
    negotiation.reachable(60.0)
    assert AGAIN[0] <= wait(negotiation) - 60.0 <= AGAIN[1]


def test_an_attempt_that_is_late_while_signals_do_not_get_through_is_the_last_until_they_do() -> None:
    negotiation = offered()
    negotiation.unreachable()
    while wait(negotiation) < DEADLINE:
        pass
    assert negotiation.next_timeout() is None
    assert negotiation.begun == 1


def test_a_peer_that_comes_and_goes_too_often_is_tried_later_all_the_same() -> None:
    negotiation = make(offers=True, wants=False)
    negotiation.traffic(0.0)
    negotiation.unreachable()
    negotiation.want(0.0)
    for _ in range(10):
        negotiation.reachable(0.0)
        negotiation.unreachable()
    negotiation.reachable(0.0)
    assert RETRY[0] <= wait(negotiation) <= RETRY[1]
    assert drain(negotiation) == [MakeOffer(1)]


def test_signals_that_get_through_again_disturb_no_path() -> None:
    negotiation = adopted()
    negotiation.reachable(20.0)
    assert (negotiation.live, negotiation.next_timeout(), drain(negotiation)) == (1, None, [])


@pytest.mark.parametrize("offers", [True, False])
def test_an_attempt_that_connects_when_signals_get_through_again_has_a_little_time_left(offers: bool) -> None:
    """What it still needs may have been lost; it may as well be about to open."""
    connecting = offered() if offers else answered()
    connecting.receive("answer", 1, SEALED_ANSWER, 1.0)
    drain(connecting)
    connecting.reachable(2.0)
    assert (connecting.in_progress, drain(connecting)) == (1, [])
    assert wait(connecting) == pytest.approx(2.0 + GRACE)
    assert [type(event) for event in drain(connecting)] == [Abandon]
    assert AGAIN[0] <= wait(connecting) - 2.0 - GRACE <= AGAIN[1]
    assert drain(connecting) == [MakeOffer(2) if offers else SendSignal("request", 1, {"seen": 1})]


def test_an_attempt_that_opens_when_signals_get_through_again_is_adopted() -> None:
    connecting = offered()
    connecting.receive("answer", 1, SEALED_ANSWER, 1.0)
    connecting.reachable(2.0)
    connecting.opened(1, 2.5)
    connecting.adopted(1, 2.6)
    assert (connecting.live, connecting.next_timeout()) == (1, None)


def test_a_peer_that_comes_and_goes_brings_about_no_storm_of_attempts() -> None:
    negotiation = make(offers=True)
    for tenths in range(0, 1_000, 3):
        negotiation.handle_timeout(tenths / 10)
        negotiation.reachable(tenths / 10)
    assert negotiation.begun <= 1 + Allowance.BURST + 100


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


def test_an_attempt_that_is_late_is_abandoned_and_tried_again_later_each_time() -> None:
    negotiation = make(offers=True)
    begun, waits = 0.0, []
    for number in range(1, 9):
        assert drain(negotiation) == [MakeOffer(number)]
        late = wait(negotiation)
        assert late - begun == pytest.approx(DEADLINE)
        assert [event.attempt for event in drain(negotiation) if isinstance(event, Abandon)] == [number]
        negotiation.traffic(late)
        begun = wait(negotiation)
        waits.append(begun - late)
    # The first has had no traffic before it.
    for failures, waited in enumerate(waits[1:], start=2):
        assert RETRY[0] * 2 ** (failures - 1) <= waited or waited == pytest.approx(RETRY_MOST)
        assert waited <= min(RETRY[1] * 2 ** (failures - 1), RETRY_MOST) + 1e-6
    assert waits[-1] == pytest.approx(RETRY_MOST)


def test_without_traffic_a_retry_waits_and_traffic_brings_it_forward() -> None:
    negotiation = offered()
    negotiation.ended(1, 1.0)
    assert negotiation.next_timeout() == 1.0 + RETRY_MOST
    negotiation.traffic(2.0)
    at = negotiation.next_timeout()
    assert at is not None
    assert 2.0 <= at <= 1.0 + RETRY[1]
    negotiation.traffic(3.0)
    assert negotiation.next_timeout() == at


def test_a_path_that_ends_is_replaced_at_once_but_one_that_flaps_is_not() -> None:
    negotiation = adopted()
    negotiation.traffic(STEADY)
    negotiation.ended(1, STEADY)
    assert AGAIN[0] <= wait(negotiation) - STEADY <= AGAIN[1]
    assert drain(negotiation) == [MakeOffer(2)]
    negotiation.offer_ready(2, OFFER, 11.0)
    negotiation.receive("answer", 2, SEALED_ANSWER, 11.0)
    negotiation.opened(2, 11.0)
    negotiation.adopted(2, 11.0)
    negotiation.ended(2, 12.0)
    assert RETRY[0] <= wait(negotiation) - 12.0 <= RETRY[1]


def test_wanting_again_does_not_evade_the_backoff() -> None:
    negotiation = offered()
    negotiation.traffic(1.0)
    negotiation.ended(1, 1.0)
    at = negotiation.next_timeout()
    negotiation.want(1.0)
    assert drain(negotiation) == []
    assert negotiation.next_timeout() == at


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
