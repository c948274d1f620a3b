"""The vectors, read as another implementation would read them; and that they are what make.py writes."""

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from peers.codec import payloads, values
from peers.codec.frames import Frame, FrameError, FrameType, Lane, decode_packet, encode_packet
from peers.noise import Initiator, NoiseError, Responder, public_key
from peers.session.binding import Binding, Half, Halves
from peers.session.handshake import Handshakes, Me, Remote, encode_hint, key_id_of, prologue
from peers.session.seal import Key
from peers.session.sealed import read_signal
from signalling.protocol.ids import check_room_name, from_text, peer_id, to_text
from signalling.protocol.statements import (
    BadStatement,
    Proof,
    Statement,
    read_proof,
    read_statement,
    sign_proof,
    sign_statement,
)
from tests.vectors import make
from tests.vectors.tagged import from_json

HERE = Path(__file__).parent


def load(name: str) -> Any:
    return json.loads((HERE / name).read_text(encoding="ascii"))


def unhex(text: str) -> bytes:
    return bytes.fromhex(text)


def signer(seed: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(unhex(seed))


@pytest.mark.parametrize("name", make.FILES)
def test_the_files_are_what_the_library_writes(name: str) -> None:
    assert (HERE / name).read_text(encoding="ascii") == make.text(name)


def test_no_file_is_left_over() -> None:
    assert {path.name for path in HERE.glob("*.json")} == set(make.FILES)


# ---- ids.json


def test_ids() -> None:
    vectors = load("ids.json")
    for case in vectors["peer_ids"]:
        assert peer_id(unhex(case["key"])) == case["id"]
    for case in vectors["base64url"]:
        assert to_text(unhex(case["bytes"])) == case["text"]
        assert from_text(case["text"]) == unhex(case["bytes"])
    for name in vectors["room_names"]:
        assert check_room_name(name) == name
    refused: list[tuple[Callable[[str], Any], str]] = [
        *((from_text, text) for text in vectors["not_base64url"]),
        *((check_room_name, name) for name in vectors["not_room_names"]),
    ]
    for check, text in refused:
        with pytest.raises(ValueError, match=r"base64url|room"):
            check(text)


# ---- values.json


def same(one: Any, two: Any) -> bool:
    """Equal, and of the same kind; NaN is NaN."""
    if isinstance(one, float) and isinstance(two, float):
        return (math.isnan(one) and math.isnan(two)) or (one == two and math.copysign(1, one) == math.copysign(1, two))
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(same, one, two))
    return type(one) is type(two) and bool(one == two)


def test_values() -> None:
    vectors = load("values.json")
    for case in vectors["values"]:
        value = from_json(case["value"])
        assert values.encode(value).hex() == case["packed"]
        assert same(values.decode(unhex(case["packed"])), value)
    for case in vectors["other_spellings"]:
        assert same(values.decode(unhex(case["packed"])), from_json(case["value"])), case["about"]
    for case in vectors["not_values"]:
        with pytest.raises(ValueError, match=r"."):
            values.decode(unhex(case["packed"]))


# ---- frames.json


def frame(shown: dict[str, Any]) -> Frame:
    return Frame(
        FrameType(shown["type"]), Lane(shown["lane"]), shown["more"], shown["channel"], shown["seq"],
        unhex(shown["payload"]),
    )  # fmt: skip


def test_frames() -> None:
    vectors = load("frames.json")
    for case in vectors["packets"]:
        frames = [frame(shown) for shown in case["frames"]]
        assert encode_packet(frames).hex() == case["packet"]
        assert decode_packet(unhex(case["packet"])) == frames
    for case in vectors["skipped"]:
        assert decode_packet(unhex(case["packet"])) == [frame(shown) for shown in case["frames"]]
    for case in vectors["not_packets"]:
        with pytest.raises(FrameError):
            decode_packet(unhex(case["packet"]))


def test_payloads() -> None:
    cases = load("frames.json")["payloads"]
    assert {case["type"] for case in cases} == {"ack", "pong", "ping", "bye", "open", "signal", "datagram"}
    for case in cases:
        payload = unhex(case["payload"])
        match case:
            case {"type": "ack" | "pong" as kind, "reliable": reliable, "bulk": bulk, "credits": credits}:
                credits = [cast(payloads.Credit, tuple(credit)) for credit in credits]
                told = payloads.Acknowledgement(reliable, bulk, credits)
                encoded = payloads.encode_ack(reliable, bulk, credits)
                if kind == "ack":
                    assert (payloads.decode_ack(payload), encoded) == (told, payload)
                else:
                    assert payloads.decode_pong(payload) == (case["number"], told)
                    assert payloads.encode_pong(case["number"], encoded) == payload
            case {"type": "ping", "number": number, "suspect": suspect}:
                assert payloads.decode_ping(payload) == (number, suspect)
                assert payloads.encode_ping(number, suspect) == payload
            case {"type": "bye", "reliable": reliable, "bulk": bulk}:
                assert payloads.decode_bye(payload) == (reliable, bulk)
                assert payloads.encode_bye(reliable, bulk) == payload
            case {"type": "open", "label": label, "kind": kind, "lane": lane, "settings": settings}:
                opening = payloads.Opening(label, kind, Lane(lane), from_json(settings))
                assert payloads.decode_open(payload) == opening
                assert payloads.encode_open(opening) == payload
            case {"type": "signal", "kind": kind, "attempt": attempt, "body": body}:
                assert payloads.decode_signal(payload) == (kind, attempt, from_json(body))
                assert payloads.encode_signal(kind, attempt, from_json(body)) == payload
            case {"type": "datagram", "number": number, "data": data}:
                assert payloads.decode_datagram(payload) == (number, unhex(data))
                assert payloads.encode_datagram(number, unhex(data)) == payload


# ---- statements.json


def test_statements() -> None:
    vectors = load("statements.json")
    for person in vectors["people"]:
        key = signer(person["seed"]).public_key().public_bytes_raw()
        assert (key.hex(), peer_id(key)) == (person["key"], person["id"])
        assert public_key(unhex(person["static_private"])).hex() == person["static"]
    for case in vectors["statements"]:
        statement = Statement(
            case["room"],
            unhex(case["key"]),
            case["incarnation"],
            unhex(case["static"]),
            case["profile_version"],
            unhex(case["profile_hash"]),
        )
        assert hashlib.sha256(case["profile"].encode()).hexdigest() == case["profile_hash"]
        assert read_statement(unhex(case["signed"])) == statement
        assert sign_statement(statement, signer(case["seed"]).sign).hex() == case["signed"]
    for case in vectors["proofs"]:
        proof = Proof(*(case[name] for name in ("origin", "sid", "room", "incarnation", "connection")))
        assert read_proof(unhex(case["signed"]), unhex(case["key"])) == proof
        assert sign_proof(proof, signer(case["seed"]).sign).hex() == case["signed"]
    for case in vectors["not_statements"]:
        with pytest.raises(BadStatement):
            read_statement(unhex(case["signed"]))
    for case in vectors["not_proofs"]:
        with pytest.raises(BadStatement):
            read_proof(unhex(case["signed"]), unhex(case["key"]))


# ---- noise.json


@pytest.mark.parametrize("case", load("noise.json")["published"], ids=lambda case: case["source"])
def test_published_noise(case: dict[str, Any]) -> None:
    assert case["protocol_name"] == "Noise_IK_25519_ChaChaPoly_SHA256"
    initiator = Initiator(
        static=unhex(case["init_static"]),
        remote_static=unhex(case["init_remote_static"]),
        ephemeral=unhex(case["init_ephemeral"]),
        prologue=unhex(case["init_prologue"]),
    )
    responder = Responder(static=unhex(case["resp_static"]), prologue=unhex(case["resp_prologue"]))
    (one, first), (two, second), *rest = (
        (unhex(message["payload"]), unhex(message["ciphertext"])) for message in case["messages"]
    )
    assert initiator.write_first(one) == first
    assert responder.read_first(first) == one
    assert responder.write_second(two, unhex(case["resp_ephemeral"])) == second
    assert initiator.read_second(second) == two
    assert initiator.split().hash == responder.split().hash
    assert case.get("handshake_hash", initiator.split().hash.hex()) == initiator.split().hash.hex()
    # Noise's own transport messages have no associated data; the key, nonce and direction are those of our packets.
    assert rest
    mine, yours = initiator.split(), responder.split()
    for number, (payload, ciphertext) in enumerate(rest):
        nonce = bytes(4) + (number // 2).to_bytes(8, "little")
        sender, receiver = (mine.send, yours.receive) if number % 2 == 0 else (yours.send, mine.receive)
        assert ChaCha20Poly1305(sender).encrypt(nonce, payload, b"") == ciphertext
        assert ChaCha20Poly1305(receiver).decrypt(nonce, ciphertext, b"") == payload


def test_our_noise() -> None:
    vectors = load("noise.json")
    for case in vectors["ours"]:
        of = case["prologue_of"]
        start = prologue(of["room"], unhex(of["key"]), of["incarnation"])
        assert start.hex() == case["prologue"]
        initiator = Initiator(
            static=unhex(case["initiator_static"]),
            remote_static=public_key(unhex(case["responder_static"])),
            ephemeral=unhex(case["initiator_ephemeral"]),
            prologue=start,
        )
        responder = Responder(static=unhex(case["responder_static"]), prologue=start)
        one, two = case["messages"]
        assert initiator.write_first(unhex(one["payload"])).hex() == one["message"]
        assert responder.read_first(unhex(one["message"])).hex() == one["payload"]
        assert responder.remote_static == public_key(unhex(case["initiator_static"]))
        answer = responder.write_second(unhex(two["payload"]), unhex(case["responder_ephemeral"]))
        assert answer.hex() == two["message"]
        assert initiator.read_second(answer).hex() == two["payload"]
        keys = initiator.split()
        assert keys.send.hex() == case["initiator_sends_with"] == responder.split().receive.hex()
        assert keys.receive.hex() == case["responder_sends_with"] == responder.split().send.hex()
        assert keys.hash.hex() == case["hash"]
    for point in vectors["small_order"]:
        initiator = Initiator(static=bytes(32), remote_static=unhex(point), ephemeral=bytes(32), prologue=b"")
        with pytest.raises(NoiseError):
            initiator.write_first(b"")


# ---- halves.json


def test_halves() -> None:
    vectors = load("halves.json")
    seen = set()
    for case in vectors["cases"]:
        binding = Binding(Half(*vectors["own"]), Half(*vectors["ended"]))
        binding.bound = Half(*case["bound"]) if case["bound"] else None
        said = Halves(*(Half(*half) for half in case["said"]))
        verdict = {
            "impossible": binding.is_impossible(said),
            "over": binding.is_over(said),
            "stale": binding.is_stale(said),
            "elsewhere": binding.is_elsewhere(said),
            "answers_another": binding.answers_another(said),
        }
        assert verdict == {name: case[name] for name in verdict}
        seen |= set(verdict.items())
    assert len(seen) == 10, "each is sometimes so and sometimes not"


# ---- packets.json


def side(vectors: Any, me: str, peer: str, settings: Any, drawn: list[bytes]) -> Handshakes:
    mine, theirs = vectors[me], vectors[peer]
    return Handshakes(
        vectors["room"],
        Me(
            mine["id"], unhex(mine["key"]), mine["incarnation"], unhex(mine["static_private"]), unhex(mine["statement"])
        ),
        Remote(theirs["id"], unhex(theirs["key"]), theirs["incarnation"], unhex(theirs["static"])),
        from_json(settings),
        lambda size: drawn.pop(0),
    )


def said(halves: list[list[int]]) -> Halves:
    return Halves(*(Half(*half) for half in halves))


def test_packets() -> None:
    vectors = load("packets.json")
    one, two = vectors["message_1"], vectors["message_2"]
    drawn = [one["key_id"].to_bytes(4, "big"), unhex(one["ephemeral"])]
    initiator = side(vectors, "initiator", "responder", one["settings"], drawn)
    responder = side(vectors, "responder", "initiator", two["settings"], [unhex(two["ephemeral"])])
    first = initiator.begin(said(one["halves"]), unhex(one["frames"]), ())
    assert first.hex() == one["packet"]
    hello, read = responder.read_first(first)
    assert hello == (one["key_id"], said(one["halves"]), from_json(one["settings"]), unhex(one["frames"]))
    second, keys = responder.answer(first, read, said(two["halves"]), unhex(two["frames"]))
    assert second.hex() == two["packet"]
    answer, others = initiator.read_second(second)
    assert answer == (one["key_id"], said(two["halves"]), from_json(two["settings"]), unhex(two["frames"]))
    both = {"initiator": Key(one["key_id"], others, 0.0), "responder": Key(one["key_id"], keys, 0.0)}
    for case in vectors["sealed"]:
        sender, receiver = both[case["sender"]], both[other(case["sender"])]
        sender.sealed = case["counter"]
        assert sender.seal(unhex(case["frames"])).hex() == case["packet"]
        assert receiver.open(case["counter"], unhex(case["packet"])).hex() == case["frames"]
        assert decode_packet(unhex(case["frames"]))
    receiver = Key(one["key_id"], keys, 0.0)
    for case in vectors["signals"]:
        sender = both["initiator"]
        sender.sealed = case["counter"]
        signal = payloads.encode_signal(case["kind"], case["attempt"], from_json(case["body"]))
        frames = encode_packet([Frame(FrameType.SIGNAL, Lane.RELIABLE, False, 0, 0, signal)])
        assert frames.hex() == case["frames"]
        assert sender.seal(frames).hex() == case["packet"]
        opened = receiver.open(case["counter"], unhex(case["packet"]))
        assert read_signal(opened) == (case["kind"], case["attempt"], from_json(case["body"]))
    for case in vectors["hints"]:
        assert encode_hint(case["key_id"]).hex() == case["packet"]
        assert key_id_of(unhex(case["packet"])) == case["key_id"]


def other(sender: str) -> str:
    return "responder" if sender == "initiator" else "initiator"
