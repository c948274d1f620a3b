"""What a doctor may meet: STUN servers that see somebody else, or are silent; a proxy that knows no WebSocket."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import cast

from aioice import stun


class Responder(asyncio.DatagramProtocol):
    """A STUN server that says it has seen a certain address."""

    def __init__(self, mapped: tuple[str, int] | None, deaf_to: int) -> None:
        self._mapped, self._deaf_to = mapped, deaf_to

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._deaf_to -= 1
        if self._deaf_to >= 0:
            return
        request = stun.parse_message(data)
        response = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, request.transaction_id)
        response.attributes["XOR-MAPPED-ADDRESS"] = self._mapped or addr
        self._transport.sendto(b"nonsense", addr)
        self._transport.sendto(bytes(response), addr)


@asynccontextmanager
async def stun_server(mapped: tuple[str, int] | None = None, deaf_to: int = 0) -> AsyncIterator[str]:
    """Run one, and tell its URL. Without `mapped` it tells the truth; the first `deaf_to` requests are lost."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Responder(mapped, deaf_to), local_addr=("127.0.0.1", 0)
    )
    try:
        yield f"stun:127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()


@contextmanager
def silent() -> Iterator[str]:
    """The URL of a STUN server that never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        yield f"stun:127.0.0.1:{deaf.getsockname()[1]}"


@asynccontextmanager
async def without_websocket(port: int) -> AsyncIterator[str]:
    """The URL of a proxy before a server's port that refuses WebSocket, as old reverse proxies do."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(cast("asyncio.Task[None]", asyncio.current_task()))
        with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(writer):
            head = await reader.readuntil(b"\r\n\r\n")
            if b"upgrade: websocket" in head.lower():
                writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            onward_reader, onward = await asyncio.open_connection("127.0.0.1", port)
            with contextlib.closing(onward):
                onward.write(head)
                pumps = [
                    asyncio.create_task(pump(reader, onward)),
                    asyncio.create_task(pump(onward_reader, writer)),
                ]
                try:
                    await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for task in pumps:
                        task.cancel()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
