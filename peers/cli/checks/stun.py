"""Asks STUN and TURN servers, as the library does, and times their answers."""

import asyncio
import socket
from typing import Any

from aioice import stun, turn

from peers.cli.checks.nat import Address, Seen
from peers.paths.probing import RESENT_AFTER

FREEING = 1.0
"""Seconds for a TURN server to confirm that an allocation is given back."""


class Asker(asyncio.DatagramProtocol):
    """One UDP socket that asks any number of STUN servers: what they see can be compared. An async context manager."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport
        self._answers: dict[bytes, asyncio.Future[Address]] = {}

    async def __aenter__(self) -> "Asker":
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("0.0.0.0", 0))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._transport.close()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """An answer, perhaps."""
        try:
            message = stun.parse_message(data)
        except Exception:  # the parser raises what its struct calls raise, on whatever comes here
            return
        answer = self._answers.get(message.transaction_id)
        mapped = message.attributes.get("XOR-MAPPED-ADDRESS", message.attributes.get("MAPPED-ADDRESS"))
        if answer is not None and not answer.done() and mapped is not None:
            answer.set_result((str(mapped[0]), int(mapped[1])))

    def error_received(self, exc: Exception) -> None:
        """A closed port, say: the time-out tells."""

    async def ask(self, host: str, port: int, timeout: float) -> tuple[Seen, float]:
        """How a server sees us, and after how many seconds it said so. Raises OSError (TimeoutError among them)."""
        loop = asyncio.get_running_loop()
        server = await _resolve(host, port)
        request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        answer = self._answers[request.transaction_id] = loop.create_future()
        begun = loop.time()
        try:
            async with asyncio.timeout(timeout):
                while not answer.done():
                    self._transport.sendto(bytes(request), server)
                    await asyncio.wait([answer], timeout=RESENT_AFTER)
        finally:
            del self._answers[request.transaction_id]
            answer.cancel()
        local = (_local_address(server), int(self._transport.get_extra_info("sockname")[1]))
        return Seen(server, local, answer.result()), loop.time() - begun


async def _resolve(host: str, port: int) -> Address:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    return str(found[0][4][0]), port


def _local_address(server: Address) -> str:
    """The address that packets to a server are sent from."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(server)
        return str(probe.getsockname()[0])


class _Allocated(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.gone = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()


async def allocate(
    host: str, port: int, *, transport: str, tls: bool, username: str, credential: str, timeout: float
) -> tuple[Address, float]:
    """An address of a TURN server (RFC 8656), given back at once, and after how many seconds it came.

    Raises OSError (TimeoutError among them), `aioice.stun.TransactionFailed` if it refuses.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with asyncio.timeout(timeout):
        allocation, protocol = await turn.create_turn_endpoint(
            _Allocated, (host, port), username, credential, ssl=tls or None, transport=transport
        )
    seconds = loop.time() - begun
    address = allocation.get_extra_info("sockname")
    allocation.close()
    try:
        async with asyncio.timeout(FREEING):
            await protocol.gone.wait()
    except TimeoutError:
        pass  # it gave an address and does not take it back: the allocation expires by itself
    return (str(address[0]), int(address[1])), seconds
