"""Tokens: whose signature counts, by which key, and for how long."""

import base64
import hmac
import json
from typing import Any

import msgspec
from cryptography.hazmat.primitives import serialization

from signalling import keys, tokens
from signalling.access import Access
from signalling.tokens import Verifier
from tests.sabotage.switch import Patch, Switch, always, instead, of

TOKENS = "signalling/test_tokens.py"
ACCESS = "signalling/test_access.py"
OVER_HTTP = "signalling/http/test_access.py"
BAD = "test_what_is_no_good_token_is_refused"


def payload_of(token: str) -> bytes:
    """The part of a token that is signed, whoever signed it."""
    part = token.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def believe_everybody(token: str, *_: Any, **__: Any) -> bytes:
    return tokens._JWS.decode_complete(token, options={"verify_signature": False})["payload"]  # type: ignore[no-any-return]


def take_the_unsigned(patch: Patch) -> None:
    was = Verifier._claims

    def claims(self: Verifier, token: str) -> Any:
        first = token.partition(".")[0]
        try:
            header = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
        except ValueError:
            header = None
        if isinstance(header, dict) and str(header.get("alg")).lower() in ("none", ""):
            return tokens._read(payload_of(token), tokens._Claims, "claims")
        return was(self, token)

    patch.setattr(Verifier, "_claims", claims)


def go_by_what_the_token_says(patch: Patch) -> None:
    """As libraries did that took the algorithm from the header: an HMAC with whatever the key is."""
    was = Verifier._claims

    def claims(self: Verifier, token: str) -> Any:
        signed, _, signature = token.rpartition(".")
        if tokens._header(token).alg == "HS256":
            for key in self._keys:
                if key.algorithm != "HS256":
                    pem = key.checking.public_bytes(
                        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
                    )
                    made = base64.urlsafe_b64encode(hmac.digest(pem, signed.encode(), "sha256")).rstrip(b"=")
                    if made == signature.encode():
                        return tokens._read(payload_of(token), tokens._Claims, "claims")
        return was(self, token)

    patch.setattr(Verifier, "_claims", claims)


def for_ever(patch: Patch) -> None:
    was = tokens._access

    def access(claims: Any, now: float, audience: str) -> Access:
        return was(msgspec.structs.replace(claims, exp=max(claims.exp, now + 60)), now, audience)

    patch.setattr(tokens, "_access", access)


def from_whenever(patch: Patch) -> None:
    was = tokens._access

    def access(claims: Any, now: float, audience: str) -> Access:
        return was(msgspec.structs.replace(claims, nbf=min(claims.nbf, now), iat=min(claims.iat, now)), now, audience)

    patch.setattr(tokens, "_access", access)


def for_every_service(patch: Patch) -> None:
    was = tokens._access

    def access(claims: Any, now: float, audience: str) -> Access:
        return was(msgspec.structs.replace(claims, aud=audience or None), now, audience)

    patch.setattr(tokens, "_access", access)


def the_first_key_alone(patch: Patch) -> None:
    was = Verifier.__init__
    patch.setattr(Verifier, "__init__", lambda self, keys=(), audience="": was(self, keys[:1], audience))


def whichever_key(patch: Patch) -> None:
    """`kid` is of no consequence: every key is tried for every token."""
    was = Verifier.__init__

    def init(self: Verifier, keys: Any = (), audience: str = "") -> None:
        for key in keys:
            key.kid = None
        was(self, keys, audience)

    patch.setattr(Verifier, "__init__", init)


SWITCHES = (
    Switch(
        "signatures-of-tokens",
        ("tokens",),
        "a token counts whoever has signed it",
        instead(tokens._JWS, "decode", believe_everybody),
        of(
            TOKENS,
            "test_another_key_of_the_same_kind",
            "test_a_signature_cut_short_or_changed",
            "test_keys_that_a_token_brings_along_are_not_looked_at",
        )
        + of(ACCESS, "test_bad_tokens[websocket]", "test_bad_tokens[polling]"),
    ),
    Switch(
        "no-alg-none",
        ("tokens",),
        "a token that says that it is not signed counts",
        take_the_unsigned,
        of(TOKENS, "test_alg_none") + of(OVER_HTTP, BAD),
    ),
    Switch(
        "the-key-decides",
        ("tokens",),
        "a token says which algorithm its signature is of, and a public key becomes a secret",
        go_by_what_the_token_says,
        of(TOKENS, "test_a_public_key_as_a_secret"),
    ),
    Switch(
        "no-public-key-as-secret",
        ("tokens",),
        "a key that everybody may know can be configured as a secret",
        instead(keys, "_is_public", always(False)),
        of(TOKENS, "test_no_public_key_becomes_a_secret_by_mistake"),
    ),
    Switch(
        "expired-tokens",
        ("tokens",),
        "a token that has run out lets in",
        for_ever,
        of(TOKENS, "test_what_has_expired_has_expired") + of(ACCESS, "test_bad_tokens[websocket]") + of(OVER_HTTP, BAD),
    ),
    Switch(
        "not-valid-yet",
        ("tokens",),
        "a token lets in before it is valid",
        from_whenever,
        of(TOKENS, "test_what_is_not_valid_yet_is_not_but_clocks_differ"),
    ),
    Switch(
        "another-audience",
        ("tokens",),
        "a token for another service lets in",
        for_every_service,
        of(TOKENS, "test_audience"),
    ),
    Switch(
        "two-keys-at-once",
        ("tokens",),
        "only the first of several keys counts",
        the_first_key_alone,
        of(TOKENS, "test_two_secrets_at_once_and_then_the_newer_alone", "test_a_kid_chooses_among_keys_of_a_set")
        + of(ACCESS, "test_keys_from_files"),
    ),
    Switch(
        "a-kid-chooses",
        ("tokens",),
        "a key is tried for tokens that name another one",
        whichever_key,
        of(TOKENS, "test_a_kid_chooses_among_keys_of_a_set"),
    ),
)
