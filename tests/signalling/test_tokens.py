"""What a token grants, and what is no token: forged, expired, for another."""

import base64
import hashlib
import hmac
import json
import warnings
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from signalling import create_token
from signalling.access import OPEN
from signalling.keys import load_keys, read_keys, secret_key
from signalling.protocol.errors import ProtocolError
from signalling.tokens import LEEWAY, Verifier, bearer
from tests.signalling.keys import ED25519, OTHER_SECRET, RSA, SECRET, private_pem, public_pem

NOW = 1_800_000_000.0
GOOD: dict[str, Any] = {"sub": "ada", "exp": NOW + 60, "rooms": ["team-*"], "grants": ["join"]}


def signed(claims: object, key: Any = SECRET, algorithm: str | None = "HS256", **headers: Any) -> str:
    """A token by PyJWT's low part, which puts anything into it."""
    data = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return jwt.PyJWS().encode(data, key, algorithm=algorithm, headers=headers)


def by_hand(header: object, payload: bytes, sign: Any) -> str:
    """A token whose signature is what `sign` makes of it."""
    first = header if isinstance(header, bytes) else json.dumps(header).encode()
    text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (first, payload))
    return b".".join((text, base64.urlsafe_b64encode(sign(text)).rstrip(b"="))).decode()


def verifier(*keys: str | bytes, audience: str = "") -> Verifier:
    return Verifier([key for text in keys or (SECRET,) for key in read_keys(text)], audience)


def refused(token: object, among: Verifier | None = None, now: float = NOW) -> str:
    """The message with which a token is refused."""
    with pytest.raises(ProtocolError) as caught:
        (among or verifier()).access(token, now)
    assert caught.value.code == "unauthorized"
    if isinstance(token, str) and len(token) > 8:
        assert token not in str(caught.value)
        signature = token.rpartition(".")[2]
        assert len(signature) < 8 or signature[:40] not in str(caught.value)
    return caught.value.message


# ---- what is granted


@pytest.mark.parametrize("key", [SECRET, private_pem(RSA), private_pem(ED25519)], ids=["HS256", "RS256", "EdDSA"])
def test_a_token_grants_what_it_says(key: str) -> None:
    token = create_token(
        key,
        user="ada",
        rooms=["team-*", "lobby"],
        grants=["join", "post"],
        lifetime=60,
        attributes={"role": "teacher"},
        clock=lambda: NOW,
    )
    access = verifier(key).access(token, NOW)
    assert access.user == "ada"
    assert access.rooms == ("team-*", "lobby")
    assert access.grants == {"join", "post"}
    assert access.attributes == {"role": "teacher"}
    assert access.expires == NOW + 60
    access.check("join", "team-a")
    for grant, room in (("join", "other"), ("relay", "lobby")):
        with pytest.raises(ProtocolError, match="forbidden"):
            access.check(grant, room)  # type: ignore[arg-type]


def test_any_issuer_can_make_one() -> None:
    """PyJWT's own `encode`, as an application would use it."""
    token = jwt.encode({**GOOD, "iat": NOW, "nbf": NOW, "jti": "7", "name": "more than we know of"}, SECRET)
    assert verifier().access(token, NOW).user == "ada"


def test_a_token_that_names_no_grants_and_no_rooms_grants_nothing() -> None:
    access = verifier().access(signed({"sub": "ada", "exp": NOW + 60}), NOW)
    assert access.grants == frozenset()
    assert access.rooms == ()


def test_grants_that_this_server_does_not_know_are_left_out() -> None:
    assert verifier().access(signed({**GOOD, "grants": ["join", "sing"]}), NOW).grants == {"join"}


def test_a_server_without_keys_is_open() -> None:
    assert Verifier().is_open
    for token in (None, "", "anything", signed(GOOD), 5):
        assert Verifier().access(token, NOW) is OPEN
    assert not verifier().is_open


def test_without_a_token_it_is_told_what_to_do() -> None:
    for nothing in (None, ""):
        assert "eitherway token" in refused(nothing)


# ---- time


def test_what_has_expired_has_expired() -> None:
    token = signed(GOOD)
    assert verifier().access(token, NOW + 59.9).expires == NOW + 60
    assert "expired" in refused(token, now=NOW + 60)
    assert "exp" in refused(signed({"sub": "ada", "grants": ["join"]}))


@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_what_is_not_valid_yet_is_not_but_clocks_differ(claim: str) -> None:
    verifier().access(signed({**GOOD, claim: NOW + LEEWAY - 1}), NOW)
    assert "not valid yet" in refused(signed({**GOOD, claim: NOW + LEEWAY + 1}))


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", ["soon", None, True, -1, 1e300, [], {}, "1800000060"])
def test_times_that_are_none(claim: str, value: object) -> None:
    assert claim in refused(signed({**GOOD, claim: value}))


@pytest.mark.parametrize("text", [b"NaN", b"Infinity", b"1e999"])
def test_numbers_that_are_no_json(text: bytes) -> None:
    refused(signed(b'{"sub":"ada","exp":' + text + b"}"))


# ---- forged


def test_alg_none() -> None:
    for alg in ("none", "None", "NONE", "nOnE", ""):
        token = by_hand({"alg": alg, "typ": "JWT"}, json.dumps(GOOD).encode(), lambda _: b"")
        assert "signed by" in refused(token)
    assert "alg" in refused(by_hand({"typ": "JWT"}, json.dumps(GOOD).encode(), lambda _: b""))


@pytest.mark.parametrize("key", [RSA, ED25519], ids=["RSA", "Ed25519"])
def test_a_public_key_as_a_secret(key: Any) -> None:
    """A token signed by HMAC with what everybody may know: the public key, in each way to write it."""
    public = key.public_key()
    among = verifier(public_pem(key))
    forms = [public_pem(key).encode(), public_pem(key).strip().encode(), *spellings(public)]
    for secret in forms:
        token = by_hand(
            {"alg": "HS256", "typ": "JWT"},
            json.dumps(GOOD).encode(),
            lambda text, secret=secret: hmac.digest(secret, text, hashlib.sha256),
        )
        assert "none of this server's keys" in refused(token, among)


def spellings(public: Any) -> list[bytes]:
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    der = public.public_bytes(serialization.Encoding.DER, spki)
    ssh = public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return [der, base64.b64encode(der), base64.urlsafe_b64encode(der).rstrip(b"="), der.hex().encode(), ssh]


@pytest.mark.parametrize("key", [RSA, ED25519], ids=["RSA", "Ed25519"])
def test_no_public_key_becomes_a_secret_by_mistake(key: Any) -> None:
    for form in (public_pem(key).encode(), private_pem(key).encode(), *spellings(key.public_key())[1:]):
        with pytest.raises(ValueError, match="key of another kind") as caught:
            secret_key(form.decode())
        assert form.decode()[30:60] not in str(caught.value)
        with pytest.raises(ValueError, match="--token-secret"):
            load_keys([form.decode()], [])


def test_each_key_serves_its_own_algorithm_alone() -> None:
    """Whatever the header says, and whichever `kid` it names."""
    jwk = {"kty": "oct", "k": base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="), "kid": "mine"}
    among = verifier(json.dumps(jwk), public_pem(RSA), public_pem(ED25519))
    assert among.access(signed(GOOD, SECRET, "HS256", kid="mine"), NOW).user == "ada"
    assert among.access(signed(GOOD, RSA, "RS256"), NOW).user == "ada"
    assert among.access(signed(GOOD, ED25519, "EdDSA"), NOW).user == "ada"
    for alg in ("HS384", "HS512", "RS384", "RS512", "PS256", "ES256"):
        token = by_hand(
            {"alg": alg}, json.dumps(GOOD).encode(), lambda text: hmac.digest(SECRET.encode(), text, "sha256")
        )
        assert "signed by" in refused(token, among)
    for key, algorithm in ((RSA, "RS512"), (RSA, "PS256"), (SECRET * 2, "HS512")):
        assert "signed by" in refused(signed(GOOD, key, algorithm), among)
    assert "none of" in refused(signed(GOOD, RSA, "RS256", kid="mine"), among)


def test_another_key_of_the_same_kind() -> None:
    other = Ed25519PrivateKey.generate()
    assert "none of" in refused(signed(GOOD, OTHER_SECRET))
    assert "none of" in refused(signed(GOOD, other, "EdDSA"), verifier(public_pem(ED25519)))


def test_a_signature_cut_short_or_changed() -> None:
    token = signed(GOOD)
    head, payload, signature = token.split(".")
    refused(f"{head}.{payload}.")
    refused(f"{head}.{payload}")
    refused(f"{head}.{payload}.{signature[:-4]}")
    refused(f"{head}.{payload}.{'A' * len(signature)}")
    more = base64.urlsafe_b64encode(json.dumps({**GOOD, "grants": ["admin"]}).encode()).decode().rstrip("=")
    assert "none of" in refused(f"{head}.{more}.{signature}")


def test_keys_that_a_token_brings_along_are_not_looked_at() -> None:
    other = Ed25519PrivateKey.generate()
    x = base64.urlsafe_b64encode(other.public_key().public_bytes_raw()).decode().rstrip("=")
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": x}
    for headers in ({"jwk": jwk}, {"jku": "http://127.0.0.1:9/keys"}, {"x5u": "http://127.0.0.1:9/"}, {"x5c": [x]}):
        assert "none of" in refused(signed(GOOD, other, "EdDSA", **headers), verifier(public_pem(ED25519)))


@pytest.mark.parametrize("kid", ["../../../etc/passwd", "' OR 1=1 --", "", "\0", "a" * 4_000])
def test_a_kid_is_a_name_and_nothing_else(kid: str) -> None:
    """One that nobody knows leaves the keys without a name; the signature decides."""
    assert verifier().access(signed(GOOD, kid=kid), NOW).user == "ada"
    assert "none of" in refused(signed(GOOD, OTHER_SECRET, kid=kid))


@pytest.mark.parametrize("kid", [5, ["mine"], {"a": 1}, True])
def test_a_kid_that_is_no_text(kid: object) -> None:
    token = by_hand(
        {"alg": "HS256", "kid": kid}, json.dumps(GOOD).encode(), lambda t: hmac.digest(SECRET.encode(), t, "sha256")
    )
    assert "kid" in refused(token)


@pytest.mark.parametrize(
    "extra", [{"crit": ["exp"]}, {"crit": []}, {"crit": None}, {"crit": ["b64"], "b64": False}, {"b64": True}]
)
def test_critical_headers(extra: dict[str, Any]) -> None:
    token = by_hand(
        {"alg": "HS256", **extra}, json.dumps(GOOD).encode(), lambda t: hmac.digest(SECRET.encode(), t, "sha256")
    )
    assert "critical" in refused(token)


# ---- rotation


def test_two_secrets_at_once_and_then_the_newer_alone() -> None:
    old, new = signed(GOOD, SECRET), signed(GOOD, OTHER_SECRET)
    both = verifier(OTHER_SECRET, SECRET)
    assert both.access(old, NOW).user == both.access(new, NOW).user == "ada"
    assert both.signing_key is not None
    assert verifier(OTHER_SECRET).access(
        create_token(both.signing_key, user="bob", rooms=["*"], clock=lambda: NOW), NOW
    )
    assert "none of" in refused(old, verifier(OTHER_SECRET))


def test_a_kid_chooses_among_keys_of_a_set() -> None:
    pairs = [("one", ED25519), ("two", Ed25519PrivateKey.generate())]
    keys = [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "kid": kid,
            "x": base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).decode().rstrip("="),
        }
        for kid, key in pairs
    ]
    others = [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, {"kty": "RSA", "use": "enc"}, 5]
    among = verifier(json.dumps({"keys": [*others, *keys]}))
    for kid, key in pairs:
        assert among.access(signed(GOOD, key, "EdDSA", kid=kid), NOW).user == "ada"
        assert among.access(signed(GOOD, key, "EdDSA"), NOW).user == "ada"
    assert "none of" in refused(signed(GOOD, ED25519, "EdDSA", kid="two"), among)
    assert "none of" in refused(signed(GOOD, ED25519, "EdDSA", kid="three"), among)
    assert among.signing_key is None


# ---- for another


def test_audience() -> None:
    assert verifier(audience="rooms").access(signed({**GOOD, "aud": "rooms"}), NOW)
    assert verifier(audience="rooms").access(signed({**GOOD, "aud": ["mail", "rooms"]}), NOW)
    for aud in ("mail", [], ["mail"], None):
        assert "another service" in refused(signed({**GOOD, "aud": aud}), verifier(audience="rooms"))
    assert "another service" in refused(signed(GOOD), verifier(audience="rooms"))
    assert "another service" in refused(signed({**GOOD, "aud": "rooms"}))
    assert "aud" in refused(signed({**GOOD, "aud": 5}))


# ---- made here


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"user": ""}, "sub"),
        ({"rooms": "team"}, "lists"),
        ({"grants": "join"}, "lists"),
        ({"grants": ["jion"]}, "jion"),
        ({"lifetime": 0}, "lifetime"),
        ({"lifetime": float("inf")}, "lifetime"),
        ({"lifetime": float("nan")}, "lifetime"),
        ({"rooms": ["x" * 120] * 60}, "fewer rooms"),
        ({"attributes": {"a": object()}}, "no JSON"),
        ({"attributes": {"a": "x" * 3_000}}, "attributes"),
        ({"key": "short"}, "32 bytes"),
        ({"key": public_pem(RSA)}, "private"),
    ],
)
def test_no_token_is_made_that_no_server_would_take(changed: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"key": SECRET, "user": "ada", "rooms": ["*"], "clock": lambda: NOW, **changed}
    with pytest.raises(ValueError, match=said):
        create_token(given.pop("key"), **given)


def test_other_libraries_can_read_it() -> None:
    token = create_token(SECRET, user="ada", rooms=["*"], audience="rooms")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        claims = jwt.decode(token, SECRET, algorithms=["HS256"], audience="rooms")
    assert claims["sub"] == "ada"
    assert claims["exp"] - claims["iat"] == pytest.approx(3_600, abs=2)


# ---- of a request


def test_the_token_of_a_request() -> None:
    assert bearer(None) is None
    assert bearer(None, "a.b.c") == "a.b.c"
    assert bearer("Bearer a.b.c") == bearer("bearer  a.b.c ") == bearer("Bearer a.b.c", "x.y.z") == "a.b.c"
    for header in ("Basic dTpw", "Bearer", "Bearer ", "a.b.c", ""):
        with pytest.raises(ProtocolError, match="unauthorized"):
            bearer(header, "a.b.c")
