"""S9: attempts at a direct path."""

from typing import Any

from peers.negotiation import attempt, negotiation
from peers.negotiation.negotiation import Negotiation
from peers.negotiation.retry import Allowance, Retry
from peers.session.events import Instance
from peers.session.routing import Path, Routes
from tests.sabotage.switch import Patch, Switch, always, instead, of

NEGOTIATION = "peers/test_negotiation.py"
RETRIES = "peers/test_negotiation_retries.py"


def all_offer(patch: Patch) -> None:
    was = Negotiation.__init__

    def init(self: Negotiation, *, offers: bool, **options: Any) -> None:
        was(self, offers=True, **options)

    patch.setattr(Negotiation, "__init__", init)


def take_every_request(patch: Patch) -> None:
    was = Negotiation._receive_request

    def receive(self: Negotiation, payload: object, now: float) -> str:
        self._current = None
        return was(self, payload, now)

    patch.setattr(Negotiation, "_receive_request", receive)


def take_old_requests(patch: Patch) -> None:
    was = Negotiation._receive_request

    def receive(self: Negotiation, payload: Any, now: float) -> str:
        return was(self, {"seen": self._last} if payload == {"seen": 0} else payload, now)

    patch.setattr(Negotiation, "_receive_request", receive)


def take_old_offers(patch: Patch) -> None:
    was = Negotiation._receive_offer

    def receive(self: Negotiation, number: int, payload: object, now: float) -> str:
        self._last = min(self._last, number - 1)
        return was(self, number, payload, now)

    patch.setattr(Negotiation, "_receive_offer", receive)


def adopt_what_opens(patch: Patch) -> None:
    was = Negotiation.opened

    def opened(self: Negotiation, number: int, now: float) -> None:
        was(self, number, now)
        self.adopted(number, now)

    patch.setattr(Negotiation, "opened", opened)


def use_what_opens(patch: Patch) -> None:
    was = Routes.open

    def opened(self: Routes, instance: Instance, now: float, most: int | None) -> Path:
        path = was(self, instance, now, most)
        if not path.is_relay:
            self.adopt(path)
        return path

    patch.setattr(Routes, "open", opened)


def number_on(patch: Patch) -> None:
    was = Negotiation.reset

    def reset(self: Negotiation, now: float) -> None:
        last = self._last
        was(self, now)
        self._last = last

    patch.setattr(Negotiation, "reset", reset)


def retry_at_once(self: Retry, now: float) -> None:
    self._not_before = self.at = now


SWITCHES = (
    Switch(
        "one-side-offers",
        ("S9",),
        "both sides offer",
        all_offer,
        of(
            NEGOTIATION,
            "test_the_answering_side_asks_when_no_offer_comes_and_asks_again",
            "test_a_whole_attempt_on_both_sides",
        ),
    ),
    Switch(
        "request-within-the-deadline",
        ("S9",),
        "a request begins another attempt while one is under way",
        take_every_request,
        of(NEGOTIATION, "test_a_request_while_an_attempt_is_within_its_deadline_is_ignored"),
    ),
    Switch(
        "request-of-the-past",
        ("S9",),
        "a request that does not know the newest attempt begins another",
        take_old_requests,
        of(NEGOTIATION, "test_a_request_that_does_not_know_the_live_attempt_is_ignored"),
    ),
    Switch(
        "offer-of-the-past",
        ("S9",),
        "an offer that comes twice or late is taken",
        take_old_offers,
        of(NEGOTIATION, "test_an_offer_that_comes_twice_or_late_is_ignored"),
    ),
    Switch(
        "old-path-until-a-pong",
        ("S9", "P2"),
        "the old path is closed when the new one opens",
        adopt_what_opens,
        of(NEGOTIATION, "test_the_old_path_goes_only_when_the_new_one_is_adopted"),
    ),
    Switch(
        "new-path-from-a-pong-on",
        ("S9", "S7", "P3"),
        "a path is used before anything was heard on it",
        use_what_opens,
        of(
            "session/test_routing.py",
            "test_a_fresh_attempt_is_used_from_its_first_pong_on",
            "test_the_old_direct_path_lives_until_the_new_one_answers",
        ),
    ),
    Switch(
        "numbers-of-a-session",
        ("S9",),
        "a new session numbers its attempts on",
        number_on,
        of(
            NEGOTIATION,
            "test_a_new_session_numbers_attempts_from_1_and_ends_those_of_the_old_one",
            "test_a_new_session_takes_an_offer_of_a_number_that_the_old_one_had",
        ),
    ),
    Switch(
        "deadline",
        ("S9",),
        "an attempt may take for ever",
        instead(attempt, "DEADLINE", 1e9),
        of(RETRIES, "test_an_attempt_that_is_late_is_abandoned_and_tried_again_later_each_time"),
    ),
    Switch(
        "retries-back-off",
        ("S9",),
        "a failed attempt is followed by the next at once",
        instead(Retry, "failed", retry_at_once),
        of(
            RETRIES,
            "test_an_attempt_that_is_late_is_abandoned_and_tried_again_later_each_time",
            "test_without_traffic_a_retry_waits_and_traffic_brings_it_forward",
        ),
    ),
    Switch(
        "flapping",
        ("S9",),
        "a direct path that ends at once is replaced at once",
        instead(negotiation, "STEADY", 0.0),
        of(RETRIES, "test_a_path_that_ends_is_replaced_at_once_but_one_that_flaps_is_not"),
    ),
    Switch(
        "attempts-by-the-peer",
        ("S9", "S10"),
        "a peer may bring about attempts without end",
        instead(Allowance, "take", always(True)),
        of(
            NEGOTIATION,
            "test_a_peer_cannot_bring_about_attempts_without_end",
            "test_an_offer_that_comes_again_and_again_is_not_always_answered",
        )
        + of(
            RETRIES,
            "test_a_peer_that_comes_and_goes_too_often_is_tried_later_all_the_same",
            "test_a_peer_that_comes_and_goes_brings_about_no_storm_of_attempts",
        ),
    ),
    Switch(
        "candidates-bounded",
        ("S10", "P6"),
        "a peer's candidates are taken without end",
        instead(attempt, "MAX_CANDIDATES", 10**9),
        of(NEGOTIATION, "test_candidates_are_bounded"),
    ),
)
