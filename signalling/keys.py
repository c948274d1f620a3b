"""The keys that tokens are signed and checked with. Each serves one algorithm, whatever a token says of itself."""

import base64
import binascii
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

Algorithm = Literal["HS256", "RS256", "EdDSA"]

MIN_SECRET: Final = 32
"""Bytes: as many as the hash of HS256 has (RFC 7518 section 3.2)."""
MIN_RSA: Final = 2_048
"""Bits (RFC 7518 section 3.3)."""
MAX_KEYS: Final = 16
"""Each may have to be tried for a token that does not name its key."""
_MAX_FILE: Final = 262_144
_NEW_SECRET: Final = "`openssl rand -base64 48` makes one"
_WHAT: Final = "a secret, a PEM key (RSA or Ed25519), a JWK or a JWK Set"


class Key:
    """One key: what checks signatures, and what makes them if it is there. `kid` is its name (RFC 7517), if any."""

    __slots__ = ("algorithm", "checking", "kid", "signing")

    def __init__(self, algorithm: Algorithm, checking: Any, signing: Any, kid: str | None = None) -> None:
        self.algorithm: Final[Algorithm] = algorithm
        self.checking = checking
        self.signing = signing
        self.kid = kid

    def __repr__(self) -> str:
        """Without the key, which belongs in no log."""
        return f"Key({self.algorithm}, kid={self.kid!r}, {'signs' if self.signing is not None else 'only checks'})"


def load_keys(secrets: Sequence[str], files: Sequence[str]) -> tuple[Key, ...]:
    """The keys of the options `token_secret` and `token_key`, secrets first.

    Raises ValueError that names the option or file, says what is wrong with it, and never what is in it.
    """
    keys: list[Key] = []
    for secret in secrets:
        try:
            keys.append(secret_key(secret))
        except ValueError as error:
            raise ValueError(f"--token-secret: {error}") from None
    for file in files:
        try:
            data = Path(file).read_bytes()
        except OSError as error:
            raise ValueError(f"--token-key: {file} cannot be read: {error.strerror or error}") from None
        try:
            keys += read_keys(data)
        except ValueError as error:
            raise ValueError(f"--token-key: {file}: {error}") from None
    if len(keys) > MAX_KEYS:
        raise ValueError(f"--token-key: at most {MAX_KEYS} keys at a time; there are {len(keys)}")
    return tuple(keys)


def read_keys(data: bytes | str) -> list[Key]:
    """The keys in a text or a file: a secret, a PEM key, a JWK, or those of a JWK Set that can be used here.

    Raises ValueError.
    """
    if len(data) > _MAX_FILE:
        raise ValueError(f"that is no key: it has more than {_MAX_FILE} bytes")
    try:
        text = (data.decode() if isinstance(data, bytes) else data).strip()
    except UnicodeDecodeError:
        raise ValueError(f"neither PEM nor other text: it should be {_WHAT}") from None
    if "-----BEGIN" in text:
        return [_from_pem(text)]
    if text.startswith(("{", "[")):
        return _from_json(text)
    return [secret_key(text)]


def secret_key(text: str) -> Key:
    """The HS256 key of a secret. Raises ValueError for what is short, or is a key of another kind."""
    secret = text.strip().encode()
    if _is_public(text.strip()):
        raise ValueError("this is a key of another kind, and no secret: give its PEM or JWK file as --token-key")
    if len(secret) < MIN_SECRET:
        raise ValueError(f"a secret has at least {MIN_SECRET} bytes, this one has {len(secret)}: {_NEW_SECRET}")
    return Key("HS256", secret, secret)


def _is_public(text: str) -> bool:
    """Whether a text is a key that others may know, in any of the ways to write one: a secret it must never be."""
    if "-----BEGIN" in text or text.startswith(("{", "[", "ssh-", "ecdsa-")):
        return True
    for decode in (_from_base64, binascii.unhexlify):
        try:
            der = decode("".join(text.split()))
        except ValueError:
            continue
        for load in (serialization.load_der_public_key, _load_der_private_key):
            try:
                load(der)
            except (ValueError, TypeError, UnsupportedAlgorithm):
                continue
            return True
    return False


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text.translate({ord("-"): "+", ord("_"): "/"}) + "=" * (-len(text) % 4), validate=True)


def _load_der_private_key(data: bytes) -> object:
    return serialization.load_der_private_key(data, password=None)


def _from_pem(text: str) -> Key:
    pem = text.encode()
    try:
        if "PRIVATE KEY" in text:
            return _asymmetric(serialization.load_pem_private_key(pem, password=None), None)
        return _asymmetric(serialization.load_pem_public_key(pem), None)
    except TypeError:
        raise ValueError("the private key has a password: give it without") from None
    except UnsupportedAlgorithm:
        raise ValueError("a PEM key is one of RSA or of Ed25519") from None
    except ValueError as error:
        if isinstance(error, _Unusable):
            raise
        raise ValueError("a PEM file that holds neither a public nor a private key") from None


class _Unusable(ValueError):
    """A key that is one, but not one for us."""


def _asymmetric(key: object, kid: str | None) -> Key:
    public = key.public_key() if isinstance(key, RSAPrivateKey | Ed25519PrivateKey) else key
    signing = None if public is key else key
    if isinstance(public, Ed25519PublicKey):
        return Key("EdDSA", public, signing, kid)
    if not isinstance(public, RSAPublicKey):
        raise _Unusable("a key for tokens is a secret, or one of RSA or of Ed25519")
    if public.key_size < MIN_RSA:
        raise _Unusable(f"an RSA key has at least {MIN_RSA} bits, this one has {public.key_size}")
    return Key("RS256", public, signing, kid)


def _from_json(text: str) -> list[Key]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"neither a JWK nor a JWK Set: it should be {_WHAT}")
    if not isinstance(found.get("keys"), list):
        return [_from_jwk(found)]
    keys, why = [], "it is empty"
    for each in found["keys"][: MAX_KEYS * 4]:
        try:
            keys.append(_from_jwk(each))
        except ValueError as error:  # those of others that the issuer has too (RFC 7517 section 5)
            why = str(error)
    if not keys:
        raise ValueError(f"no key in this JWK Set can be used: {why}")
    return keys


def _from_jwk(found: object) -> Key:
    """Raises ValueError, which never holds what PyJWT says: it may quote the key."""
    if not isinstance(found, dict):
        raise ValueError("a JWK is a JSON object")
    kid = found.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise ValueError("a JWK's kid is a text")
    if found.get("use", "sig") != "sig":
        raise ValueError('this JWK is not for signatures ("use")')
    try:
        made = jwt.PyJWK(found)
    except (
        jwt.PyJWTError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        NotImplementedError,
        UnsupportedAlgorithm,
    ):
        raise ValueError("this JWK cannot be read") from None
    if isinstance(made.key, bytes):
        if made.algorithm_name != "HS256":
            raise ValueError("a JWK of a secret is for HS256")
        if len(made.key) < MIN_SECRET:
            raise ValueError(f"a secret has at least {MIN_SECRET} bytes, this one has {len(made.key)}: {_NEW_SECRET}")
        return Key("HS256", made.key, made.key, kid)
    key = _asymmetric(made.key, kid)
    if made.algorithm_name != key.algorithm:
        raise ValueError(
            f"this JWK is for {str(made.algorithm_name)[:20]}: here a key of its kind is for {key.algorithm}"
        )
    return key
