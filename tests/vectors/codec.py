"""The vectors of names, values and frames."""

import math
import struct
from typing import Any

from peers.codec import payloads, values
from peers.codec.frames import Frame, FrameType, Lane, decode_packet, encode_packet
from signalling.protocol.ids import check_room_name, from_text, peer_id, to_text
from tests.vectors.tagged import to_json


def ids() -> dict[str, Any]:
    """ids.json"""
    keys = [bytes(32), b"\xff" * 32, bytes(range(32)), bytes(range(100, 132))]
    texts = [b"", b"\0", b"\xff", b"\xfb\xef\xbe", b"any carnal pleas", bytes(range(64))]
    bad_texts = ["a", "aaaaa", "+/==", "-_==", "_x", "ab ", " ab", "ab\n", "\u00e4b"]
    names = ["a", "lobby", "R\u00e4ume/1", " ", "x" * 128, "\u00fc" * 64, "\U0001f642" * 32]
    bad_names = ["", "x" * 129, "\u00fc" * 65, "a\nb", "\0", "\x7f", "\x1f"]
    for text in bad_texts:
        _refused(lambda text=text: from_text(text))
    for name in bad_names:
        _refused(lambda name=name: check_room_name(name))
    return {
        "peer_ids": [{"key": key.hex(), "id": peer_id(key)} for key in keys],
        "base64url": [{"bytes": data.hex(), "text": to_text(data)} for data in texts],
        "not_base64url": bad_texts,
        "room_names": [check_room_name(name) for name in names],
        "not_room_names": bad_names,
    }


def packed_values() -> dict[str, Any]:
    """values.json"""
    good: list[Any] = [
        None, False, True,
        0, 1, 127, 128, 255, 256, 65_535, 65_536, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53 - 1,
        -1, -32, -33, -128, -129, -32_768, -32_769, -(2**31), -(2**31) - 1, -(2**53) + 1,
        0.5, -0.0, 1e300, 1.1, math.inf, -math.inf, math.nan,
        "", "a", "x" * 31, "x" * 32, "x" * 255, "x" * 256, "\u00e4\u20ac\U0001f642", "a\0b",
        b"", b"\0\xff", bytes(255), bytes(256),
        [], [1, "two", None], list(range(15)), list(range(16)), [[[]]],
        {}, {"a": 1}, {"": None, "b": [True], "c": {"d": b"x"}}, {f"k{n}": n for n in range(16)},
        _nested(values.MAX_DEPTH),
    ]  # fmt: skip
    others = {
        "an integer longer than it need be": (7, "cd0007"),
        "a negative one likewise": (-1, "d3ffffffffffffffff"),
        "a float of 32 bits": (0.5, "ca3f000000"),
        "a text longer than it need be": ("a", "db0000000161"),
        "bytes longer than they need be": (b"a", "c5000161"),
        "a list longer than it need be": ([1], "dd0000000101"),
        "a map longer than it need be": ({"a": 1}, "de0001a16101"),
    }
    bad = {
        "nothing": "",
        "a text cut short": "a261",
        "two values": "0101",
        "the unused byte": "c1",
        "an integer beyond 2^53": "cf0020000000000000",
        "a negative one": "d3ffe0000000000000",
        "an integer within a list": "91cf0020000000000000",
        "a key that is an integer": "810101",
        "a key that is bytes": "81c4016101",
        "a key that is null": "81c001",
        "an extension": "d40100",
        "a timestamp": "d6ff00000000",
        "text that is no UTF-8": "a1ff",
        "a list cut short": "9201",
        "too deep": (b"\x91" * values.MAX_DEPTH + b"\x90").hex(),
        "much too deep": (b"\x91" * 2_000 + b"\x90").hex(),
    }
    for packed in bad.values():
        _refused(lambda packed=packed: values.decode(bytes.fromhex(packed)))
    return {
        "values": [{"value": to_json(value), "packed": values.encode(value).hex()} for value in good],
        "other_spellings": [
            {"about": about, "value": to_json(value), "packed": packed} for about, (value, packed) in others.items()
        ],
        "not_values": [{"about": about, "packed": packed} for about, packed in bad.items()],
    }


def frames() -> dict[str, Any]:
    """frames.json"""
    t, lane = FrameType, Lane
    packets = [
        [],
        [Frame(t.BYTES, lane.RELIABLE, False, 0, 1, b"")],
        [Frame(t.TEXT, lane.RELIABLE, False, 0, 2, "gr\u00fc\u00df".encode())],
        [Frame(t.VALUE, lane.RELIABLE, False, 7, 2**48 - 1, values.encode({"x": 1}))],
        [
            Frame(t.BYTES, lane.BULK, True, 65_535, 2**32, b"chunk"),
            Frame(t.BYTES, lane.BULK, False, 65_535, 2**32 + 1, b"end"),
        ],
        [Frame(t.OPEN, lane.BULK, False, 3, 9, payloads.encode_open(payloads.Opening("files", "", lane.BULK, {})))],
        [Frame(t.CLOSE, lane.RELIABLE, False, 3, 10)],
        [Frame(t.BYE, lane.RELIABLE, False, 0, 11, payloads.encode_bye(10, 2**40))],
        [Frame(t.TEXT, lane.DATAGRAM, False, 4, 0, payloads.encode_datagram(2**32 - 1, b"pose"))],
        [
            Frame(t.ACK, lane.DATAGRAM, False, 0, 0, payloads.encode_ack(5, 2**40, [(7, 2**47, 2**46)])),
            Frame(t.PING, lane.DATAGRAM, False, 0, 0, payloads.encode_ping(1, 0)),
            Frame(t.PONG, lane.DATAGRAM, False, 0, 0, payloads.encode_pong(1, payloads.encode_ack(1, 1, []))),
        ],
        [Frame(t.SIGNAL, lane.RELIABLE, False, 0, 0, payloads.encode_signal("request", 0, {"seen": 3}))],
    ]  # fmt: skip
    ping = encode_packet([Frame(t.PING, lane.DATAGRAM, False, 0, 0, payloads.encode_ping(1))])
    skipped = _frame(20, 0x00, 0, 0, b"from a later version")
    bad = {
        "a header cut short": ping[:11],
        "a payload cut short": ping[:-1],
        "a second frame cut short": ping + ping[:5],
        "no such type": _frame(0, 0x00, 0, 1, b""),
        "a type that nobody knows, with a number": _frame(20, 0x00, 0, 1, b""),
        "no such lane": _frame(1, 0x30, 0, 1, b""),
        "no such flag": _frame(1, 0x02, 0, 1, b""),
        "an unknown sequenced type": _frame(7, 0x00, 0, 1, b""),
        "more of an open": _frame(4, 0x01, 0, 1, b""),
        "a bye on the bulk lane": _frame(6, 0x10, 0, 1, b""),
        "a message without a number": _frame(1, 0x00, 0, 0, b""),
        "a datagram with a number": _frame(1, 0x20, 0, 1, bytes(4)),
        "a datagram in pieces": _frame(1, 0x21, 0, 0, bytes(4)),
        "an acknowledgement with a number": _frame(16, 0x00, 0, 1, bytes(12)),
        "a payload that is too long": _frame(1, 0x00, 0, 1, bytes(16_385)),
    }
    for packet in bad.values():
        _refused(lambda packet=packet: decode_packet(packet))
    return {
        "packets": [
            {"packet": encode_packet(each).hex(), "frames": [_shown(frame) for frame in each]} for each in packets
        ],
        "skipped": [
            {"packet": (skipped + ping).hex(), "frames": [_shown(frame) for frame in decode_packet(skipped + ping)]}
        ],
        "not_packets": [{"about": about, "packet": packet.hex()} for about, packet in bad.items()],
        "payloads": _payloads(),
    }


def _payloads() -> list[dict[str, Any]]:
    """What the payloads of frames that carry no message say."""
    ack = payloads.encode_ack(5, 2**40, [(0, 70_000, 64), (7, 2**47, 2**46)])
    told = {"reliable": 5, "bulk": 2**40, "credits": [[0, 70_000, 64], [7, 2**47, 2**46]]}
    opening = payloads.Opening("pose", "", Lane.DATAGRAM, {"latest": True})
    return [
        {"type": "ack", "payload": ack.hex(), **told},
        {"type": "pong", "payload": payloads.encode_pong(9, ack).hex(), "number": 9, **told},
        {"type": "ping", "payload": payloads.encode_ping(9, 3).hex(), "number": 9, "suspect": 3},
        {"type": "bye", "payload": payloads.encode_bye(12, 2**40).hex(), "reliable": 12, "bulk": 2**40},
        {
            "type": "open",
            "payload": payloads.encode_open(opening).hex(),
            "label": "pose",
            "kind": "",
            "lane": 2,
            "settings": to_json(opening.settings),
        },
        {
            "type": "signal",
            "payload": payloads.encode_signal("offer", 2, {"type": "offer", "sdp": "v=0\r\n"}).hex(),
            "kind": "offer",
            "attempt": 2,
            "body": to_json({"type": "offer", "sdp": "v=0\r\n"}),
        },
        {
            "type": "datagram",
            "payload": payloads.encode_datagram(2**32 - 1, b"pose").hex(),
            "number": 2**32 - 1,
            "data": b"pose".hex(),
        },
    ]


def _shown(frame: Frame) -> dict[str, Any]:
    return {
        "type": int(frame.type),
        "lane": int(frame.lane),
        "more": frame.more,
        "channel": frame.channel,
        "seq": frame.seq,
        "payload": bytes(frame.payload).hex(),
    }


def _frame(type: int, lane_and_flags: int, channel: int, seq: int, payload: bytes) -> bytes:
    """A frame put together by hand, sensible or not."""
    return struct.pack(">BBHHIH", type, lane_and_flags, channel, seq >> 32, seq & 0xFFFFFFFF, len(payload)) + payload


def _nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


def _refused(action: Any) -> None:
    """A vector that says "refused" must be refused here first."""
    try:
        action()
    except ValueError:
        return
    raise AssertionError("this is not refused")
