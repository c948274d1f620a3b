"""P5: one protocol in every language. Bytes that another language would not write or read."""

import struct

from peers.codec import frames, values
from peers.session import handshake
from signalling.protocol import statements
from tests.sabotage.switch import Switch, instead, of

VECTORS = "vectors/test_vectors.py"
FILES = "test_the_files_are_what_the_library_writes[{}.json]"

SWITCHES = (
    Switch(
        "frame-header",
        ("P5",),
        "the header of a frame is written in another byte order",
        instead(frames, "_HEADER", struct.Struct("<BBHQ")),
        of(VECTORS, "test_frames", FILES.format("frames"))
        + of("peers/codec/test_frames.py", "test_a_frame_to_the_byte"),
    ),
    Switch(
        "halves-on-the-wire",
        ("P5", "S2"),
        "halves are written in another byte order",
        instead(handshake, "_HALVES", struct.Struct("<QIQIQI")),
        of(VECTORS, "test_packets", FILES.format("packets")),
    ),
    Switch(
        "what-is-signed",
        ("P5", "K1"),
        "signatures are made over other bytes",
        instead(statements, "_signed", lambda purpose, body: purpose.encode() + body),
        of(VECTORS, "test_statements", FILES.format("statements"))
        + of("protocol/test_statements.py", "test_the_bytes_are_as_written_in_k1"),
    ),
    Switch(
        "exact-integers",
        ("P5",),
        "integers that a JavaScript number cannot hold are sent",
        instead(values, "MAX_INTEGER", 2**63 - 1),
        of(VECTORS, "test_values")
        + of("peers/codec/test_values.py", f"test_integers_end_where_javascripts_end[{2**53}]"),
    ),
)
