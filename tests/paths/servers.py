"""STUN and TURN servers for tests, as small as they can be (RFC 8489, RFC 8656)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from aioice import stun

from signalling.protocol.events import IceServer

MAPPED = "198.51.100.1"
"""The address that the servers claim to have seen: not the one asked from, as behind a NAT."""
RELAYED = ("198.51.100.2", 49_152)
"""The address that the TURN server claims to have allocated."""


class Server(asyncio.DatagramProtocol):
    """Answers Binding and Allocate requests after a delay, and nothing else: no Refresh, which would free.

    `refuses`: with an error, that of a user who is not known.
    """

    def __init__(self, delay: float, refuses: bool) -> None:
        self._delay, self._refuses = delay, refuses

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: tuple[Any, ...]) -> None:
        request = stun.parse_message(data)
        if request.message_method not in (stun.Method.BINDING, stun.Method.ALLOCATE):
            return
        kind = stun.Class.ERROR if self._refuses else stun.Class.RESPONSE
        response = stun.Message(request.message_method, kind, request.transaction_id)
        if self._refuses:
            response.attributes["ERROR-CODE"] = (403, "Forbidden")
        else:
            response.attributes["XOR-MAPPED-ADDRESS"] = (MAPPED, address[1])
        if request.message_method == stun.Method.ALLOCATE and not self._refuses:
            response.attributes["XOR-RELAYED-ADDRESS"] = RELAYED
            response.attributes["LIFETIME"] = 600
        asyncio.get_running_loop().call_later(self._delay, self._transport.sendto, bytes(response), address)


@asynccontextmanager
async def ice_server(
    scheme: str = "stun", delay: float = 0.0, port: int = 0, *, refuses: bool = False
) -> AsyncIterator[list[IceServer]]:
    """Run one, and tell how it is named in a list of ICE servers."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Server(delay, refuses), local_addr=("0.0.0.0", port)
    )
    try:
        port = transport.get_extra_info("sockname")[1]
        yield [IceServer(urls=[f"{scheme}:127.0.0.1:{port}"], username="user", credential="secret")]
    finally:
        transport.close()
