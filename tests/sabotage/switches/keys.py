"""K3 and K4: which keys there are, and what is sealed with them."""

import struct
from typing import Any

from peers import noise
from peers.session import handshake, link_core, seal
from peers.session.handshake import Schedule
from peers.session.link_core import LinkCore
from peers.session.seal import Key, KeyRing, ReplayWindow
from tests.sabotage.switch import Patch, Switch, always, instead, of

LINK = "session/test_link_core.py"
LINK_KEYS = "session/test_link_keys.py"
LINK_ENDS = "session/test_link_ends.py"
SEAL = "session/test_seal.py"
HANDSHAKE = "session/test_handshake.py"
FILES = "test_the_files_are_what_the_library_writes[{}.json]"


def seal_under_one_nonce(patch: Patch) -> None:
    was = Key.seal

    def again(self: Key, frames: bytes) -> bytes:
        self.sealed = 0
        return was(self, frames)

    patch.setattr(Key, "seal", again)


def mark_before_opening(patch: Patch) -> None:
    was = Key.open

    def opened(self: Key, counter: int, packet: bytes) -> bytes:
        try:
            return was(self, counter, packet)
        finally:
            if self._window.is_new(counter):
                self._window.mark(counter)

    patch.setattr(Key, "open", opened)


class Clear:
    """A cipher that is none: what it is given, and a tag that nobody checks."""

    def __init__(self, key: bytes) -> None:
        """Takes no notice of the key."""

    def encrypt(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        return data + bytes(16)

    def decrypt(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        return data[:-16]


def same_key_both_ways(self: Any) -> tuple[bytes, bytes]:
    key = noise._hkdf(self._chaining_key, b"")[0]
    return key, key


SWITCHES = (
    Switch(
        "a-key-each-way",
        ("K4", "P4"),
        "both directions are sealed with one key",
        instead(noise._Symmetric, "split", same_key_both_ways),
        of(LINK_KEYS, "test_reflected_packets_are_dropped_and_answered_once_a_second_at_most"),
    ),
    Switch(
        "seal",
        ("K4", "P4"),
        "packets travel in the clear, and whatever comes is believed",
        instead(seal, "ChaCha20Poly1305", Clear),
        of(SEAL, "test_what_is_sealed_opens_on_the_other_side", "test_every_byte_of_a_packet_counts")
        + of(LINK_KEYS, "test_tampered_packets_are_dropped[9]", "test_tampered_packets_are_dropped[-1]")
        + of(LINK_KEYS, "test_a_signal_waits_for_a_key_and_is_then_sealed"),
    ),
    Switch(
        "nonce-counter",
        ("K4", "P4"),
        "one nonce is used again and again",
        seal_under_one_nonce,
        of(SEAL, "test_sealing_the_same_again_gives_another_packet", "test_the_layout_is_as_written"),
    ),
    Switch(
        "nonce-layout",
        ("K4", "P5"),
        "the nonce is written in another byte order than other languages do",
        instead(seal, "_NONCE", struct.Struct(">4xQ")),
        of(SEAL, "test_the_layout_is_as_written")
        + of("vectors/test_vectors.py", "test_packets", FILES.format("packets")),
    ),
    Switch(
        "replay-window",
        ("K4", "P2", "P4"),
        "copies of sealed packets are opened again",
        instead(ReplayWindow, "is_new", always(True)),
        of(LINK_KEYS, "test_copies_are_dropped", "test_signals_are_taken_once_and_as_they_were_sent[<lambda>-replay0]")
        + of(SEAL, "test_a_copy_is_refused", "test_the_window_takes_each_counter_once_in_any_order"),
    ),
    Switch(
        "marked-when-opened",
        ("K4", "P4"),
        "a forged packet shuts the true one out",
        mark_before_opening,
        of(SEAL, "test_every_byte_of_a_packet_counts"),
    ),
    Switch(
        "window-of-1024",
        ("K4",),
        "the replay window is half as wide",
        instead(seal, "REPLAY_WINDOW", 512),
        of(SEAL, "test_the_window_survives_a_leap", "test_the_constants_of_k4"),
    ),
    Switch(
        "renewal",
        ("K4", "P4"),
        "a key is never renewed",
        instead(Key, "needs_renewal", always(False)),
        of(
            LINK_KEYS,
            "test_a_key_is_renewed_after_an_hour_and_nothing_is_lost",
            "test_a_key_is_renewed_after_so_many_packets",
        ),
    ),
    Switch(
        "exhausted",
        ("K4", "P4"),
        "nobody notices that a key is exhausted",
        instead(Key, "exhausted", property(always(False))),
        of(LINK_KEYS, "test_an_exhausted_key_seals_nothing_and_message_1_carries_on"),
    ),
    Switch(
        "message-1-once",
        ("K3", "P2"),
        "a doubled message 1 is answered twice",
        instead(handshake, "KEPT_ANSWERED", 0),
        of(LINK_KEYS, "test_a_doubled_message_1_is_answered_once")
        + of(HANDSHAKE, "test_the_same_message_1_is_answered_once"),
    ),
    Switch(
        "message-1-again",
        ("K3", "P2"),
        "a lost message 1 is not repeated",
        instead(Schedule, "sent", lambda self, now: setattr(self, "due", float("inf"))),
        of(LINK, "test_a_message_1_that_is_lost_is_followed_by_others_with_the_same_frames"),
    ),
    Switch(
        "key-id-in-use",
        ("K3", "P4"),
        "another key takes the number of one in use",
        instead(KeyRing, "__contains__", always(False)),
        of(LINK_KEYS, "test_another_key_with_the_peers_number_does_not_get_in"),
    ),
    Switch(
        "four-keys",
        ("K3", "P2"),
        "only the latest key opens packets",
        instead(seal, "KEPT_KEYS", 1),
        of(LINK_KEYS, "test_packets_under_the_last_four_keys_are_opened")
        + of(SEAL, "test_the_last_four_keys_open_and_the_latest_seals"),
    ),
    Switch(
        "four-keys-at-most",
        ("K3", "P6"),
        "a hundred keys are kept",
        instead(seal, "KEPT_KEYS", 100),
        of(LINK_KEYS, "test_packets_under_the_last_four_keys_are_opened")
        + of(SEAL, "test_the_last_four_keys_open_and_the_latest_seals"),
    ),
    Switch(
        "four-answers",
        ("K3",),
        "only the latest message 1 can be answered",
        instead(handshake, "KEPT_PENDING", 1),
        of(HANDSHAKE, "test_the_answers_to_the_last_four_are_taken"),
    ),
    Switch(
        "hint",
        ("K3", "P2"),
        "a packet that does not open is not answered with a hint",
        instead(link_core, "WrongKey", KeyError),
        of(LINK_ENDS, "test_the_one_that_discarded_is_asked_and_says_so")
        + of(
            LINK_KEYS,
            "test_a_peer_that_lost_the_key_says_so_and_gets_a_new_one",
            "test_two_keys_under_one_number_do_not_last",
        ),
    ),
    Switch(
        "one-hint-a-second",
        ("K3", "S10"),
        "every packet under an unknown key is answered with a hint",
        instead(link_core, "HINT_EVERY", 0.0),
        of(LINK_KEYS, "test_hints_go_out_once_a_second_at_most"),
    ),
    Switch(
        "hint-about-the-key-in-use",
        ("K3", "S10"),
        "a hint about any key starts a handshake",
        instead(LinkCore, "_receive_hint", lambda self, packet, now: self._schedule.want_soon(now)),
        of(LINK_KEYS, "test_hints_about_other_keys_start_nothing"),
    ),
    Switch(
        "one-handshake-a-second",
        ("K3", "S2", "S10"),
        "forged hints and strangers cost a handshake each",
        instead(Schedule, "want_soon", Schedule.want),
        of(LINK_KEYS, "test_a_storm_of_forged_hints_costs_one_handshake_a_second")
        + of(LINK_ENDS, "test_replayed_first_messages_of_an_ended_session_cost_one_handshake_a_second")
        + of(HANDSHAKE, "test_nobody_can_make_us_send_more_than_one_a_second"),
    ),
)
