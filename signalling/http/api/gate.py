"""What whoever makes a request may do: by its token, or on an open server by where it comes from."""

import time
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from signalling.access import Access, Grant
from signalling.config import Config
from signalling.protocol.errors import ProtocolError
from signalling.throttle import TokenBuckets, client_address, is_loopback
from signalling.tokens import Verifier, bearer


class Gate:
    """Admits requests. `wall` is Unix time in seconds."""

    def __init__(self, verifier: Verifier, config: Config, wall: Callable[[], float]) -> None:
        self._verifier = verifier
        self._config = config
        self._wall = wall
        self._by_address = TokenBuckets(config.event_rate, config.event_burst)
        self._by_user = TokenBuckets(config.event_rate, config.event_burst)
        self._may_be_hidden = is_loopback(config.host) and not config.trust_forwarded
        """Whether clients may come by a proxy on this machine that does not say so: nothing else would reach us."""

    def access(self, request: web.Request) -> Access:
        """What a request may do. Raises ProtocolError `unauthorized`."""
        token = bearer(request.headers.get("Authorization"), request.query.get("token"))
        return self._verifier.access(token, self._wall())

    def admit(self, request: web.Request, grant: Grant, room: str | None = None) -> Access:
        """The same, if it has this grant. Raises ProtocolError `unauthorized`, `forbidden`."""
        access = self.access(request)
        access.check(grant, room)
        if grant == "admin" and self._verifier.is_open and not self._is_operator(request):
            raise ProtocolError(
                "forbidden",
                "without tokens, this is only for programs on the server's own machine, and not for pages: configure a "
                "secret (docs/how-to/tokens.md)",
            )
        return access

    def admit_operator(self, request: web.Request) -> None:
        """Admits whoever has the grant `admin`, and without a token programs on this machine, if a proxy would have
        said that it is one. Raises ProtocolError `unauthorized`, `forbidden`.
        """
        if self._verifier.is_open or self._may_be_hidden or not self._is_operator(request):
            self.admit(request, "admin")

    def pace(self, request: web.Request, access: Access) -> None:
        """Counts a request. Raises ProtocolError `rate-limited` if there are too many from its address, or of its user:
        for these the same holds as for the events of a Socket.IO client.
        """
        now = time.monotonic()
        retry_after = self._by_address.take(self.address(request), now)
        if not retry_after and access.user is not None:
            retry_after = self._by_user.take(access.user, now)
        if retry_after:
            raise ProtocolError(
                "rate-limited",
                f"{self._config.event_rate:g} posts a second from one address, and of one user, are all",
                retry_after=round(retry_after, 3),
            )

    def has_expired(self, access: Access) -> bool:
        """Whether what was granted is over."""
        return access.expires is not None and access.expires <= self._wall()

    def address(self, request: web.Request) -> str:
        """The address that a request comes from."""
        environ: dict[str, Any] = {"aiohttp.request": request}
        if (forwarded := request.headers.get("X-Forwarded-For")) is not None:
            environ["HTTP_X_FORWARDED_FOR"] = forwarded
        return client_address(environ, self._config.trust_forwarded)

    def _is_operator(self, request: web.Request) -> bool:
        """Whether a request comes from a program on this machine, by no proxy and from no page: a browser on it asks
        for whatever page somebody opens, which may have had its own host's name point here.
        """
        if any(header in request.headers for header in _OF_PROXIES_AND_PAGES):
            return False
        return is_loopback(request.remote or "") and is_loopback(_host_name(request.host))


_OF_PROXIES_AND_PAGES: Final = ("Forwarded", "X-Forwarded-For", "Via", "Origin", "Sec-Fetch-Site")


def _host_name(host: str) -> str:
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
