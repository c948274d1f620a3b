"""The limits of the wire fit together."""

from peers.codec.values import MAX_INTEGER as MAX_VALUE
from peers.session.handshake import FIRST_FRAMES
from peers.session.rules import Rules
from peers.session.seal import OVERHEAD
from signalling.protocol import limits


def test_the_limits_that_other_languages_share() -> None:
    assert {name: value for name, value in vars(limits).items() if name.isupper()} == {
        "PROTOCOL": 1,
        "MAX_ROOM_NAME": 128,
        "MAX_PROFILE": 4_096,
        "MAX_PACKET": 60_000,
        "MAX_SIGNAL": 65_536,
        "MAX_RECIPIENTS": 256,
        "MAX_ATTACHMENTS": 257,
        "MAX_ATTACHED_BYTES": 1_000_000,
        "MAX_POLL_PACKETS": 256,
        "MAX_INTEGER": 2**53 - 1,
        "RELAYED_EVERY_BYTES": 65_536,
        "RELAYED_EVERY_SECONDS": 0.05,
        "MAX_TOPIC": 256,
        "MAX_TOPIC_WORDS": 16,
        "MAX_PATTERNS": 64,
        "MAX_WATCHES": 64,
        "MAX_EVENT_NAME": 128,
        "MAX_POST_KEY": 128,
        "MAX_POST_DEPTH": 64,
        "MAX_REPORT_TIMES": 32,
        "MAX_REPORT_TIME": 3_600,
        "REPORT_EVERY_SECONDS": 5.0,
    }


def test_what_a_session_puts_into_a_packet_fits_it_sealed() -> None:
    assert Rules().relay_packet + OVERHEAD <= limits.MAX_PACKET
    assert FIRST_FRAMES < limits.MAX_PACKET
    assert limits.MAX_PACKET <= limits.MAX_SIGNAL <= limits.MAX_ATTACHED_BYTES


def test_whole_numbers_are_exact_everywhere() -> None:
    assert MAX_VALUE == limits.MAX_INTEGER
    assert int(float(limits.MAX_INTEGER)) == limits.MAX_INTEGER
