"""Which addresses webhooks are sent to: public ones, whatever a URL's host resolves to at the moment.

The guard makes the sockets, so that it sees the very address that is connected to, at each attempt: neither a second
resolution nor an address spelled in an unusual way gets by.
"""

import ipaddress
import socket
from typing import Any, Final

IPv4: Final = ipaddress.IPv4Address

_PRIVATE_4: Final = tuple(
    (ipaddress.IPv4Network(network), what)
    for network, what in (
        ("0.0.0.0/8", "an unspecified"),
        ("10.0.0.0/8", "a private"),
        ("100.64.0.0/10", "a shared (RFC 6598)"),
        ("127.0.0.0/8", "a loopback"),
        ("169.254.0.0/16", "a link-local"),
        ("172.16.0.0/12", "a private"),
        ("192.0.0.0/24", "a reserved"),
        ("192.0.2.0/24", "a documentation"),
        ("192.88.99.0/24", "a reserved"),
        ("192.168.0.0/16", "a private"),
        ("198.18.0.0/15", "a benchmarking"),
        ("198.51.100.0/24", "a documentation"),
        ("203.0.113.0/24", "a documentation"),
        ("224.0.0.0/4", "a multicast"),
        ("240.0.0.0/4", "a reserved"),
    )
)
_PUBLIC_6: Final = ipaddress.IPv6Network("2000::/3")
"""Global unicast; of the rest, nothing is to be reached over the internet but what translates to IPv4."""
_PRIVATE_6: Final = tuple(
    (ipaddress.IPv6Network(network), what)
    for network, what in (
        ("2001::/23", "a reserved"),
        ("2001:db8::/32", "a documentation"),
        ("3fff::/20", "a documentation"),
    )
)
_NAMES_6: Final = tuple(
    (ipaddress.IPv6Network(network), what)
    for network, what in (
        ("::/128", "an unspecified"),
        ("::1/128", "a loopback"),
        ("fc00::/7", "a private"),
        ("fe80::/10", "a link-local"),
        ("ff00::/8", "a multicast"),
    )
)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR: Final = ipaddress.IPv6Network("2002::/16")


class Forbidden(OSError):
    """An address that webhooks are not sent to."""


def why_not(address: str) -> str | None:
    """Why webhooks are not sent to an IP address ("a loopback"), or None. Raises ValueError if it is none."""
    found = ipaddress.ip_address(address)
    return _why_not_4(found) if isinstance(found, IPv4) else _why_not_6(found)


def make_socket(info: tuple[Any, ...]) -> socket.socket:
    """A socket for one address (aiohttp's `socket_factory`). Raises Forbidden."""
    family, kind, protocol, _, address = info
    what = why_not(address[0])
    if what is not None:
        raise Forbidden(f"{address[0]} is {what} address; --webhook-allow-private allows it")
    return socket.socket(family, kind, protocol)


def _why_not_4(address: ipaddress.IPv4Address) -> str | None:
    return next((what for network, what in _PRIVATE_4 if address in network), None)


def _why_not_6(address: ipaddress.IPv6Address) -> str | None:
    if address.ipv4_mapped is not None:
        return _why_not_4(address.ipv4_mapped)
    if address in _NAT64:
        return _why_not_4(IPv4(int(address) & 0xFFFF_FFFF))
    if address in _SIX_TO_FOUR:
        return _why_not_4(IPv4(int(address) >> 80 & 0xFFFF_FFFF))
    if address not in _PUBLIC_6:
        return next((what for network, what in _NAMES_6 if address in network), "a reserved")
    return next((what for network, what in _PRIVATE_6 if address in network), None)
