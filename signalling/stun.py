"""A STUN responder on UDP: tells a peer the address that its packets come from (RFC 8489, Binding only)."""

import asyncio
import logging
import socket
from typing import Final

from aioice import stun

log = logging.getLogger(__name__)

_LARGEST: Final = 548
"""Bytes in the largest request looked at; RFC 8489 keeps requests within the smallest IPv4 path MTU, 576."""


class StunResponder(asyncio.DatagramProtocol):
    """Answers binding requests, each with one packet of about its size. Anything else is ignored."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self, host: str, port: int) -> int:
        """Listens and returns the port; an empty host is every address, of IPv4 and IPv6. Raises OSError."""
        loop = asyncio.get_running_loop()
        if host:
            transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))
        else:
            transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=_every_address(port))
        self._transport = transport
        return int(transport.get_extra_info("sockname")[1])

    def close(self) -> None:
        """Stops listening."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = respond(data, (addr[0], addr[1]))
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)

    def error_received(self, exc: Exception) -> None:
        log.debug("STUN: %s", exc)


def _every_address(port: int) -> socket.socket:
    """A socket on all addresses of IPv4 and IPv6; of IPv4 alone where there is no IPv6."""
    if socket.has_dualstack_ipv6():
        made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    else:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.bind(("", port))
    except OSError:
        made.close()
        raise
    return made


def respond(data: bytes, address: tuple[str, int]) -> bytes | None:
    """The answer to a datagram from `address`; None unless it is a binding request."""
    if len(data) > _LARGEST:
        return None
    try:
        request = stun.parse_message(data)
    except Exception:  # the parser raises what its struct calls raise; no datagram may stop the responder
        return None
    if request.message_method != stun.Method.BINDING or request.message_class != stun.Class.REQUEST:
        return None
    response = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.RESPONSE,
        transaction_id=request.transaction_id,
        attributes={"XOR-MAPPED-ADDRESS": _unmapped(address)},
    )
    if "FINGERPRINT" in request.attributes:
        response.add_fingerprint()
    return bytes(response)


def _unmapped(address: tuple[str, int]) -> tuple[str, int]:
    """An IPv4 address that an IPv6 socket shows as ::ffff:a.b.c.d, as itself."""
    host, port = address
    return host.removeprefix("::ffff:").partition("%")[0] if "." in host else host.partition("%")[0], port
