"""What docs/protocol.md says in tables is what the code does.

Each comparison takes the rows of a table, so that `test_a_changed_table_is_noticed` can hand it wrong ones.
"""

import copy
import re
import types
import typing
from collections.abc import Callable, Iterable
from typing import Any, get_args

import msgspec
import pytest

from peers.codec import frames
from peers.codec.frames import Frame, FrameError, FrameType, Lane, decode_packet, encode_frame
from peers.negotiation import attempt, retry, signals
from peers.session import handshake, seal
from peers.session.rules import Rules
from signalling import tokens
from signalling.access import GRANTS
from signalling.config import Config
from signalling.protocol import errors, events, limits, statements
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
