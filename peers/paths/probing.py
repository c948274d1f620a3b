"""Asks STUN and TURN servers, beside the join, whether they answer: an attempt then waits for none that doesn't.

Nothing here needs aiortc, which may still be loading.
"""

import asyncio
import logging
import os
import struct
from typing import Any, Final

from peers.paths.ice_servers import IceServers, Memory, Server

log = logging.getLogger("eitherway.direct")

TIMEOUT: Final = 2.0
"""Seconds that a server has to answer, connecting included."""
RESENT_AFTER: Final = 0.5
"""Seconds after which a request over UDP is sent again (RFC 8489 section 6.2.1)."""

_COOKIE: Final = 0x2112A442
_HEADER: Final = struct.Struct("!HHI12s")
_BINDING: Final = 0x001
_REFRESH: Final = 0x004
_RESPONSE: Final = 0x100
_ERROR: Final = 0x110


async def probe(server: Server) -> float:
    """Ask a server, and return after how many seconds it answered.

    A TURN server is asked to refresh what we don't have: any answer, its refusal too, shows that it is there, and
    nothing is allocated. Raises OSError (TimeoutError among them).
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with asyncio.timeout(TIMEOUT):
        await (_ask_by_udp if server.transport == "udp" else _ask_by_tcp)(server)
    return loop.time() - begun


async def _ask_by_udp(server: Server) -> None:
    loop = asyncio.get_running_loop()
    request = _request(server)
    transport, asker = await loop.create_datagram_endpoint(
        lambda: _Asker(request), remote_addr=(server.host, server.port)
    )
    try:
        while True:
            transport.sendto(request)
            done, _ = await asyncio.wait([asker.answered], timeout=RESENT_AFTER)
            if done:
                return asker.answered.result()
    finally:
        asker.answered.cancel()
        transport.close()


class _Asker(asyncio.DatagramProtocol):
    def __init__(self, request: bytes) -> None:
        self._request = request
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if not self.answered.done() and _answers(data, self._request):
            self.answered.set_result(None)

    def error_received(self, exc: Exception) -> None:
        if not self.answered.done():
            self.answered.set_exception(exc)


async def _ask_by_tcp(server: Server) -> None:
    request = _request(server)
    reader, writer = await asyncio.open_connection(server.host, server.port, ssl=True if server.tls else None)
    try:
        writer.write(request)
        if not _answers(await reader.readexactly(_HEADER.size), request):
            raise ConnectionError("it answers, but not as a TURN server")
    except asyncio.IncompleteReadError:
        raise ConnectionError("it closes the connection") from None
    finally:
        writer.transport.abort()


def _request(server: Server) -> bytes:
    return _HEADER.pack(_REFRESH if server.relays else _BINDING, 0, _COOKIE, os.urandom(12))


def _answers(data: bytes, request: bytes) -> bool:
    """Whether a packet begins with the header of an answer to a request (RFC 8489 section 5)."""
    if len(data) < _HEADER.size:
        return False
    kind, _, *rest = _HEADER.unpack_from(data)
    asked, _, *expected = _HEADER.unpack(request)
    return kind in (asked | _RESPONSE, asked | _ERROR) and rest == expected


class Prober:
    """Probes servers beside what else a client does, and remembers what came of it."""

    def __init__(self) -> None:
        self.memory = Memory()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def probe(self, servers: IceServers) -> None:
        """Ask those of which nothing is known yet."""
        loop = asyncio.get_running_loop()
        for server in (*servers.stun, *servers.turn):
            if server.url not in self._tasks and not self.memory.is_known(server, loop.time()):
                task = self._tasks[server.url] = loop.create_task(self._probe(server), name=f"probe {server.url}")
                task.add_done_callback(lambda _, url=server.url: self._tasks.pop(url))  # type: ignore[misc]

    async def _probe(self, server: Server) -> None:
        now = asyncio.get_running_loop().time
        try:
            seconds = await probe(server)
        # UnicodeError: a host name that cannot be one.
        except (OSError, UnicodeError) as error:
            log.info("ICE server %s doesn't answer: %r", server.url, error)
            self.memory.failed(server, now())
        else:
            log.debug("ICE server %s answered in %.0f ms", server.url, seconds * 1_000)
            self.memory.answered(server, seconds, now())

    def forget(self) -> None:
        """The connection is gone, and this may be another network now: what is known does not count, nor what is about
        to be."""
        for task in self._tasks.values():
            task.cancel()
        self.memory.forget()
