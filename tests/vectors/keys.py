"""The vectors of statements, Noise handshakes, halves and packets."""

import hashlib
import itertools
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from peers.codec.frames import Frame, FrameType, Lane, encode_packet
from peers.codec.payloads import encode_signal
from peers.noise import Initiator, NoiseError, Responder, public_key
from peers.session.binding import NO_HALF, Binding, Half, Halves
from peers.session.handshake import Handshakes, Me, Remote, encode_hint, prologue
from peers.session.seal import Key
from signalling.protocol.ids import peer_id
from signalling.protocol.statements import Proof, Statement, sign_proof, sign_statement
from tests.vectors.published import IK_25519_CHACHAPOLY_SHA256
from tests.vectors.tagged import to_json

ROOM = "R\u00e4ume/1"


def fixed(name: str) -> bytes:
    """32 bytes that stand for random ones."""
    return hashlib.sha256(f"eitherway vectors: {name}".encode()).digest()


class Person:
    """A peer with fixed keys."""

    def __init__(self, name: str, incarnation: int) -> None:
        self.seed, self.static = fixed(f"{name} Ed25519"), fixed(f"{name} X25519")
        self.private = Ed25519PrivateKey.from_private_bytes(self.seed)
        self.key = self.private.public_key().public_bytes_raw()
        self.id, self.incarnation = peer_id(self.key), incarnation
        self.stated = Statement(
            ROOM, self.key, incarnation, public_key(self.static), 3, hashlib.sha256(b'{"name":"Ada"}').digest()
        )
        self.statement = sign_statement(self.stated, self.private.sign)

    def shown(self) -> dict[str, Any]:
        return {
            "seed": self.seed.hex(),
            "key": self.key.hex(),
            "id": self.id,
            "incarnation": self.incarnation,
            "static_private": self.static.hex(),
            "static": public_key(self.static).hex(),
            "statement": self.statement.hex(),
        }


ADA, BOB = Person("ada", 1_700_000_000_000), Person("bob", 2**53 - 1)


def statements() -> dict[str, Any]:
    """statements.json"""
    proof = Proof("https://example.org:8443", "s\u00efd-1", ROOM, ADA.incarnation, 2)
    signed, proved = ADA.statement, sign_proof(proof, ADA.private.sign)
    bad = {
        "signed by another key": sign_statement(ADA.stated, BOB.private.sign),
        "a bit of the signature": signed[:-1] + bytes([signed[-1] ^ 1]),
        "a bit of the room": signed[:2] + bytes([signed[2] ^ 1]) + signed[3:],
        "cut short": signed[:-1],
        "a byte more": signed + b"\0",
        "signed as a proof": signed[:-64] + ADA.private.sign(b"eitherway/1 proof\0" + signed[:-64]),
        "a key of 31 bytes": _stated(key=ADA.key[:31]),
        "an incarnation beyond 2^53": _stated(incarnation=2**53),
        "a room with a control character": _stated(room="a\nb"),
        "a room without a name": _stated(room=""),
        "nothing": b"",
    }
    return {
        "people": [ADA.shown(), BOB.shown()],
        "statements": [
            {
                "seed": person.seed.hex(),
                "room": person.stated.room,
                "key": person.key.hex(),
                "incarnation": person.stated.incarnation,
                "static": person.stated.static.hex(),
                "profile": '{"name":"Ada"}',
                "profile_version": person.stated.profile_version,
                "profile_hash": person.stated.profile_hash.hex(),
                "signed": person.statement.hex(),
            }
            for person in (ADA, BOB)
        ],
        "proofs": [
            {"seed": ADA.seed.hex(), "key": ADA.key.hex(), **msgspec.to_builtins(proof), "signed": proved.hex()},
        ],
        "not_statements": [{"about": about, "signed": data.hex()} for about, data in bad.items()],
        "not_proofs": [
            {"about": "a statement", "key": ADA.key.hex(), "signed": signed.hex()},
            {"about": "another's key", "key": BOB.key.hex(), "signed": proved.hex()},
            {"about": "a bit of the origin", "key": ADA.key.hex(), "signed": (proved[:2] + b"H" + proved[3:]).hex()},
        ],
    }


def _stated(**changes: Any) -> bytes:
    return sign_statement(msgspec.structs.replace(ADA.stated, **changes), ADA.private.sign)


def noise() -> dict[str, Any]:
    """noise.json"""
    return {
        "published": IK_25519_CHACHAPOLY_SHA256,
        "ours": [_handshake(size) for size in (0, 1, 1_000)],
        "small_order": [_small_order(point) for point in SMALL_ORDER],
    }


# Whatever the private key, X25519 with these gives all zeros (RFC 7748, section 6.1).
SMALL_ORDER = (
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
)


def _handshake(size: int) -> dict[str, Any]:
    start = prologue(ROOM, BOB.key, BOB.incarnation)
    mine, yours = fixed(f"initiator {size}"), fixed(f"responder {size}")
    payloads = bytes(n % 251 for n in range(size)), bytes(n % 241 for n in range(size // 2))
    initiator = Initiator(static=ADA.static, remote_static=public_key(BOB.static), ephemeral=mine, prologue=start)
    responder = Responder(static=BOB.static, prologue=start)
    first = initiator.write_first(payloads[0])
    assert responder.read_first(first) == payloads[0]
    second = responder.write_second(payloads[1], yours)
    assert initiator.read_second(second) == payloads[1]
    keys = initiator.split()
    return {
        "prologue_of": {"room": ROOM, "key": BOB.key.hex(), "incarnation": BOB.incarnation},
        "prologue": start.hex(),
        "initiator_static": ADA.static.hex(),
        "initiator_ephemeral": mine.hex(),
        "responder_static": BOB.static.hex(),
        "responder_ephemeral": yours.hex(),
        "messages": [
            {"payload": payloads[0].hex(), "message": first.hex()},
            {"payload": payloads[1].hex(), "message": second.hex()},
        ],
        "initiator_sends_with": keys.send.hex(),
        "responder_sends_with": keys.receive.hex(),
        "hash": keys.hash.hex(),
    }


def _small_order(point: str) -> str:
    initiator = Initiator(static=ADA.static, remote_static=bytes.fromhex(point), ephemeral=BOB.static, prologue=b"")
    try:
        initiator.write_first(b"")
    except NoiseError:
        return point
    raise AssertionError("this point is not of small order")


def halves() -> dict[str, Any]:
    """halves.json"""
    own, ended = Half(5, 3), Half(9, 5)
    cases = []
    theirs = [Half(9, 4), ended, Half(9, 6), Half(9, 7), Half(9, 8), Half(10, 1)]
    to = [NO_HALF, Half(5, 2), own]
    over = [NO_HALF, Half(5, 2), own, Half(5, 4)]
    for bound, said_own, said_bound, said_ended in itertools.product((None, Half(9, 7)), theirs, to, over):
        binding = Binding(own, ended)
        binding.bound = bound
        said = Halves(said_own, said_bound, said_ended)
        cases.append(
            {
                "bound": bound,
                "said": said,
                "impossible": binding.is_impossible(said),
                "over": binding.is_over(said),
                "stale": binding.is_stale(said),
                "elsewhere": binding.is_elsewhere(said),
                "answers_another": binding.answers_another(said),
            }
        )
    return {"own": own, "ended": ended, "cases": cases}


def packets() -> dict[str, Any]:
    """packets.json"""
    drawn = {"key_id": fixed("key id")[:4], "initiator": fixed("e of message 1"), "responder": fixed("e of message 2")}
    ada = _side(ADA, BOB, {"direct": True}, [drawn["key_id"], drawn["initiator"]])
    bob = _side(BOB, ADA, {"direct": False, "later": [1]}, [drawn["responder"]])
    frames = encode_packet([Frame(FrameType.TEXT, Lane.RELIABLE, False, 0, 1, b"hello")])
    answer_frames = encode_packet([Frame(FrameType.TEXT, Lane.RELIABLE, False, 0, 1, b"welcome")])
    said = Halves(Half(ADA.incarnation, 3), NO_HALF, Half(BOB.incarnation, 1))
    answered = Halves(Half(BOB.incarnation, 2), said.own, NO_HALF)
    first = ada.begin(said, frames, ())
    hello, responder = bob.read_first(first)
    second, bob_keys = bob.answer(first, responder, answered, answer_frames)
    ada_keys = ada.read_second(second)[1]
    return {
        "room": ROOM,
        "initiator": ADA.shown(),
        "responder": BOB.shown(),
        "message_1": {
            "key_id": hello.key_id,
            "ephemeral": drawn["initiator"].hex(),
            "halves": said,
            "settings": to_json({"direct": True}),
            "frames": frames.hex(),
            "packet": first.hex(),
        },
        "message_2": {
            "ephemeral": drawn["responder"].hex(),
            "halves": answered,
            "settings": to_json({"direct": False, "later": [1]}),
            "frames": answer_frames.hex(),
            "packet": second.hex(),
        },
        "sealed": [
            *_sealed("initiator", Key(hello.key_id, ada_keys, 0.0)),
            *_sealed("responder", Key(hello.key_id, bob_keys, 0.0)),
        ],
        "signals": _signals(Key(hello.key_id, ada_keys, 0.0)),
        "hints": [{"key_id": number, "packet": encode_hint(number).hex()} for number in (0, hello.key_id, 2**32 - 1)],
    }


def _side(person: Person, peer: Person, settings: dict[str, Any], drawn: list[bytes]) -> Handshakes:
    def random(size: int) -> bytes:
        data = drawn.pop(0)
        assert len(data) == size
        return data

    me = Me(person.id, person.key, person.incarnation, person.static, person.statement)
    remote = Remote(peer.id, peer.key, peer.incarnation, public_key(peer.static))
    return Handshakes(ROOM, me, remote, settings, random)


def _sealed(sender: str, key: Key) -> list[dict[str, Any]]:
    shown = []
    for counter in (0, 1, 2, 1_024, 65_536, 2**24 - 1):
        key.sealed = counter
        frames = encode_packet([Frame(FrameType.BYTES, Lane.RELIABLE, False, 0, counter + 1, bytes(counter % 7))])
        packet = key.seal(frames)
        shown.append({"sender": sender, "counter": counter, "frames": frames.hex(), "packet": packet.hex()})
    return shown


def _signals(key: Key) -> list[dict[str, Any]]:
    shown = []
    signals: list[tuple[str, int, dict[str, Any]]] = [
        ("request", 0, {"seen": 0}),
        ("offer", 1, {"type": "offer", "sdp": "v=0\r\n"}),
        ("candidate", 1, {"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdpMid": "0", "sdpMLineIndex": 0}),
        ("candidate", 1, {"candidate": None}),
    ]
    for counter, (kind, attempt, body) in enumerate(signals):
        key.sealed = counter
        frame = Frame(FrameType.SIGNAL, Lane.RELIABLE, False, 0, 0, encode_signal(kind, attempt, body))
        shown.append(
            {
                "sender": "initiator",
                "counter": counter,
                "kind": kind,
                "attempt": attempt,
                "body": to_json(body),
                "frames": encode_packet([frame]).hex(),
                "packet": key.seal(encode_packet([frame])).hex(),
            }
        )
    return shown
