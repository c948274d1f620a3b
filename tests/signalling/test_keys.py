"""Keys for tokens: what is one, what it is for, and what is said of one that is none."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa

from signalling.keys import MAX_KEYS, Key, load_keys, read_keys, secret_key
from tests.signalling.keys import ED25519, RSA, SECRET, private_pem, public_pem


def text(data: bytes) -> str:
    """Base64url as in a JWK."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def number(value: int) -> str:
    return text(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def rsa_jwk(key: rsa.RSAPrivateKey, **more: Any) -> dict[str, Any]:
    public = key.public_key().public_numbers()
    return {"kty": "RSA", "n": number(public.n), "e": number(public.e), **more}


ED_JWK: dict[str, Any] = {"kty": "OKP", "crv": "Ed25519", "x": text(ED25519.public_key().public_bytes_raw())}
OCT_JWK: dict[str, Any] = {"kty": "oct", "k": text(SECRET.encode())}


@pytest.mark.parametrize(
    ("data", "algorithm", "signs"),
    [
        (SECRET, "HS256", True),
        (f"  {SECRET}\n", "HS256", True),
        (private_pem(RSA), "RS256", True),
        (public_pem(RSA), "RS256", False),
        (private_pem(ED25519), "EdDSA", True),
        (public_pem(ED25519).encode(), "EdDSA", False),
        (json.dumps(OCT_JWK), "HS256", True),
        (json.dumps(rsa_jwk(RSA)), "RS256", False),
        (json.dumps(rsa_jwk(RSA, alg="RS256", use="sig")), "RS256", False),
        (json.dumps(ED_JWK), "EdDSA", False),
        (json.dumps({**ED_JWK, "d": text(ED25519.private_bytes_raw())}), "EdDSA", True),
    ],
)
def test_each_kind_serves_one_algorithm(data: str | bytes, algorithm: str, signs: bool) -> None:
    (key,) = read_keys(data)
    assert key.algorithm == algorithm
    assert (key.signing is not None) is signs


def pem(key: Any) -> str:
    form = serialization.PrivateFormat.PKCS8
    return str(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode())


def locked(key: Any) -> str:
    form = serialization.PrivateFormat.PKCS8
    closed = serialization.BestAvailableEncryption(b"password")
    return str(key.private_bytes(serialization.Encoding.PEM, form, closed).decode())


SMALL = rsa.generate_private_key(65_537, 1_024)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", "32 bytes"),
        ("x" * 31, "32 bytes"),
        ("x" * 300_000, "no key"),
        (b"\xff\xfe" * 40, "neither PEM nor other text"),
        ("-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----\n", "neither a public nor a private key"),
        ("-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n", "neither a public nor a private key"),
        (pem(SMALL), "2048 bits"),
        (public_pem(SMALL), "2048 bits"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "RSA or of Ed25519"),
        (pem(ed448.Ed448PrivateKey.generate()), "RSA or of Ed25519"),
        (locked(ED25519), "password"),
        ("{", "neither a JWK nor a JWK Set"),
        ("[1]", "neither a JWK nor a JWK Set"),
        ("[" * 100_000, "neither a JWK nor a JWK Set"),
        ("{}", "cannot be read"),
        (json.dumps({"kty": "oct"}), "cannot be read"),
        (json.dumps({**OCT_JWK, "k": "AAAA"}), "32 bytes"),
        (json.dumps({**OCT_JWK, "alg": "HS512", "k": "A" * 100}), "HS256"),
        (json.dumps({**OCT_JWK, "alg": "none"}), "cannot be read|HS256"),
        (json.dumps({**OCT_JWK, "kid": 5}), "kid"),
        (json.dumps({**OCT_JWK, "use": "enc"}), "not for signatures"),
        (json.dumps(rsa_jwk(SMALL)), "2048 bits"),
        (json.dumps(rsa_jwk(RSA, alg="PS256")), "PS256"),
        (json.dumps(rsa_jwk(RSA, alg="HS256")), "cannot be read"),
        (json.dumps({**ED_JWK, "x": "AAAA"}), "cannot be read"),
        (json.dumps({**ED_JWK, "alg": "HS256"}), "cannot be read"),
        (json.dumps({"keys": []}), "empty"),
        (json.dumps({"keys": [5, {**OCT_JWK, "use": "enc"}]}), "no key in this JWK Set"),
    ],
)
def test_what_is_none_is_told_without_telling_it(data: str | bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        read_keys(data)
    for field in (SECRET, text(SECRET.encode()), ED_JWK["x"]):
        assert field not in str(caught.value)


def test_a_jwk_that_says_hmac_and_holds_a_public_key_is_no_secret() -> None:
    """`alg` and `kty` disagree: neither becomes a secret."""
    for jwk in ({**ED_JWK, "alg": "HS256"}, rsa_jwk(RSA, alg="HS256"), {**ED_JWK, "alg": "HS256", "k": ED_JWK["x"]}):
        with pytest.raises(ValueError, match="cannot be read"):
            read_keys(json.dumps(jwk))


def test_a_set_leaves_out_what_it_cannot_use() -> None:
    keys = read_keys(
        json.dumps({"keys": [{"kty": "EC"}, {**ED_JWK, "kid": "a"}, rsa_jwk(SMALL), {**OCT_JWK, "kid": "b"}]})
    )
    assert [(key.algorithm, key.kid) for key in keys] == [("EdDSA", "a"), ("HS256", "b")]


def test_options_in_their_order_and_not_without_end(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(public_pem(ED25519))
    assert [key.algorithm for key in load_keys([SECRET], [str(file)])] == ["HS256", "EdDSA"]
    assert len(load_keys([], [str(file)] * MAX_KEYS)) == MAX_KEYS
    with pytest.raises(ValueError, match="at most 16"):
        load_keys([], [str(file)] * (MAX_KEYS + 1))
    with pytest.raises(ValueError, match="cannot be read"):
        load_keys([], [str(tmp_path)])
    file.write_text("short")
    with pytest.raises(ValueError, match=str(file)):
        load_keys([], [str(file)])


def test_a_key_is_in_no_log() -> None:
    for key in (secret_key(SECRET), *read_keys(private_pem(ED25519)), Key("HS256", b"s3cret", b"s3cret", "name")):
        assert SECRET not in repr(key)
        assert "s3cret" not in repr(key)
    assert "name" in repr(Key("HS256", b"s3cret", b"s3cret", "name"))
