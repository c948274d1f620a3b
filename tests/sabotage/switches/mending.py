"""S9: signals that are lost, and direct paths that come back soon after their network."""

from typing import Any

import pytest

from peers.link import link
from peers.link.link import Link
from peers.negotiation import retry
from peers.negotiation.attempt import Attempt, Phase, Queue
from peers.negotiation.negotiation import Negotiation
from peers.negotiation.retry import MENDED, Retry
from tests.sabotage.switch import Patch, Switch, always, instead, nothing, of

NEGOTIATION = "peers/test_negotiation.py"
RETRIES = "peers/test_negotiation_retries.py"
REACHABLE = "peers/test_reachable.py"


def answer_any_copy(self: Negotiation, current: Attempt, payload: dict[str, Any], now: float) -> str:
    self._say(current, "answer")
    return ""


def mend_what_fails_quickly(patch: Patch) -> None:
    was = Retry.failed

    def failed(self: Retry, now: float) -> None:
        if now < self._mending_until:
            self._wait(self._rng.uniform(*MENDED), now)
        else:
            was(self, now)

    patch.setattr(Retry, "failed", failed)


def keep_what_was_lost(patch: Patch) -> None:
    was = Negotiation.reachable

    def reachable(self: Negotiation, now: float) -> None:
        current = self._current
        if current is None or current.phase not in (Phase.DESCRIBING, Phase.OFFERED):
            return was(self, now)
        phase, current.phase = current.phase, Phase.OPEN
        was(self, now)
        current.phase = phase
        return None

    patch.setattr(Negotiation, "reachable", reachable)


def wait_for_the_next_try(patch: Patch) -> None:
    was = Negotiation.reachable

    def reachable(self: Negotiation, now: float) -> None:
        at = self._retry.at
        was(self, now)
        self._retry.at = at

    patch.setattr(Negotiation, "reachable", reachable)


def reachable_for_ever(patch: Patch) -> None:
    was = Link.relay_changed

    def changed(self: Link, mine: int | None, theirs: int | None) -> None:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(self.attempts.negotiation, "unreachable", nothing)
            was(self, mine, theirs)

    patch.setattr(Link, "relay_changed", changed)


def signals_ahead_of_the_key(patch: Patch) -> None:
    was = Link._ready

    def ready(self: Link, now: float) -> None:
        was(self, now)
        self._send_signals()

    patch.setattr(Link, "_ready", ready)


def load_at_once(self: Link) -> None:
    self.core.start(self._loop.time())
    self._try_direct()


SWITCHES = (
    Switch(
        "offer-again",
        ("S9",),
        "an offer without an answer is not sent again",
        instead(Attempt, "said", nothing),
        of(NEGOTIATION, "test_an_offer_without_an_answer_is_sent_again_with_its_candidates_ever_later"),
    ),
    Switch(
        "answer-again",
        ("S9",),
        "an offer that comes again is not answered again",
        instead(Negotiation, "_receive_copy", always("stale")),
        of(NEGOTIATION, "test_an_offer_that_comes_again_is_answered_again_by_the_same"),
    ),
    Switch(
        "candidates-again",
        ("S9",),
        "a description that is sent again goes without the candidates found before",
        instead(Queue, "take_again", Queue.take),
        of(
            NEGOTIATION,
            "test_an_offer_without_an_answer_is_sent_again_with_its_candidates_ever_later",
            "test_an_offer_that_comes_again_is_answered_again_by_the_same",
        ),
    ),
    Switch(
        "answer-to-the-same-offer",
        ("S9", "S10"),
        "another offer of the same number is answered by what was said to the first, without end",
        instead(Negotiation, "_receive_copy", answer_any_copy),
        of(
            NEGOTIATION,
            "test_another_offer_of_the_same_number_is_ignored",
            "test_an_offer_that_comes_again_and_again_is_not_always_answered",
        ),
    ),
    Switch(
        "mending",
        ("S9",),
        "while a network is mended, attempts that were late put off the next ever more",
        instead(Retry, "lost", nothing),
        of(
            RETRIES,
            "test_while_a_network_is_mended_attempts_follow_each_other_and_then_back_off",
            "test_a_lost_path_is_replaced_without_long_pauses_whichever_way_it_was_lost",
        ),
    ),
    Switch(
        "mending-ends",
        ("S9", "P6"),
        "attempts follow each other quickly for ever",
        instead(retry, "MENDING", 1e9),
        of(RETRIES, "test_while_a_network_is_mended_attempts_follow_each_other_and_then_back_off"),
    ),
    Switch(
        "quick-failures-back-off",
        ("S9", "P6"),
        "while a network is mended, attempts that fail at once follow each other as quickly as those that were late",
        mend_what_fails_quickly,
        of(RETRIES, "test_attempts_that_fail_quickly_back_off_though_a_network_is_mended"),
    ),
    Switch(
        "flapping-ends-the-mending",
        ("S9",),
        "a path that flaps does not end the quick attempts",
        instead(Retry, "flapped", Retry.failed),
        of(RETRIES, "test_a_path_that_flaps_ends_the_quick_attempts"),
    ),
    Switch(
        "nothing-without-a-relay",
        ("S9",),
        "attempts are made while nobody would hear of them",
        instead(Negotiation, "unreachable", nothing),
        of(
            RETRIES,
            "test_nothing_is_tried_while_signals_do_not_get_through",
            "test_a_path_lost_while_signals_do_not_get_through_is_replaced_when_they_do",
            "test_an_attempt_that_is_late_while_signals_do_not_get_through_is_the_last_until_they_do",
        ),
    ),
    Switch(
        "no-relay-is-told",
        ("S9",),
        "a link does not tell its attempts that there is no relay",
        reachable_for_ever,
        of(REACHABLE, "test_while_the_server_is_gone_nothing_is_tried_and_soon_after_it_is_back_again"),
    ),
    Switch(
        "soon-when-the-relay-is-back",
        ("S9",),
        "who waits for the next attempt waits on when there is a relay again",
        wait_for_the_next_try,
        of(RETRIES, "test_when_signals_get_through_again_there_is_another_attempt_at_once"),
    ),
    Switch(
        "lost-signals",
        ("S9",),
        "an attempt whose description was lost while there was no relay is waited for",
        keep_what_was_lost,
        of(RETRIES, "test_when_signals_get_through_again_there_is_another_attempt_at_once[True]"),
    ),
    Switch(
        "hurried",
        ("S9",),
        "an attempt whose signals may be lost has its 15 s all the same",
        instead(Attempt, "hurry", nothing),
        of(RETRIES, "test_an_attempt_that_connects_when_signals_get_through_again_has_a_little_time_left"),
    ),
    Switch(
        "signals-behind-the-key",
        ("S9", "K5"),
        "a signal that waited for a key goes ahead of the message that gives the key to the peer",
        signals_ahead_of_the_key,
        of(REACHABLE, "test_a_signal_that_waited_for_a_key_goes_behind_what_gives_it_to_the_peer"),
    ),
    Switch(
        "first-message-before-loading",
        ("P1",),
        "aiortc is loaded while the first message is on its way",
        instead(Link, "_meet", load_at_once),
        of("peers/test_prepare.py", "test_the_first_message_goes_first"),
    ),
    Switch(
        "loading-all-the-same",
        ("S9",),
        "who hears nothing of its peer prepares no direct path",
        instead(link, "LOADING_DELAY", 1e9),
        of("peers/test_prepare.py", "test_who_hears_nothing_loads_all_the_same"),
    ),
)
