"""The rules of keys (K1 to K5) taken away one by one: the test that stands for a rule must then fail."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from peers import noise
from peers.session import handshake, link_core, seal, sealed
from peers.session.binding import Binding, EndedHalves
from peers.session.handshake import HandshakeError, Handshakes, Schedule
from peers.session.link_core import LinkCore
from peers.session.seal import Key, KeyRing, ReplayWindow, SealError
from peers.session.sealed import SealedSession
from signalling.protocol.statements import read_statement
from tests.peers import test_noise
from tests.session import test_handshake, test_link_core, test_seal
from tests.session.pair import Program

honest_seal, honest_open = Key.seal, Key.open


def seal_under_one_nonce(self: Key, frames: bytes) -> bytes:
    self.sealed = 0
    return honest_seal(self, frames)


def mark_before_opening(self: Key, counter: int, packet: bytes) -> bytes:
    try:
        return honest_open(self, counter, packet)
    finally:
        if self._window.is_new(counter):
            self._window.mark(counter)


def exchange_anything(private: X25519PrivateKey, public: bytes) -> bytes:
    return private.exchange(X25519PublicKey.from_public_bytes(public))


def same_key_both_ways(self: Any) -> tuple[bytes, bytes]:
    key = noise._hkdf(self._chaining_key, b"")[0]
    return key, key


Break = tuple[Any, str, Any]
Check = Callable[[pytest.MonkeyPatch], None]

RULES: dict[str, tuple[Break, Check]] = {
    "no nonce is used twice": (
        (Key, "seal", seal_under_one_nonce),
        lambda _: test_seal.test_sealing_the_same_again_gives_another_packet(),
    ),
    "copies are refused": (
        (ReplayWindow, "is_new", lambda *_: True),
        lambda _: test_link_core.test_copies_are_dropped(),
    ),
    "copies of signals are refused": (
        (ReplayWindow, "is_new", lambda *_: True),
        lambda _: test_link_core.test_signals_are_taken_once_and_as_they_were_sent(bytes, "replay"),
    ),
    "a packet is marked when it has opened": (
        (Key, "open", mark_before_opening),
        lambda _: test_seal.test_every_byte_of_a_packet_counts(),
    ),
    "the window is 1,024 wide": (
        (seal, "REPLAY_WINDOW", 512),
        lambda _: test_seal.test_the_window_survives_a_leap(),
    ),
    "each direction has its own key": (
        (noise._Symmetric, "split", same_key_both_ways),
        lambda _: test_link_core.test_reflected_packets_are_dropped_and_answered_once_a_second_at_most(),
    ),
    "a point of small order is refused": (
        (noise, "_exchange", exchange_anything),
        test_noise.test_an_all_zero_result_is_refused_even_if_the_library_lets_it_pass,
    ),
    "the prologue binds room and responder": (
        (handshake, "prologue", lambda *_: b""),
        lambda _: test_handshake.test_message_1_does_not_open_after_its_responder_was_restarted(),
    ),
    "the statement is checked": (
        (Handshakes, "_check_statement", lambda *_: None),
        lambda _: test_handshake.test_a_strangers_message_1_is_not_the_peers(),
    ),
    "the statement is for this room and this key": (
        (Handshakes, "_check_statement", lambda self, data, static: read_statement(data)),
        lambda _: test_handshake.test_a_statement_must_be_the_peers_for_this_room_and_life_and_for_the_key_it_proved(
            Program("a").state(room="another room")
        ),
    ),
    "a message 1 is answered once": (
        (handshake, "KEPT_ANSWERED", 0),
        lambda _: test_link_core.test_a_doubled_message_1_is_answered_once(),
    ),
    "a key id in use is not taken": (
        (KeyRing, "__contains__", lambda *_: False),
        lambda _: test_link_core.test_another_key_with_the_peers_number_does_not_get_in(),
    ),
    "four keys are kept": (
        (seal, "KEPT_KEYS", 1),
        lambda _: test_link_core.test_packets_under_the_last_four_keys_are_opened(),
    ),
    "no more than four keys are kept": (
        (seal, "KEPT_KEYS", 100),
        lambda _: test_link_core.test_packets_under_the_last_four_keys_are_opened(),
    ),
    "answers to the last four are taken": (
        (handshake, "KEPT_PENDING", 1),
        lambda _: test_handshake.test_the_answers_to_the_last_four_are_taken(),
    ),
    "what does not open is hinted at": (
        (link_core, "WrongKey", KeyError),
        lambda _: test_link_core.test_two_keys_under_one_number_do_not_last(),
    ),
    "one hint a second": (
        (link_core, "HINT_EVERY", 0.0),
        lambda _: test_link_core.test_hints_go_out_once_a_second_at_most(),
    ),
    "only a hint about the key in use counts": (
        (LinkCore, "_receive_hint", lambda self, packet, now: self._schedule.want_soon(now)),
        lambda _: test_link_core.test_hints_about_other_keys_start_nothing(),
    ),
    "one handshake a second for hints": (
        (Schedule, "want_soon", Schedule.want),
        lambda _: test_link_core.test_a_storm_of_forged_hints_costs_one_handshake_a_second(),
    ),
    "one handshake a second for strangers": (
        (Schedule, "want_soon", Schedule.want),
        lambda _: test_link_core.test_replayed_first_messages_of_an_ended_session_cost_one_handshake_a_second(),
    ),
    "what never was cannot have ended": (
        (Binding, "is_impossible", lambda *_: False),
        lambda patch: test_link_core.test_who_claims_to_have_ended_what_never_was_is_ignored(False, patch),
    ),
    "message 2 is for this session": (
        (Binding, "answers_another", lambda *_: False),
        test_link_core.test_an_answer_for_another_session_of_mine_is_ignored,
    ),
    "message 1 is for this session or any": (
        (Binding, "is_elsewhere", lambda *_: False),
        lambda _: test_link_core.test_a_message_1_to_a_session_of_mine_that_is_over_binds_nothing(),
    ),
    "frames of a stranger who may be forgotten wait": (
        (EndedHalves, "may_have_forgotten", lambda *_: False),
        lambda _: test_link_core.test_where_an_ended_half_may_be_forgotten_frames_come_after_message_2(),
    ),
    "what a lost message 1 carried goes again": (
        (SealedSession, "send_waiting_again", lambda self, now: self.waiting.clear()),
        lambda _: test_link_core.test_a_lost_message_1_is_made_up_for_by_the_peers_own(),
    ),
    "message 1 carries 48 KiB": (
        (sealed, "FIRST_FRAMES", 10**6),
        lambda _: test_link_core.test_message_1_carries_48_kib_and_the_rest_waits_for_message_2(),
    ),
    "a key is renewed": (
        (Key, "needs_renewal", lambda *_: False),
        lambda _: test_link_core.test_a_key_is_renewed_after_an_hour_and_nothing_is_lost(),
    ),
    "an exhausted key seals no more": (
        (Key, "exhausted", property(lambda self: False)),
        test_link_core.test_an_exhausted_key_seals_nothing_and_message_1_carries_on,
    ),
}
"""Each rule: how to break it, and its test."""


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_has_a_test_that_fails_without_it(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (owner, name, broken), check = RULES[rule]
    monkeypatch.setattr(owner, name, broken)
    with pytest.raises((AssertionError, pytest.fail.Exception, SealError, HandshakeError)):
        check(monkeypatch)
