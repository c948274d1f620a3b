"""The STUN and TURN servers that we were told of, and what is known of each: whether it answers, and how fast."""

import ipaddress
import logging
import re
from collections.abc import Iterable, Sequence

import msgspec

from signalling.protocol.events import IceServer

log = logging.getLogger("eitherway.direct")

MAX_SERVERS = 4
"""STUN servers, and as many TURN servers, that are used."""
REMEMBERED = 300.0
"""Seconds for which it is remembered whether a server answered."""
MAX_REMEMBERED = 64
"""Servers that are remembered; the oldest are forgotten."""

# RFC 7064 section 3.1 and RFC 7065 section 3.1.
_URL = re.compile(
    r"(?P<scheme>stuns?|turns?):(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:?/\s]+)(:(?P<port>\d{1,5}))?"
    r"(\?transport=(?P<transport>\w+))?"
)
_PORTS = {"stun": 3478, "turn": 3478, "turns": 5349}
_TRANSPORTS = {("stun", None): "udp", ("turn", None): "udp", ("turns", None): "tcp"} | {
    (scheme, transport): transport for scheme, transport in (("turn", "udp"), ("turn", "tcp"), ("turns", "tcp"))
}


class Server(msgspec.Struct, frozen=True):
    """One server: how to reach it, and with what credential."""

    url: str
    scheme: str
    host: str
    port: int
    transport: str
    """"udp" or "tcp"."""
    username: str | None = None
    credential: str | None = None

    @property
    def relays(self) -> bool:
        """Whether it is a TURN server."""
        return self.scheme != "stun"

    @property
    def tls(self) -> bool:
        """Whether it is spoken to over TLS."""
        return self.scheme == "turns"


def parse_servers(told: Iterable[IceServer]) -> tuple[list[Server], list[Server]]:
    """The STUN and TURN servers that can be used, in the order given, and `MAX_SERVERS` of each.

    Left out, with a word in the log: malformed URLs, `stuns:`, TURN without a credential. Left out without: STUN at an
    IPv6 address, since there are no NATs to ask about.
    """
    stun: list[Server] = []
    turn: list[Server] = []
    for entry in told:
        for url in entry.urls:
            try:
                server = _parse(url, entry)
            except ValueError as error:
                log.warning("ICE server %r is left out: %s", url, error)
                continue
            if server.relays:
                turn.append(server)
            elif not _is_ipv6(server.host):
                stun.append(server)
    return stun[:MAX_SERVERS], turn[:MAX_SERVERS]


def _parse(url: str, entry: IceServer) -> Server:
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError("its URL is malformed")
    scheme, host = match["scheme"], match["host"].strip("[]")
    transport = _TRANSPORTS.get((scheme, match["transport"]))
    port = int(match["port"] or _PORTS.get(scheme, 0))
    if transport is None or not 0 < port < 65_536:
        raise ValueError("not supported")
    if scheme == "stun":
        return Server(url, scheme, host, port, transport)
    if entry.username is None or entry.credential is None:
        raise ValueError("the signalling server gave no credential for it")
    return Server(url, scheme, host, port, transport, entry.username, entry.credential)


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


class _Known(msgspec.Struct, frozen=True):
    seconds: float | None
    """How long its answer took; None: it was silent, or refused."""
    until: float


class Memory:
    """Which servers answered in the last minutes, by their URLs. No clock: `now` is the event loop's time."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def answered(self, server: Server, seconds: float, now: float) -> None:
        """It answered. What it took the first time stays: a probe is quicker than an allocation."""
        known = self._get(server, now)
        if known is None or known.seconds is None:
            self._note(server, seconds, now)

    def failed(self, server: Server, now: float) -> None:
        """It was silent, or would have nothing to do with us."""
        self._note(server, None, now)

    def is_known(self, server: Server, now: float) -> bool:
        """Whether it has answered or failed lately."""
        return self._get(server, now) is not None

    def seconds(self, server: Server, now: float) -> float | None:
        """How long its answer took. None: it failed, or nothing is known of it."""
        known = self._get(server, now)
        return known.seconds if known is not None else None

    def has_failed(self, server: Server, now: float) -> bool:
        """Whether it was silent lately, or refused."""
        known = self._get(server, now)
        return known is not None and known.seconds is None

    def best_first(self, servers: Sequence[Server], now: float) -> list[Server]:
        """Those that answered, the quickest first; then the unknown ones; at last those that failed."""

        def place(server: Server) -> tuple[int, float]:
            known = self._get(server, now)
            if known is None:
                return 1, 0.0
            return (0, known.seconds) if known.seconds is not None else (2, 0.0)

        return sorted(servers, key=place)

    def forget(self) -> None:
        """This may be another network now."""
        self._known.clear()

    def _get(self, server: Server, now: float) -> _Known | None:
        known = self._known.get(server.url)
        return known if known is not None and known.until > now else None

    def _note(self, server: Server, seconds: float | None, now: float) -> None:
        self._known.pop(server.url, None)
        while len(self._known) >= MAX_REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[server.url] = _Known(seconds, now + REMEMBERED)


class IceServers:
    """What an attempt uses: servers, and what is known of them."""

    def __init__(self, told: Iterable[IceServer], memory: Memory) -> None:
        self.stun, self.turn = parse_servers(told)
        self.memory = memory
