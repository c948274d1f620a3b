"""What is no token, whatever it is: malformed, too large, made up."""

import hmac
import json
import string
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalling.access import GRANTS
from signalling.protocol.errors import ProtocolError
from signalling.tokens import MAX_ATTRIBUTES, MAX_TOKEN
from tests.signalling.keys import SECRET
from tests.signalling.test_tokens import GOOD, NOW, by_hand, refused, signed, verifier


@pytest.mark.parametrize("odd", ["é", "\ud800", "\0", " ", "\n", "+/", "="])
def test_odd_characters_behind_a_good_header(odd: str) -> None:
    head, payload, signature = signed(GOOD).split(".")
    for token in (f"{head}.{odd}.{signature}", f"{head}.{payload}{odd}.{signature}", f"{head}.{payload}.{odd}"):
        refused(token)


@pytest.mark.parametrize(
    "token", ["x", ".", "..", "...", "a.b.c", "é.é.é", "\ud800.a.b", 5, b"bytes", [], {}, True, "\0" * 99]
)
def test_no_token_at_all(token: object) -> None:
    refused(token)


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"null", b"5", b"{", b'"text"', b"\xff", b'{"sub":"ada","exp":"\\ud800"}']
)
def test_claims_that_are_no_object(payload: bytes) -> None:
    refused(signed(payload))


@pytest.mark.parametrize(
    "changed",
    [
        {"sub": None}, {"sub": 5}, {"sub": ""}, {"sub": "a\nb"}, {"sub": "a\x1b[31m"}, {"sub": "é" * 65},
        {"rooms": "team-*"}, {"rooms": [5]}, {"rooms": ["x"] * 65},
        {"grants": "join"}, {"grants": {}}, {"grants": [None]},
        {"attributes": []}, {"attributes": "x"}, {"attributes": {"a": 2**53 + 1}}, {"attributes": {"a": [10**30]}},
        {"attributes": {"a": "x" * MAX_ATTRIBUTES}},
    ],
)  # fmt: skip
def test_claims_that_are_something_else(changed: dict[str, Any]) -> None:
    assert next(iter(changed)) in refused(signed({**GOOD, **changed}))


def test_what_is_nested_too_deeply() -> None:
    def nested(depth: int, opening: str, closing: str) -> bytes:
        value = opening * depth + "1" + closing * depth
        return json.dumps({**GOOD, "attributes": {"a": 0}}).replace('"a": 0', f'"a": {value}').encode()

    assert verifier().access(signed(nested(7, "[", "]")), NOW)
    for depth in (8, 100, 900, 2_500):
        refused(signed(nested(depth, "[", "]")))
    for depth in (8, 100, 800):
        refused(signed(nested(depth, '{"b":', "}")))
    sign = lambda text: hmac.digest(SECRET.encode(), text, "sha256")  # noqa: E731
    for header in (b"[" * 5_000, b'{"alg":"HS256","more":' + b"[" * 3_000 + b"]" * 3_000 + b"}"):
        refused(by_hand(header, b"{}", sign)[:MAX_TOKEN])


def test_a_huge_one_is_refused_before_it_is_looked_at() -> None:
    assert "characters" in refused("a" * (MAX_TOKEN + 1))
    assert "characters" in refused(signed({**GOOD, "more": "x" * MAX_TOKEN}))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
claim_names = st.sampled_from(["sub", "exp", "nbf", "iat", "aud", "rooms", "grants", "attributes", "other"])


@given(changed=st.dictionaries(claim_names, json_values, max_size=4), times=st.floats(0, 2 * NOW))
def test_whatever_is_signed_is_granted_or_refused_and_can_be_told(changed: dict[str, Any], times: float) -> None:
    token = by_hand(
        {"alg": "HS256"},
        json.dumps({**GOOD, **changed}).encode(),
        lambda text: hmac.digest(SECRET.encode(), text, "sha256"),
    )
    try:
        access = verifier().access(token, times)
    except ProtocolError:
        return
    assert access.user
    assert access.user.isprintable()
    assert access.grants <= GRANTS
    assert access.expires is not None
    assert times < access.expires
    assert len(msgspec.json.encode(access.attributes)) <= MAX_ATTRIBUTES
    json.dumps(access.attributes)


@given(token=st.text(max_size=60) | st.text(string.ascii_letters + string.digits + "-_.", max_size=200) | st.binary())
def test_whatever_else_comes_is_refused(token: object) -> None:
    with pytest.raises(ProtocolError, match="unauthorized"):
        verifier().access(token, NOW)


@given(parts=st.tuples(json_values, json_values))
def test_whatever_stands_in_the_header(parts: tuple[object, object]) -> None:
    header = {"alg": "HS256", "kid": parts[0], "crit": parts[1]}
    refused(by_hand(header, json.dumps(GOOD).encode(), lambda text: hmac.digest(SECRET.encode(), text, "sha256")))
    refused(by_hand(parts[0], json.dumps(GOOD).encode(), lambda _: b"x"))
