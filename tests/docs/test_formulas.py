"""The formulas and numbers of docs/protocol.md: each stands there as it is spelled here, and is done here by hand."""

import base64
import hashlib
import inspect
import os

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from peers import connection, dialling, presence
from peers import tokens as renewal
from peers.backoff import Backoff
from peers.codec import frames, payloads, values
from peers.codec.frames import Lane
from peers.identity import Identity
from peers.negotiation import attempt, retry
from peers.noise import Responder, TransportKeys, public_key
from peers.paths import path
from peers.session import binding, handshake, link_core, seal
from peers.session.binding import Half, Halves
from peers.session.rules import Rules
from signalling import namespace, tokens
from signalling.engine import queue
from signalling.protocol import ids, statements
from tests.docs.markdown import ROOT

PAGE = "docs/protocol.md"


def on_page(formula: str) -> None:
    """The page must say so, wherever its lines break."""
    text = (ROOT / PAGE).read_text()
    assert " ".join(formula.split()) in " ".join(text.split()), formula


def prefixed(field: bytes) -> bytes:
    """As the page defines it."""
    return len(field).to_bytes(2, "big") + field


def test_ids() -> None:
    on_page('lower case of base32(SHA-256("eitherway id 1" || key)[0:20])')
    digest = hashlib.sha256(b"eitherway id 1" + bytes(range(32))).digest()[:20]
    assert ids.peer_id(bytes(range(32))) == base64.b32encode(digest).decode().lower()


def test_what_is_signed() -> None:
    on_page('signature = Ed25519("eitherway/1 " || purpose || 0x00 || fields)')
    on_page("signed    = fields || signature")
    heard: list[bytes] = []

    def sign(data: bytes) -> bytes:
        heard.append(data)
        return b"!" * 64

    signed = statements.sign_proof(statements.Proof("o", "s", "r", 1, 2), sign)
    fields = b"".join(map(prefixed, (b"o", b"s", b"r", bytes(7) + b"\1", bytes(7) + b"\2")))
    assert heard == [b"eitherway/1 proof\0" + fields]
    assert signed == fields + b"!" * 64
    statements.sign_statement(statements.Statement("r", b"k" * 32, 1, b"s" * 32, 2, b"h" * 32), sign)
    assert heard[1].startswith(b"eitherway/1 statement\0" + prefixed(b"r") + prefixed(b"k" * 32))


def test_prologue() -> None:
    on_page('"eitherway/1" || prefixed(room) || prefixed(responder\'s Ed25519 key)')
    on_page("|| prefixed(u64 responder's incarnation)")
    on_page("Noise_IK_25519_ChaChaPoly_SHA256")
    expected = b"eitherway/1" + prefixed("zoë".encode()) + prefixed(b"k" * 32) + prefixed((7).to_bytes(8, "big"))
    assert handshake.prologue("zoë", b"k" * 32, 7) == expected


def test_sealed_packets() -> None:
    on_page("u8 3 || u32 key id || u32 counter || ciphertext || tag (16)")
    on_page("4 zero bytes, then the counter as 64 bits, *little-endian*")
    key = seal.Key(0xAABBCCDD, TransportKeys(b"k" * 32, b"r" * 32, b""), 0.0)
    key.seal(b"first")
    packet = key.seal(b"second")
    header = b"\3\xaa\xbb\xcc\xdd" + (1).to_bytes(4, "big")
    nonce = bytes(4) + (1).to_bytes(8, "little")
    assert packet == header + ChaCha20Poly1305(b"k" * 32).encrypt(nonce, b"second", header)
    on_page("1,024 or more behind the newest that opened")
    assert seal.REPLAY_WINDOW == 1_024
    on_page("2^22 packets sealed by a key, or 1 h. A key that has sealed 2^24 packets")
    assert (seal.RENEW_PACKETS, seal.RENEW_SECONDS, seal.MAX_PACKETS) == (2**22, 3_600, 2**24)
    on_page("The last 4 keys of the session open packets")
    assert seal.KEPT_KEYS == 4


def test_hints() -> None:
    on_page("`u8 4 || u32 key id`, sealed by nothing. It answers, at most once a second")
    assert handshake.encode_hint(0x01020304) == bytes([4, 1, 2, 3, 4])
    assert link_core.HINT_EVERY == 1.0


def test_handshake_messages() -> None:
    on_page("**Message 1** is `u8 1 || u32 key id || Noise message 1`")
    on_page("| 36 | three halves: own, bound, ended; each `u64 incarnation || u32 number`".replace("||", "\\|\\|"))
    identity, peer = Identity.generate(), Identity.generate()
    mine, theirs = os.urandom(32), os.urandom(32)
    statement = statements.sign_statement(
        statements.Statement("r", identity.key, 5, public_key(mine), 1, bytes(32)), identity.sign
    )
    me = handshake.Me(identity.id, identity.key, 5, mine, statement)
    remote = handshake.Remote(peer.id, peer.key, 9, public_key(theirs))
    halves = Halves(Half(5, 1), Half(9, 2), Half(9, 1))
    packet = handshake.Handshakes("r", me, remote, {"direct": True}, os.urandom).begin(halves, b"frames", ())
    assert packet[0] == 1
    payload = Responder(static=theirs, prologue=handshake.prologue("r", peer.key, 9)).read_first(packet[5:])
    numbers = b"".join(n.to_bytes(8, "big") + m.to_bytes(4, "big") for n, m in halves)
    assert len(numbers) == 36
    settings = b"\x81\xa6direct\xc3"
    assert payload == prefixed(statement) + numbers + prefixed(settings) + b"frames"
    on_page("a MessagePack map, at most 4,096 bytes")
    assert handshake.MAX_SETTINGS == 4_096
    on_page("frames, at most 48 KiB unacknowledged")
    assert handshake.FIRST_FRAMES == 48 * 1_024
    on_page("The last 4 message 1s are remembered")
    assert handshake.KEPT_PENDING == 4
    on_page("follows after 1 s, doubling to 30 s")
    assert (handshake.Schedule.FIRST_WAIT, handshake.Schedule.LONGEST_WAIT) == (1.0, 30.0)


def test_payloads() -> None:
    on_page("`u16 channel || u48 limit || u48 handled`".replace("||", "\\|\\|"))
    entry = (3).to_bytes(2, "big") + (2**40).to_bytes(6, "big") + (2**33).to_bytes(6, "big")
    ack = (2**34).to_bytes(6, "big") + (7).to_bytes(6, "big") + entry
    assert payloads.encode_ack(2**34, 7, [(3, 2**40, 2**33)]) == ack
    on_page("**PING**: `u32 number || u32 suspect`")
    assert payloads.encode_ping(1, 2) == (1).to_bytes(4, "big") + (2).to_bytes(4, "big")
    assert payloads.encode_pong(1, ack) == (1).to_bytes(4, "big") + ack
    on_page("**BYE**: `u48 last reliable seq || u48 last bulk seq`")
    assert payloads.encode_bye(1, 2**40) == (1).to_bytes(6, "big") + (2**40).to_bytes(6, "big")
    on_page("a MessagePack array `[label, kind, lane, settings]`. `label` and `kind` are texts of at most 256 bytes")
    opening = payloads.encode_open(payloads.Opening("x", "", Lane.DATAGRAM, {}))
    assert opening == b"\x94\xa1x\xa0\x02\x80"
    assert payloads.MAX_LABEL == 256
    on_page("a MessagePack array `[kind, attempt, payload]`")
    assert payloads.encode_signal("offer", 1, {}) == b"\x93\xa5offer\x01\x80"
    on_page("at most 16,380 bytes")
    assert payloads.encode_datagram(1, b"x") == b"\0\0\0\1x"
    assert payloads.MAX_DATAGRAM == 16_380


def backoff(*names: str) -> tuple[float, ...]:
    """The defaults of reconnecting, by the names of their parameters."""
    parameters = inspect.signature(Backoff).parameters
    return tuple(parameters[name].default for name in names)


def test_numbers_in_the_rules() -> None:
    rules = Rules()
    kib = 1024
    for text, said, value in (
        ("At most 8,192 frames of a lane", 8_192, rules.frame_window),
        ("It is 64 KiB at first", 64 * kib, rules.first_credit),
        ("a window of 1,152 KiB (`reliable`)", 1_152 * kib, rules.reliable_credit),
        ("or 17,408 KiB (`bulk`)", 17_408 * kib, rules.bulk_credit),
        ("charges its payload + 64", 64, rules.frame_charge),
        ("this implementation leaves 4 MiB of `bulk`", 4 * kib**2, rules.bulk_window),
        ("1 MiB of `reliable` and 16 MiB of `bulk` (headers included)", 16 * kib**2, rules.bulk_window_most),
        ("1 MiB on `reliable` and 16 MiB on `bulk`", 16 * kib**2, rules.bulk_message),
        ("At most 64 channels are open", 64, rules.channels),
        ("every 5 s otherwise", 5, rules.ping_idle),
        ("more than 64 pings at once", 64, rules.pongs_most),
        ("for max(3 s, 8 × smoothed round trip), doubling up to 30 s", (3, 8, 30), timeouts(rules)),
        ("rests for 100 ms, doubling to 2 s", (0.1, 2), (rules.busy_wait, rules.busy_wait_most)),
        ("256 KiB at first, 32 KiB at least", 32 * kib, rules.relay_unacked_least),
        ("silence of max(350 ms, L)", 0.35, rules.silence),
        ("no proof for max(700 ms, L')", 0.7, rules.no_proof),
        ("longest silence of the last 120 s that ended well, at most 1 s", 1, rules.silence_most),
        ("5 × the shortest round trip of the path is more than 1 s", (5, 1), (rules.far_rtts, rules.silence_most)),
        ("more than 64 KiB that went by the path", 64 * kib, rules.full),
        ("at least 5 × that round trip", 5, rules.far_rtts),
        ("first 4 × shortest round trip", 4, rules.new_rtts),
        ("4 × the smoothed round trip (0.1 s if unknown)", (4, 0.1), (rules.unlearned_rtts, rules.unknown_rtt)),
        ("more than 50 ms late", 0.05, rules.late),
        ("proof for max(100 ms, 2 × smoothed round trip)", 0.1, rules.ping_unproved),
        ("`bulk` waits for 2 s", 2, rules.bulk_pause),
        ("pinged every 200 ms. After 3 pongs", (0.2, 3), (rules.ping_suspect, rules.pongs_back)),
        ("within 60 s on not before 2 s", (60, 2), (rules.hold_back_within, rules.hold_back)),
        ("clamp(50 ms × rate, 16 KiB, 256 KiB)", 256 * kib, rules.queue_most),
        ("on the relay max(64 KiB, that)", 64 * kib, rules.relay_queue_least),
        ("more than 64 MiB above it", 64 * kib**2, rules.credit_most),
        ("An attempt has 15 s", 15, attempt.DEADLINE),
        ("lasted 10 s and ends", 10, retry.STEADY),
    ):
        on_page(text)
        assert said == value, text


def timeouts(rules: Rules) -> tuple[float, float, float]:
    """When a lane without acknowledgement is sent again."""
    return rules.timeout_least, rules.timeout_rtts, rules.timeout_most


def test_other_numbers() -> None:
    for text, value in (
        ("at most 64 deep", values.MAX_DEPTH == 64),
        ("at least 65,536 of them", binding.MAX_ENDED == 65_536),
        ("held for up to 2 s, at most 64 of them", presence.MAX_HELD == 64),
        ("held for up to 2 s", presence.STRANGER_SECONDS == 2.0),
        ("the loss after up to 0.25 s", backoff("first") == (0.25,)),
        ("to 1 s while nobody is there", backoff("soon") == (1.0,)),
        ("to 2.5 s once that has lasted for 10 s, and to 5 s", backoff("late", "patience", "most") == (2.5, 10.0, 5.0)),
        ("a proxy says 502 or 503", sorted(dialling.NO_SERVER) == [502, 503]),
        ("that has lasted 5 s makes the next wait a first one", connection.STEADY == 5.0),
        ("after 1 to 4 s, doubling to 60 s", (retry.RETRY, retry.RETRY_MOST) == ((1.0, 4.0), 60.0)),
        ("replaced after 0.05 to 0.25 s", retry.AGAIN == (0.05, 0.25)),
        ("silent for 2 to 3 s", retry.DOUBT == (2.0, 3.0)),
        ("For 300 s after a path that lasted 10 s became suspect or ended", retry.MENDING == 300.0),
        ("another after 0.5 to 2 s", retry.MENDED == (0.5, 2.0)),
        ("one that is connecting has 1 s left", attempt.GRACE == 1.0),
        ("found so far, after 1 s and after twice as long each", attempt.SAY_AGAIN == 1.0),
        ("bring about 4 attempts at once", retry.Allowance.BURST == 4),
        ("At most 64 wait for the one before them", namespace._WAITERS == 64),
        ("of at most 8,192 characters, signed by HS256, RS256 or EdDSA", tokens.MAX_TOKEN == 8_192),
        ("the user: 1 to 128 bytes of UTF-8 that can be printed", tokens.MAX_USER == 128),
        ("the server allows 30 s for clocks that differ", tokens.LEEWAY == 30.0),
        ("the rooms that it is for, 64 names at most", tokens.MAX_PATTERNS == 64),
        (
            "at most 2,048 bytes of JSON, nested 8 deep",
            (tokens.MAX_ATTRIBUTES, tokens.MAX_ATTRIBUTE_DEPTH) == (2_048, 8),
        ),
        ("between a half and three quarters of what is left of its token", renewal.RENEWED_AFTER == (0.5, 0.75)),
        ("after 1 s, doubling to 30 s.\n\n### `signal`", renewal.AGAIN == (1.0, 30.0)),
        ("at most 16 in one answer", queue.POLL_PACKETS == 16),
        ("at least 65,536 or 0", path.MAX_PATH_PACKET == 65_536),
        ("the last 1,024", handshake.KEPT_ANSWERED == 1_024),
        ("type 20 and above", frames.FIRST_SKIPPED == 20),
    ):
        on_page(text)
        assert value, text
