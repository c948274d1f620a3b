"""What whoever makes a request may do: by its token, or on an open server by where it comes from."""

import ipaddress
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from signalling.access import Access, Grant
from signalling.config import Config
from signalling.protocol.errors import ProtocolError
from signalling.throttle import client_address
from signalling.tokens import Verifier, bearer


class Gate:
    """Admits requests. `wall` is Unix time in seconds."""

    def __init__(self, verifier: Verifier, config: Config, wall: Callable[[], float]) -> None:
        self._verifier = verifier
        self._config = config
        self._wall = wall

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
        return _is_loopback(request.remote or "") and _is_loopback(_host_name(request.host))


_OF_PROXIES_AND_PAGES: Final = ("Forwarded", "X-Forwarded-For", "Via", "Origin", "Sec-Fetch-Site")


def _host_name(host: str) -> str:
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return "127.0.0.1" if name.lower() == "localhost" else name


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback
