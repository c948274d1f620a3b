"""A TCP proxy in front of a server: it can stall and delay what passes, each way, and hang up.

A stalled connection is what a cut cable leaves: nothing arrives, and no end of a connection is told either. What was
sent meanwhile arrives when the network is healed, as with TCP.
"""

import asyncio
import contextlib
import socket
import struct
import sys
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from peers.testing.rules import Weather

HEADER = "eitherway-client"
"""The HTTP header by which a client of this process tells the front who it is."""
MAX_HEAD = 65_536
"""Bytes in the head of a connection's first request."""
PIECE = 65_536
"""Bytes that are passed on at a time."""
MAX_WAITING = 4 * 1024 * 1024
"""Bytes that may be on their way in one direction of one connection; then no more are read."""

_NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)

Forecast = Callable[[str, str | None, str | None], Weather]
"""What happens to a packet on a path, from one client to another; None is the server, or unknown."""


class Front:
    """Listens on a loopback port and passes on to another. All of it lives in one event loop."""

    def __init__(self, backend: int, forecast: Forecast) -> None:
        self.backend, self._forecast = backend, forecast
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], _Connection] = {}
        self._news = asyncio.Event()

    async def start(self, port: int) -> int:
        """Listen, on any free port if it is 0. Returns the port. Raises OSError."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port, limit=MAX_HEAD)
        return int(self._server.sockets[0].getsockname()[1])

    def changed(self) -> None:
        """The weather has changed: look again."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    def hang_up(self, client: str | None = None) -> None:
        """Reset the connections of one client, or all."""
        for task, connection in self._connections.items():
            if client in (None, connection.client):
                connection.reset()
                task.cancel()

    async def close(self, patience: float = 0.0) -> None:
        """Listen no more, and reset every connection that does not end by itself within so many seconds."""
        if self._server is not None:
            self._server.close()
        if patience and self._connections:
            await asyncio.wait(self._connections, timeout=patience)
        while self._connections:
            self.hang_up()
            await asyncio.wait(self._connections)

    async def arrival(self, sender: str | None, receiver: str | None, sent: float) -> None:
        """Until what was sent at this time may arrive."""
        loop = asyncio.get_running_loop()
        while True:
            weather, news = self._forecast("relay", sender, receiver), self._news
            due = sent + weather.delay
            if not weather.cut and due <= loop.time():
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(None if weather.cut else due):
                    await news.wait()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(self, reader, writer)
        task = asyncio.get_running_loop().create_task(connection.run())
        self._connections[task] = connection
        task.add_done_callback(self._connections.pop)


class _Connection:
    """A client's connection, and the one to the server that goes with it."""

    def __init__(self, front: Front, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._front, self._reader, self._writer = front, reader, writer
        self._onward: asyncio.StreamWriter | None = None
        self.client: str | None = None

    async def run(self) -> None:
        """Pass on, both ways, until both ends have ended."""
        try:
            await self._run()
        except (OSError, EOFError, asyncio.LimitOverrunError):
            self.reset()  # an end went away, or spoke no HTTP
        finally:
            for writer in (self._writer, self._onward):
                if writer is not None:
                    writer.close()

    async def _run(self) -> None:
        head = await self._reader.readuntil(b"\r\n\r\n")
        self.client = _named(head)
        await self._front.arrival(self.client, None, asyncio.get_running_loop().time())
        if self._reader.at_eof():
            return
        reader, self._onward = await asyncio.open_connection("127.0.0.1", self._front.backend)
        self._onward.write(head)
        async with asyncio.TaskGroup() as pumps:
            pumps.create_task(self._pump(self._reader, self._onward, self.client, None))
            pumps.create_task(self._pump(reader, self._writer, None, self.client))

    def reset(self) -> None:
        """Break both connections off, so that who uses them notices at once."""
        for writer in (self._writer, self._onward):
            if writer is not None:
                reset(writer)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sender: str | None, receiver: str | None
    ) -> None:
        """Pass on one direction, and in the end that it has ended."""
        flow = _Flow()
        reading = asyncio.get_running_loop().create_task(flow.fill(reader))
        try:
            while True:
                piece = await flow.next()
                await self._front.arrival(sender, receiver, piece.sent)
                if piece.broken:
                    return self.reset()
                if writer.is_closing():
                    return None  # the other direction knows, and tells when it may
                if not piece.data:
                    return writer.write_eof()
                writer.write(piece.data)
                await writer.drain()
                flow.passed_on(piece)
        except OSError:
            return self.reset()
        finally:
            reading.cancel()


class _Piece(NamedTuple):
    """What was read at one time. `data` is empty when the sender has ended, `broken` when it was reset."""

    sent: float
    data: bytes
    broken: bool = False


class _Flow:
    """What is on its way in one direction, bounded."""

    def __init__(self) -> None:
        self._pieces: deque[_Piece] = deque()
        self._size = 0
        self._news = asyncio.Event()
        self._room = asyncio.Event()

    async def fill(self, reader: asyncio.StreamReader) -> None:
        """Read until the sender has ended."""
        loop = asyncio.get_running_loop()
        broken = False
        while True:
            try:
                data = await reader.read(PIECE)
            except OSError:
                data, broken = b"", True
            self._pieces.append(_Piece(loop.time(), data, broken))
            self._size += len(data)
            self._news.set()
            if not data:
                return
            while self._size >= MAX_WAITING:
                self._room.clear()
                await self._room.wait()

    async def next(self) -> _Piece:
        """The next piece; it counts until it is `passed_on`."""
        while not self._pieces:
            self._news.clear()
            await self._news.wait()
        return self._pieces.popleft()

    def passed_on(self, piece: _Piece) -> None:
        """Its bytes are no longer waiting."""
        self._size -= len(piece.data)
        self._room.set()


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by a reset, as a system does whose program is gone; `abort` alone would end it in good order."""
    with contextlib.suppress(OSError):  # it is closed already
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    writer.transport.abort()


def _named(head: bytes) -> str | None:
    """The client that a request's head names."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == HEADER.encode():
            return value.strip().decode("ascii", "replace")
    return None
