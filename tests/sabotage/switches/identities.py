"""K1, K2 and K5: who is who, what a handshake proves, and what is signalled."""

from types import SimpleNamespace

from aiortc import RTCDtlsTransport
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from peers import noise
from peers.link import Link
from peers.negotiation import signals
from peers.session import handshake, sealed
from peers.session.handshake import Handshakes, Hello
from signalling import admission, membership
from signalling.protocol import ids, statements
from signalling.protocol.statements import read_statement
from tests.sabotage.switch import Patch, Switch, always, instead, nothing, of

LINK = "session/test_link_core.py"
HANDSHAKE = "session/test_handshake.py"
STATEMENTS = "protocol/test_statements.py"
HOSTILE = "peers/test_hostile.py"
BAD_INPUT = "signalling/test_bad_input.py"
REFUSED = ("changed1-unauthorized", "changed3-unauthorized")
MUST_BE_THE_PEERS = "test_a_statement_must_be_the_peers_for_this_room_and_life_and_for_the_key_it_proved"


class Anything(str):
    """Equal to everything."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False


class Unsigned:
    """A key under which every signature is good."""

    @classmethod
    def from_public_bytes(cls, data: bytes) -> "Unsigned":
        return cls()

    def verify(self, signature: bytes, data: bytes) -> None:
        """It is."""


def exchange_anything(private: X25519PrivateKey, public: bytes) -> bytes:
    return private.exchange(X25519PublicKey.from_public_bytes(public))


def take_as_labelled(self: Link, kind: str, attempt: int, packet: bytes) -> None:
    now = self._loop.time()
    signal = self.core.receive_signal(packet, now)
    if signal is not None:
        self.attempts.negotiation.receive(kind, attempt, signal[2], now)
    self._came(now)


def take_any_statement(patch: Patch) -> None:
    def check(text: str, *, room: str, key: bytes, profile: str) -> statements.Statement:
        return read_statement(ids.from_text(text))

    for owner in (admission, membership):
        patch.setattr(owner, "check_statement", check)


def believe_any_fingerprint(patch: Patch) -> None:
    patch.setattr(RTCDtlsTransport, "_validate_peer_identity", always(None))


SWITCHES = (
    Switch(
        "signature",
        ("K1", "P4"),
        "what is signed is believed whoever signed it",
        instead(statements, "Ed25519PublicKey", Unsigned),
        of(STATEMENTS, "test_a_statement_signed_by_another_key_is_refused")
        + of(BAD_INPUT, "test_a_forged_proof")
        + of("peers/test_roster.py", "test_who_is_not_what_the_server_shows_is_not_announced[changes7-signature]"),
    ),
    Switch(
        "proof-at-join",
        ("K1", "P4"),
        "the server asks nobody to prove that it holds its key on this connection",
        instead(admission, "_check_proof", nothing),
        of(BAD_INPUT, "test_a_proof_that_proves_nothing", "test_a_forged_proof"),
    ),
    Switch(
        "id-of-the-key",
        ("K1", "P4"),
        "a client may join under another's id",
        instead(admission, "ids", SimpleNamespace(**{**vars(ids), "peer_id": always(Anything())})),
        of(BAD_INPUT, "test_a_swapped_key"),
    ),
    Switch(
        "statement-in-message-1",
        ("K2", "P4"),
        "the statement in message 1 is not checked",
        instead(Handshakes, "_check_statement", nothing),
        of(HANDSHAKE, "test_a_strangers_message_1_is_not_the_peers"),
    ),
    Switch(
        "statement-for-this-room-and-key",
        ("K2", "P4"),
        "any signed statement will do in message 1",
        instead(Handshakes, "_check_statement", lambda self, data, static: read_statement(data)),
        of(HANDSHAKE, *(f"{MUST_BE_THE_PEERS}[statement{number}]" for number in (0, 1, 2, 3, 5, 6))),
    ),
    Switch(
        "prologue",
        ("K2", "P4"),
        "a handshake is bound to no room and no responder",
        instead(handshake, "prologue", always(b"")),
        of(HANDSHAKE, "test_message_1_does_not_open_after_its_responder_was_restarted"),
    ),
    Switch(
        "first-message-in-message-1",
        ("K2", "P1"),
        "message 1 carries no frames, so the first message waits for message 2",
        instead(sealed, "FIRST_FRAMES", 0),
        of(LINK, "test_the_first_message_is_there_after_one_packet"),
    ),
    Switch(
        "48-kib-in-message-1",
        ("K2", "P6"),
        "message 1s carry frames without end",
        instead(sealed, "FIRST_FRAMES", 10**6),
        of(LINK, "test_message_1_carries_48_kib_and_the_rest_waits_for_message_2"),
    ),
    Switch(
        "small-order",
        ("K2", "P4"),
        "an X25519 result of zeros is taken",
        instead(noise, "_exchange", exchange_anything),
        of("peers/test_noise.py", "test_an_all_zero_result_is_refused_even_if_the_library_lets_it_pass"),
    ),
    Switch(
        "fingerprint",
        ("K5", "P4"),
        "a connection may end up with any certificate",
        believe_any_fingerprint,
        of("paths/test_direct.py", "test_a_swapped_fingerprint_ends_the_attempt"),
    ),
    Switch(
        "answer-to-this-offer",
        ("K5", "P4"),
        "an answer to another offer is taken",
        instead(signals, "hash_of", always(Anything())),
        of("peers/test_negotiation.py", "test_an_answer_to_another_offer_is_ignored"),
    ),
    Switch(
        "signal-as-sealed",
        ("K5", "P4"),
        "the server may turn a signal into another kind or attempt",
        instead(Link, "receive_signal", take_as_labelled),
        of(HOSTILE, "test_a_signal_under_another_label_is_dropped"),
    ),
    Switch(
        "statement-at-join",
        ("K1", "P4"),
        "the server takes any signed statement for a member's",
        take_any_statement,
        of(BAD_INPUT, "test_a_statement_that_does_not_fit")
        + of("signalling/test_membership.py", *(f"test_a_profile_that_is_refused[{which}]" for which in REFUSED)),
    ),
    Switch(
        "direct-if-both-allow",
        ("K2", "S9"),
        "a peer that allows no direct path is offered one all the same",
        instead(Hello, "settings", property(always({}))),
        of("peers/test_connection.py", "test_without_aiortc_the_relay_carries_on"),
    ),
)
