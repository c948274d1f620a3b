"""Tokens: who somebody is and what they may do, in a JWT (RFC 7519) signed with a key that this server knows."""

import base64
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import jwt
import msgspec

from signalling.access import GRANTS, OPEN, Access, Grant
from signalling.config import Config
from signalling.keys import Algorithm, Key, load_keys, read_keys
from signalling.protocol.errors import ProtocolError
from signalling.protocol.limits import MAX_INTEGER

log = logging.getLogger(__name__)

MAX_TOKEN: Final = 8_192
"""Characters of a token: what fits into an HTTP header everywhere."""
MAX_USER: Final = 128
"""Bytes of UTF-8 in a user's name."""
MAX_ATTRIBUTES: Final = 2_048
"""Bytes of JSON in attributes: each member of a room is told those of all."""
MAX_ATTRIBUTE_DEPTH: Final = 8
MAX_PATTERNS: Final = 64
"""Patterns of rooms in one token."""
LEEWAY: Final = 30.0
"""Seconds by which the clock of who made a token may be ahead of ours. What has expired has expired."""
USUAL_GRANTS: Final[tuple[Grant, ...]] = ("join", "relay", "post", "watch")
"""What `create_token` grants if it is not told: all but `admin`."""

_ALGORITHMS: Final[tuple[Algorithm, ...]] = ("HS256", "RS256", "EdDSA")
_JWS: Final = jwt.PyJWS(algorithms=list(_ALGORITHMS))


class _Header(msgspec.Struct, frozen=True):
    alg: str
    kid: str | None = None
    crit: Any = msgspec.UNSET
    b64: Any = msgspec.UNSET


class _Claims(msgspec.Struct, frozen=True):
    sub: str
    exp: float
    nbf: float = 0.0
    iat: float = 0.0
    aud: str | list[str] | None = None
    rooms: list[str] = []
    grants: list[str] = []
    attributes: dict[str, Any] = {}


_Part = TypeVar("_Part", _Header, _Claims)


class Verifier:
    """Tells what a token grants. Without keys it is open: everybody may do everything."""

    def __init__(self, keys: Sequence[Key] = (), audience: str = "") -> None:
        self._keys = tuple(keys)
        self._audience = audience

    @classmethod
    def of(cls, config: Config) -> "Verifier":
        """With the keys that are configured. Raises ValueError that says which option to mend."""
        return cls(load_keys(config.token_secret, config.token_key), config.token_audience)

    @property
    def is_open(self) -> bool:
        """Whether no token is asked for."""
        return not self._keys

    @property
    def signing_key(self) -> Key | None:
        """The first key that can sign, for who makes tokens here; None: the server only checks them."""
        return next((key for key in self._keys if key.signing is not None), None)

    def warn_if_open(self) -> None:
        """Tells the operator in the log, where nobody overlooks it, that there is no admission control."""
        if self.is_open:
            log.warning(
                "NO ADMISSION CONTROL: whoever reaches this server may join every room and read its feed; "
                "set EITHERWAY_TOKEN_SECRET or --token-key to ask for tokens"
            )

    def access(self, token: object, now: float) -> Access:
        """What a token grants at the Unix time `now`; whoever is asked for none may show any.

        Raises ProtocolError `unauthorized` that says what to do. Neither it nor a log ever has the token.
        """
        if self.is_open:
            return OPEN
        if token is None or token == "":
            raise _unauthorized(
                "this server admits by token: show one (`eitherway token` makes one, docs/how-to/tokens.md)"
            )
        if not isinstance(token, str) or len(token) > MAX_TOKEN:
            raise _unauthorized(f"a token is a text of at most {MAX_TOKEN} characters")
        return _access(self._claims(token), now, self._audience)

    def _claims(self, token: str) -> _Claims:
        header = _header(token)
        named = [key for key in self._keys if header.kid is not None and key.kid == header.kid]
        for key in named or [key for key in self._keys if header.kid is None or key.kid is None]:
            # What the key is for decides, never what the token says: else a public key could be taken for a secret.
            if key.algorithm != header.alg:
                continue
            try:
                return _read(_JWS.decode(token, key.checking, algorithms=[key.algorithm]), _Claims, "claims")
            except jwt.PyJWTError:
                continue
        raise _unauthorized("the token's signature is by none of this server's keys: get one that is made for it")


def bearer(authorization: str | None, query: str | None = None) -> str | None:
    """The token of an HTTP request: of its `Authorization` header, else of its query (for EventSource, which sends no
    headers). None if there is none. Raises ProtocolError `unauthorized` for a header of another scheme.
    """
    if authorization is None:
        return query
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _unauthorized("the Authorization header looks like this: Bearer TOKEN")
    return token.strip()


def create_token(
    key: str | bytes | Key,
    *,
    user: str,
    rooms: Iterable[str],
    grants: Iterable[Grant] = USUAL_GRANTS,
    lifetime: float = 3_600.0,
    attributes: Mapping[str, Any] | None = None,
    audience: str = "",
    clock: Callable[[], float] = time.time,
) -> str:
    """A token that a server admits which knows this key.

    Parameters: `key`, a secret of at least 32 bytes, or the text of a PEM private key or JWK; `rooms`, names, in which
    `*` stands for any text; `lifetime` in seconds; `attributes`, JSON of at most 2,048 bytes that others are shown
    beside the member; `audience`, which server it is for, if that asks. Raises ValueError for what no server admits.
    """
    if not isinstance(key, Key):
        key = read_keys(key)[0]
    if key.signing is None:
        raise ValueError("a public key only checks tokens: they are made with the private one")
    if isinstance(rooms, str) or isinstance(grants, str):
        raise ValueError("rooms and grants are lists")
    if unknown := set(grants := list(grants)) - GRANTS:
        raise ValueError(f"there is no grant {sorted(unknown)[0]!r}: there are {', '.join(sorted(GRANTS))}")
    if not 0 < lifetime <= MAX_INTEGER:
        raise ValueError("lifetime: seconds, more than 0")
    now = clock()
    claims: dict[str, Any] = {"sub": user, "iat": int(now), "exp": round(now + lifetime, 3), "rooms": list(rooms)}
    claims |= {"grants": grants, "attributes": dict(attributes or {})}
    if audience:
        claims["aud"] = audience
    try:
        payload = msgspec.json.encode(claims)
        _access(_read(payload, _Claims, "claims"), now, audience)
    except ProtocolError as error:
        raise ValueError(error.message) from None
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(f"the claims are no JSON: {error}") from None
    headers = {"kid": key.kid} if key.kid is not None else None
    token = _JWS.encode(payload, key.signing, algorithm=key.algorithm, headers=headers)
    if len(token) > MAX_TOKEN:
        raise ValueError(f"the token would have {len(token)} characters; it may have {MAX_TOKEN}: name fewer rooms")
    return token


def _header(token: str) -> _Header:
    first, dot, _ = token.partition(".")
    try:
        header = _read(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)), _Header, "header")
    except ValueError:
        dot = ""
    if not dot or not token.isascii():
        raise _unauthorized("this is no token: a JWT is three texts in base64url with dots between")
    if header.crit is not msgspec.UNSET or header.b64 is not msgspec.UNSET:
        raise _unauthorized(
            "the token has a critical header, of which this server knows none (RFC 7515 section 4.1.11)"
        )
    if header.alg not in _ALGORITHMS:
        raise _unauthorized(f"a token is signed by {', '.join(_ALGORITHMS[:-1])} or {_ALGORITHMS[-1]}")
    return header


def _read(data: bytes, kind: type[_Part], what: str) -> _Part:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise _unauthorized(f"the token's {what}: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _unauthorized(f"the token's {what}: no JSON object") from None


def _access(claims: _Claims, now: float, audience: str) -> Access:
    """What signed claims grant. Raises ProtocolError."""
    for name in ("exp", "nbf", "iat"):
        if not 0 <= getattr(claims, name) <= MAX_INTEGER:
            raise _unauthorized(f"the token's {name}: Unix time in seconds")
    if claims.exp <= now:
        raise _unauthorized("the token has expired: get a fresh one")
    if max(claims.nbf, claims.iat) > now + LEEWAY:
        raise _unauthorized("the token is not valid yet; if it should be, compare the clocks")
    aud = [claims.aud] if isinstance(claims.aud, str) else claims.aud or []
    if (audience and audience not in aud) or (aud and not audience):
        raise _unauthorized("the token is for another service (aud, --token-audience)")
    if not 0 < len(claims.sub.encode()) <= MAX_USER or not claims.sub.isprintable():
        raise _unauthorized(f"the token's sub: a user's name of 1 to {MAX_USER} bytes that can be printed")
    if len(claims.rooms) > MAX_PATTERNS:
        raise _unauthorized(f"the token's rooms: at most {MAX_PATTERNS} patterns")
    if (
        not _fits(claims.attributes, MAX_ATTRIBUTE_DEPTH)
        or len(msgspec.json.encode(claims.attributes)) > MAX_ATTRIBUTES
    ):
        raise _unauthorized(
            f"the token's attributes: at most {MAX_ATTRIBUTES} bytes of JSON, nested {MAX_ATTRIBUTE_DEPTH} deep, "
            "integers within 2^53"
        )
    return Access(
        user=claims.sub,
        rooms=tuple(claims.rooms),
        grants=GRANTS.intersection(claims.grants),
        attributes=claims.attributes,
        expires=claims.exp,
    )


def _fits(value: object, depth: int) -> bool:
    """Whether every client can read a value of JSON, and nobody's stack is too small for it."""
    if isinstance(value, dict):
        return depth > 0 and all(_fits(part, depth - 1) for part in value.values())
    if isinstance(value, list):
        return depth > 0 and all(_fits(part, depth - 1) for part in value)
    return not isinstance(value, int) or abs(value) <= MAX_INTEGER


def _unauthorized(message: str) -> ProtocolError:
    return ProtocolError("unauthorized", message)
