"""What docs/protocol.md says in tables is what the code does.

Each comparison takes the rows of a table, so that `test_a_changed_table_is_noticed` can hand it wrong ones.
"""

import base64
import copy
import hashlib
import inspect
import os
import re
import types
import typing
from collections.abc import Callable, Iterable
from typing import Any, get_args

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from peers import connection, dialling, presence
from peers import tokens as renewal
from peers.backoff import Backoff
from peers.codec import frames, payloads, values
from peers.codec.frames import Frame, FrameError, FrameType, Lane, decode_packet, encode_frame
from peers.identity import Identity
from peers.negotiation import attempt, retry, signals
from peers.noise import Responder, TransportKeys, public_key
from peers.paths import path
from peers.session import binding, handshake, link_core, seal
from peers.session.binding import Half, Halves
from peers.session.rules import Rules
from signalling import namespace, tokens
from signalling.access import GRANTS
from signalling.config import Config
from signalling.engine import queue
from signalling.protocol import errors, events, ids, limits, statements
from tests.docs.markdown import ROOT, Row, plain, quantity, table

PAGE = "docs/protocol.md"


# ---- frames


def compare_header(rows: list[Row]) -> None:
    """The header's fields tile its 12 bytes, and an encoded frame has them there."""
    frame = Frame(FrameType.TEXT, Lane.BULK, True, 0x1234, 0x56789ABCDEF0, b"x" * 0x21)
    packet = encode_frame(frame)
    expected = {"type": 2, "lane and flags": 0x11, "channel": 0x1234, "seq": 0x56789ABCDEF0, "length": 0x21}
    assert [row["field"] for row in rows] == list(expected)
    at = 0
    for row in rows:
        size = int(row["bytes"])
        assert int(row["offset"]) == at, row
        assert int.from_bytes(packet[at : at + size], "big") == expected[row["field"]], row
        at += size
    assert at == frames.HEADER_SIZE


def compare_lanes(rows: list[Row]) -> None:
    """Every lane and its number."""
    assert {plain(row["lane"]): int(row["number"]) for row in rows} == {lane.name.lower(): lane for lane in Lane}


def compare_flags(rows: list[Row]) -> None:
    """There is one flag."""
    assert {plain(row["flag"]): int(row["value"]) for row in rows} == {"MORE": frames.MORE}


def compare_types(rows: list[Row]) -> None:
    """Every type, and by trial which lanes, flags and numbers a receiver takes of it."""
    assert {plain(row["type"]): int(row["number"]) for row in rows} == {kind.name: kind for kind in FrameType}
    for row in rows:
        kind = FrameType[plain(row["type"])]
        lanes = list(Lane) if row["lanes"] == "all" else [Lane[plain(n).upper()] for n in row["lanes"].split(", ")]
        sometimes = "on `reliable` and `bulk`"
        assert row["sequenced"] in ("yes", "no", sometimes)
        assert row["flags"] in ("none", "`MORE`")
        for lane in Lane:
            for more in (False, True):
                for seq in (0, 7):
                    sequenced = (
                        lane is not Lane.DATAGRAM if row["sequenced"] == sometimes else row["sequenced"] == "yes"
                    )
                    may_be_more = row["flags"] != "none" and lane is not Lane.DATAGRAM
                    good = lane in lanes and (may_be_more or not more) and sequenced is bool(seq)
                    assert takes(Frame(kind, lane, more, 1, seq)) is good, (kind, lane, more, seq)


def takes(frame: Frame) -> bool:
    """Whether a receiver finds no fault with the shape of a frame."""
    try:
        return decode_packet(encode_frame(frame)) == [frame]
    except FrameError:
        return False


def compare_packet_kinds(rows: list[Row]) -> None:
    """The first byte of a packet on the relay."""
    assert {row["kind"]: int(row["number"]) for row in rows} == {
        "message 1": handshake.FIRST,
        "message 2": handshake.SECOND,
        "sealed": seal.SEALED,
        "hint": handshake.HINT,
    }


# ---- constants and limits


def compare_rules(rows: list[Row]) -> None:
    """Every constant of the session."""
    said = {plain(row["name"]): quantity(row["value"]) for row in rows}
    assert said == {name: float(value) for name, value in msgspec.structs.asdict(Rules()).items()}
    assert {row["whose"] for row in rows} == {"both", "own"}


def compare_attempts(rows: list[Row]) -> None:
    """Constants of attempts, wherever in the negotiation they are."""
    for row in rows:
        name = plain(row["name"])
        (value,) = {getattr(module, name) for module in (attempt, retry, signals) if hasattr(module, name)}
        assert quantity(row["value"]) == value, name
    assert len(rows) == 11


def compare_limits(rows: list[Row]) -> None:
    """Every limit of the wire."""
    said = {plain(row["name"]): quantity(row["value"]) for row in rows}
    assert said == {name: float(value) for name, value in vars(limits).items() if name.isupper()}


def compare_options(rows: list[Row]) -> None:
    """Options of the server that clients notice; the reference has all of them."""
    for row in rows:
        assert quantity(row["default"]) == getattr(Config(), plain(row["option"])), row
    assert len(rows) == 22


# ---- events


def spelled(kind: Any) -> str:
    """A type as the tables spell it."""
    origin, args = typing.get_origin(kind), get_args(kind)
    if origin in (types.UnionType, typing.Union):
        rest = [arg for arg in args if arg is not type(None)]
        return spelled(rest[0]) if len(rest) == 1 else "changes"
    if origin is list:
        return f"list of {spelled(args[0])}"
    if origin is typing.Literal:
        return " or ".join(", ".join(f"`{arg}`" for arg in part) for part in (args[:-1], args[-1:]))
    if origin is dict:
        return "map"
    if kind is Any:
        return "JSON or bytes"
    names = {str: "string", int: "integer", float: "number", bool: "boolean", bytes: "bytes"}
    return names.get(kind) or str(kind.__name__)


def compare_struct(rows: list[Row], struct: type[msgspec.Struct]) -> None:
    """Every field by its name on the wire, its type, and whether it must be there."""
    said = [(plain(row["field"]), row["type"], row["required"]) for row in rows]
    data = {Any: "JSON"} if struct in (events.Post, events.PostFrom) else {}  # what is posted has no bytes in it
    assert said == [
        (field.encode_name, data.get(field.type) or spelled(field.type), "yes" if field.required else "no")
        for field in msgspec.structs.fields(struct)
    ]


STRUCTS: dict[str, type[msgspec.Struct]] = {
    "### `join`": events.Join,
    "### `join` without a key": events.JoinAsGuest,
    "The reply, `Joined`": events.Joined,
    "`Member`:": events.Member,
    "`IceServer`": events.IceServer,
    "`Limits`, in": events.Limits,
    "### `leave`": events.Leave,
    "### `profile`": events.Profile,
    "### `auth`": events.Auth,
    "The reply, `Authorized`": events.Authorized,
    "### `signal`": events.Signal,
    "### `relay`": events.Relay,
    "### `post`": events.Post,
    "The reply, `Posted`": events.Posted,
    "### `watch`": events.Watch,
    "The reply, `Watching`": events.Watching,
    "### `unwatch`": events.Unwatch,
    "### `report`": events.Report,
    "### `post` to a watcher": events.PostFrom,
    "### `missed`": events.Missed,
    "## Feeds": events.Watchers,
    "`WatcherInfo`:": events.WatcherInfo,
    "### `roster`": events.Roster,
    "`peer-joined`:": events.PeerJoined,
    "`peer-left`:": events.PeerLeft,
    "`peer-updated`:": events.PeerUpdated,
    "`peer-away`:": events.PeerAway,
    "`peer-back`:": events.PeerBack,
    "### `signal` from a peer": events.SignalFrom,
    "### `relay` from a peer": events.RelayFrom,
    "### `relayed`": events.Relayed,
    "### `refused`": events.Refused,
    "### `replaced`": events.Replaced,
    "### `room-closed`": events.RoomClosed,
    "### `shutdown`": events.Shutdown,
}


def comparing(struct: type[msgspec.Struct]) -> Callable[[list[Row]], None]:
    """The comparison with one struct."""
    return lambda rows: compare_struct(rows, struct)


def compare_claims(rows: list[Row]) -> None:
    """Every claim that is looked at, and whether it must be there; the grants by their names."""
    several = "string or list of string"  # `aud`
    said = [(plain(row["claim"]), row["type"].replace(several, "changes"), row["required"]) for row in rows]
    fields = msgspec.structs.fields(tokens._Claims)
    assert {*said} == {(field.name, spelled(field.type), "yes" if field.required else "no") for field in fields}
    assert len(said) == len(fields)
    (grants,) = (row["meaning"] for row in rows if plain(row["claim"]) == "grants")
    assert set(re.findall(r"`(\w+)`", grants)) == GRANTS


def compare_codes(rows: list[Row]) -> None:
    """Every code; those called reserved are nowhere in the server."""
    assert [plain(row["code"]) for row in rows] == list(get_args(errors.Code))
    sources = "".join(path.read_text() for path in (ROOT / "signalling").rglob("*.py") if path.name != "errors.py")
    for row in rows:
        assert (f'"{plain(row["code"])}"' in sources) is ("not sent yet" not in row["meaning"]), row


# ---- identity, handshake, signals


def compare_statement(rows: list[Row]) -> None:
    """The fields of a statement, in order and size."""
    assert [plain(row["field"]) for row in rows] == [f.name for f in msgspec.structs.fields(statements.Statement)]
    statement = statements.Statement("r", b"k" * 32, 1, b"s" * 32, 2, b"h" * 32)
    compare_sizes(rows, statements.sign_statement(statement, lambda _: bytes(64)))


def compare_proof(rows: list[Row]) -> None:
    """The fields of a proof, in order and size."""
    assert [plain(row["field"]) for row in rows] == [f.name for f in msgspec.structs.fields(statements.Proof)]
    compare_sizes(rows, statements.sign_proof(statements.Proof("o", "s", "r", 1, 2), lambda _: bytes(64)))


def compare_sizes(rows: list[Row], signed: bytes) -> None:
    """The u16-prefixed fields, then 64 bytes of signature."""
    at = 0
    for row in rows:
        size = int.from_bytes(signed[at : at + 2], "big")
        assert size == 1 if row["bytes"] in ("any", "1 to 128") else size == int(row["bytes"]), row
        at += 2 + size
    assert at + 64 == len(signed)


def compare_signals(rows: list[Row]) -> None:
    """Every kind that the server passes on."""
    assert [plain(row["kind"]) for row in rows] == list(get_args(events.SignalKind))


def compare_channels(rows: list[Row]) -> None:
    """A data channel for each lane, by its number."""
    assert [(int(row["id"]), plain(row["label"])) for row in rows] == [(lane, lane.name.lower()) for lane in Lane]
    assert [(row["ordered"], row["maxRetransmits"]) for row in rows] == [("yes", "none"), ("yes", "none"), ("no", "0")]


def compare_vectors(rows: list[Row]) -> None:
    """Every file of vectors."""
    files = {path.name for path in (ROOT / "tests/vectors").glob("*.json")}
    assert sorted(plain(row["file"]) for row in rows) == sorted(files)


COMPARISONS: dict[str, Callable[[list[Row]], None]] = {
    "**Header**": compare_header,
    "**Lanes**": compare_lanes,
    "**Flags**": compare_flags,
    "**Types**": compare_types,
    "**Packet kinds**": compare_packet_kinds,
    "## Constants": compare_rules,
    "Constants of attempts": compare_attempts,
    "## Limits of the wire": compare_limits,
    "What an operator may set": compare_options,
    "## Error codes": compare_codes,
    "### Tokens": compare_claims,
    "**Statement**": compare_statement,
    "**Proof**": compare_proof,
    "## Signals (K5)": compare_signals,
    "## The direct path": compare_channels,
    "**Vectors**": compare_vectors,
    **{after: comparing(struct) for after, struct in STRUCTS.items()},
}


@pytest.mark.parametrize("after", COMPARISONS)
def test_a_table_agrees_with_the_code(after: str) -> None:
    COMPARISONS[after](table(PAGE, after))


PROSE = {
    "meaning",
    "what",
    "delivery",
    "payload",
    "carries",
    "what a client does",
    "what a client notices",
    "from",
    "rule",
    "what it holds",
    "what to check",
}
"""Columns for people, which nothing is compared with."""


def changed(cell: str) -> str:
    """Another cell than this one, of the same kind where that can be."""
    swapped = {"yes": "no", "no": "yes", "all": "`reliable`", "none": "`MORE`", "`MORE`": "none", "both": "theirs"}
    if cell in swapped:
        return swapped[cell]
    number = re.search(r"\d(?!.*\d)", cell)
    if number is None:
        return cell + "x"
    return cell[: number.start()] + str((int(number[0]) + 1) % 10) + cell[number.end() :]


def wrong_tables(rows: list[Row]) -> Iterable[tuple[str, list[Row]]]:
    """A table with one thing wrong: a row missing, or one cell changed."""
    for index, row in enumerate(rows):
        yield f"without row {index + 1}", rows[:index] + rows[index + 1 :]
        for column in row.keys() - PROSE:
            wrong = copy.deepcopy(rows)
            wrong[index][column] = changed(row[column])
            yield f"{column} of row {index + 1}: {wrong[index][column]}", wrong


def agrees(compare: Callable[[list[Row]], None], rows: list[Row]) -> bool:
    """Whether a comparison finds no fault."""
    try:
        compare(rows)
    except (AssertionError, AttributeError, KeyError, ValueError):
        return False
    return True


@pytest.mark.parametrize("after", COMPARISONS)
def test_a_changed_table_is_noticed(after: str) -> None:
    for what, wrong in wrong_tables(table(PAGE, after)):
        assert not agrees(COMPARISONS[after], wrong), f"not noticed: {what}"


# ---- formulas: each stands on the page as it is spelled here, and is done here by hand


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
