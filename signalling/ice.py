"""The ICE servers that a newcomer is told of."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from signalling.protocol.events import IceServer


def ice_servers(configured: Iterable[str], stun_port: int | None, host: str) -> list[IceServer]:
    """The configured ones, after our own STUN responder under the name that the client dialled (a Host header)."""
    servers = [IceServer(urls=[url]) for url in configured]
    name = _hostname(host)
    if stun_port is not None and name:
        servers.insert(0, IceServer(urls=[f"stun:{name}:{stun_port}"]))
    return servers


def _hostname(host: str) -> str | None:
    """The host without its port; an IPv6 address keeps its brackets (RFC 7064)."""
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return None
    return f"[{name}]" if name and ":" in name else name
