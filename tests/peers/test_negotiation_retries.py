"""When the negotiation tries again: after failures and losses, and while signals do not get through (S9)."""

import random
from itertools import pairwise

import pytest

from peers.negotiation import (
    Abandon,
    Event,
    MakeOffer,
    Negotiation,
    SendSignal,
)
from peers.negotiation.attempt import DEADLINE, GRACE
from peers.negotiation.retry import (
    AGAIN,
    DOUBT,
    MENDED,
    MENDING,
    RETRY,
    RETRY_MOST,
    STEADY,
    Allowance,
)
from tests.peers.negotiations import (
    OFFER,
    SEALED_ANSWER,
    adopted,
    answered,
    drain,
    make,
    offered,
    wait,
)


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
