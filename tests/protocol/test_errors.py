"""What a refusal looks like on the wire."""

from signalling.protocol.errors import CODES, ProtocolError


def test_a_refusal_says_what_and_what_the_client_needs() -> None:
    error = ProtocolError("rate-limited", "slow down", retry_after=1.5)
    assert error.to_wire() == {"code": "rate-limited", "message": "slow down", "retry_after": 1.5}
    assert str(error) == "rate-limited: slow down"
    error = ProtocolError("replaced", "somebody came later", statement="c2lnbmVk")
    assert error.to_wire() == {"code": "replaced", "message": "somebody came later", "statement": "c2lnbmVk"}


def test_what_is_not_known_is_left_out() -> None:
    assert ProtocolError("away", "not here").to_wire() == {"code": "away", "message": "not here"}


def test_a_wait_of_nothing_is_still_said() -> None:
    assert ProtocolError("busy", "later", retry_after=0.0).to_wire()["retry_after"] == 0.0


def test_the_codes_are_those_of_the_protocol() -> None:
    assert sorted(CODES) == [
        "away",
        "bad-request",
        "busy",
        "forbidden",
        "internal",
        "not-found",
        "not-in-room",
        "rate-limited",
        "replaced",
        "room-full",
        "shutting-down",
        "too-large",
        "unauthorized",
        "unknown-peer",
        "unsupported-protocol",
    ]
