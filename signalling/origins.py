"""Origins (RFC 6454): of pages that use the server, and of the URLs by which it is dialled."""

import functools
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

_DEFAULT_PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}


@functools.lru_cache(maxsize=64)  # few, and each again at every join
def normal(origin: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an origin, however it is spelled; None if it is none of the web."""
    try:
        parts = urlsplit(origin)
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None:
        return None
    return parts.scheme, parts.hostname, port


def allows(origins: Collection[str], origin: str | None) -> bool:
    """Whether a request may come: from a page of the configured origins, from any if there are none, or (None) from a
    program that is no page.
    """
    if origin is None or not origins or origin in origins:
        return True
    found = normal(origin)
    return found is not None and found in map(normal, origins)
