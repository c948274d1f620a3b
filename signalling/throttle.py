"""How much one client may do, on average and at once, and how many may come from one address."""

import ipaddress
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

MOST_BUCKETS: Final = 16_384
"""Addresses, or users, for which it is remembered how much they have done of late."""


class TokenBucket:
    """Holds up to `burst` tokens and gains `rate` of them a second. It starts full. `now` is in seconds, monotonic."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, tokens: float, now: float) -> float:
        """Takes tokens and returns 0.0; or takes none and returns in how many seconds there will be enough.

        More than a full bucket is granted when the bucket is full, and paid off afterwards: what is allowed at all
        must be possible some time.
        """
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        wanted = min(tokens, self._burst)
        if self._tokens < wanted:
            return (wanted - self._tokens) / self._rate
        self._tokens -= tokens
        return 0.0


class TokenBuckets:
    """A bucket for each name that has taken from one of late. What is forgotten starts full: those that are full again
    by now, and, of more than `MOST_BUCKETS`, the one that was not used for the longest time.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._used: dict[str, tuple[float, TokenBucket]] = {}
        """When, and the bucket; the one that was used last is the last."""

    def __len__(self) -> int:
        return len(self._used)

    def take(self, name: str, now: float) -> float:
        """Takes one token, or none; see `TokenBucket.take`."""
        _, bucket = self._used.pop(name, (now, None))
        if bucket is None:
            bucket = TokenBucket(self._rate, self._burst, now)
        self._used[name] = now, bucket
        for _ in range(2):  # one comes, two go: they do not pile up
            oldest, (used, _) = next(iter(self._used.items()))
            if used < now - self._burst / self._rate or len(self._used) > MOST_BUCKETS:
                del self._used[oldest]
        return bucket.take(1, now)


class Connections:
    """Who is connected from where, whether in a room or not. Connections are known by ids of the engine's."""

    def __init__(self, most: int, trust_forwarded: bool) -> None:
        """`most` connections are served from one address; as many again are let in to be told so."""
        self._most = most
        self._trust_forwarded = trust_forwarded
        self._address: dict[str, str] = {}
        self._count: Counter[str] = Counter()
        self._silent: dict[str, float] = {}

    def opened(self, connection: str, environ: Mapping[str, Any], now: float) -> bool:
        """Counts a new connection. False: its address has too many by far, refuse it."""
        address = client_address(environ, self._trust_forwarded)
        if self._count[address] >= 2 * self._most:
            return False
        self._address[connection] = address
        self._count[address] += 1
        self._silent[connection] = now
        return True

    def closed(self, connection: str) -> None:
        """Forgets a connection."""
        self._silent.pop(connection, None)
        address = self._address.pop(connection, None)
        if address is None:
            return
        self._count[address] -= 1
        if not self._count[address]:
            del self._count[address]

    def over_limit(self, connection: str) -> bool:
        """Whether this connection's address has more than are served."""
        return self._count[self._address.get(connection, "")] > self._most

    def greeted(self, connection: str) -> None:
        """This connection is in use."""
        self._silent.pop(connection, None)

    def silent(self, before: float) -> list[str]:
        """The connections opened before then that have not been in use."""
        return [connection for connection, opened in self._silent.items() if opened < before]


def client_address(environ: Mapping[str, Any], trust_forwarded: bool) -> str:
    """The address that a request came from: behind a trusted proxy, the last one that the proxy names."""
    if trust_forwarded and (forwarded := environ.get("HTTP_X_FORWARDED_FOR")):
        return str(forwarded).rpartition(",")[2].strip()
    request = environ.get("aiohttp.request")
    if request is not None:
        return str(request.remote)
    client = environ.get("asgi.scope", {}).get("client")
    return str(client[0]) if client else str(environ.get("REMOTE_ADDR", ""))


def is_loopback(host: str) -> bool:
    """Whether this is an address of the machine itself, which only its own programs reach, or `localhost`."""
    try:
        parsed = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host.lower() == "localhost"
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback
