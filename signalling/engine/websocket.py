"""The aiohttp driver's WebSocket: without compression, refusing what is no packet, and with a way to cut it off."""

import asyncio
import socket
from collections.abc import Awaitable
from typing import Any, Final, NoReturn, Protocol, cast

import engineio.packet
from aiohttp import WSMsgType, web
from engineio.async_drivers import aiohttp as driver

from signalling.engine.packets import Parts, Shared
from signalling.engine.queue import FedQueue
from signalling.engine.relays import RelayReader
from signalling.protocol.events import Relay
from signalling.protocol.writing import BINARY, TEXT, gather_writes

_UNSENT: Final = 65_536
"""Bytes that the kernel may hold unsent: what waits for a slow client must wait where it is counted."""
_DATA: Final = frozenset((WSMsgType.TEXT, WSMsgType.BINARY))
_TYPES: Final = frozenset("0123456")
_CONTROL_CHARACTERS: Final = 16
"""Every engine.io packet but a message is short."""
_TURN_FRAMES: Final = 32
"""Frames of relays that are handled in one turn of the event loop, if so many have come: what each causes to be written
goes out together, by one system call for each client."""
_TURN_BYTES: Final = 65_536
"""Or so many bytes of them."""


class Relayed(Protocol):
    """Where `relay` events go, by engine.io's ids of the clients that they come from."""

    namespace: str

    def takes_relays(self, eio_sid: str) -> bool:
        """Whether this client is in the namespace."""

    def relay(self, eio_sid: str, relay: Relay) -> Awaitable[object] | None:
        """Handles one; what it returns is to be awaited."""

    async def cut_off(self, eio_sid: str, reason: str) -> None:
        """Ends the connection of a client now."""


class WebSocket(driver.WebSocket):  # type: ignore[misc]
    """One connection over WebSocket. Compression would cost 100 KB of memory, and sealed bytes don't shrink."""

    def __init__(self, relayed: Relayed, handler: Any, server: Any) -> None:
        super().__init__(handler, server)
        self._relayed = relayed
        self._reader = RelayReader(relayed.namespace)

    async def __call__(self, environ: dict[str, Any]) -> web.WebSocketResponse:
        request: web.Request = environ["aiohttp.request"]
        self._request = request
        self._sock = web.WebSocketResponse(max_msg_size=self.server.max_http_buffer_size, compress=False)
        await self._sock.prepare(request)
        _limit_unsent(request)
        self._gathered = gather_writes(self._sock)
        reader: Any = getattr(self._sock, "_reader", None)
        self._at_hand = getattr(reader, "_buffer", None)
        self._read = getattr(reader, "read", None)
        self._socket = self.handler.__self__
        self._frames = self._bytes = 0
        """Of relays, handled since others had a turn."""
        self._queue: FedQueue = self._socket.queue
        self._queue.websocket = self
        self._socket.poll = self._poll
        self.environ = environ
        await self.handler(self)
        if not self._socket.upgraded:
            # The session goes on polling. engine.io forgets that where the WebSocket ended before it said anything.
            self._socket.upgrading = False
            self._queue.websocket = None
            del self._socket.poll
        return self._sock

    async def wait(self) -> str | bytes:
        """The next packet but those of `relay` events, which are handled here: engine.io spends two tasks and a timer
        on each frame. So its deadline for a silent client is one for a client that sends relays and answers no ping.

        An exception ends the connection, as engine.io does it for a closed one.
        """
        while True:
            if self._queue.unread:
                await self._queue.until_read()
            data = await self._next()
            if isinstance(data, str):
                if not is_packet(data):
                    raise OSError("not an engine.io packet")
                if self._reader.waiting and data[0] == "4":
                    await self._refuse("text where an attachment was due")
                if not self._begins_relay(data):
                    return data
            elif self._reader.waiting:
                await self._attach(data)
            else:
                return data
            self._frames += 1
            self._bytes += len(data)
            if self._frames >= _TURN_FRAMES or self._bytes >= _TURN_BYTES:
                self._frames = self._bytes = 0
                await asyncio.sleep(0)  # now it is the turn of others, and of who writes what was relayed

    async def _next(self) -> str | bytes:
        """The next packet. One that has come is taken past what aiohttp does for one that waits, as long as its private
        names are there.
        """
        if self._at_hand and self._read is not None and self._at_hand[0][0].type in _DATA:
            return cast("str | bytes", (await self._read()).data)
        return cast("str | bytes", await super().wait())

    def _begins_relay(self, text: str) -> bool:
        """Whether this is the text of a `relay` event, whose attachments come next; an unusual one is engine.io's."""
        return self._socket.upgraded and self._relayed.takes_relays(self._socket.sid) and self._reader.begin(text)

    async def _attach(self, data: bytes) -> None:
        """An attachment of a `relay` event, which is handled once it is complete."""
        try:
            event = self._reader.add(data)
        except ValueError as error:
            await self._refuse(str(error))
        if event is not None and (turn := self._relayed.relay(self._socket.sid, event)) is not None:
            await turn

    async def _refuse(self, reason: str) -> NoReturn:
        await self._relayed.cut_off(self._socket.sid, f"bad packet: {reason}")
        raise OSError(reason)

    async def _poll(self) -> list[engineio.packet.Packet]:
        """What to write next; empty: nothing more.

        engine.io spends a task and a timer on each wait, to end a connection on which nothing was written for long.
        Pings are: what ends it is that they are not answered.
        """
        packets = [await self._queue.get()]
        while not self._queue.empty():
            packets.append(self._queue.get_nowait())
        if None in packets:
            end = packets.index(None)
            if end:
                self._queue.put_nowait(None)  # for the next wait
            return packets[:end]
        return packets

    async def send(self, message: str | bytes) -> None:
        if isinstance(message, str):
            await self._sock.send_str(message)
        else:
            await self._sock.send_bytes(message)

    @property
    def writable(self) -> bool:
        """Whether `write` can be used: the client reads as fast as it is written to."""
        return bool(
            self._gathered is not None and self._socket.upgraded and self.open and not self._request.protocol._paused
        )

    def write(self, parts: Parts) -> None:
        """Writes an event now, without the task and the queue between; only if `writable` and nothing waits there."""
        assert self._gathered is not None
        for part in parts:
            if isinstance(part, str):
                self._gathered.write_frame(TEXT, b"4" + part.encode())
            else:
                self._gathered.write_frame(BINARY, part)

    def write_shared(self, event: Shared) -> bool:
        """Writes an event that many are sent, if `writable` and nothing waits in the queue. Returns whether it did."""
        if not self.writable:
            return False
        assert self._gathered is not None
        self._gathered.write_shared(event.frame, event.batch)
        return True

    @property
    def open(self) -> bool:
        return self._request.transport is not None and not self._request.transport.is_closing()

    def abort(self) -> None:
        """Closes the TCP connection now, unwritten bytes or not."""
        if self._request.transport is not None:
            self._request.transport.abort()

    def abort_later(self, seconds: float) -> None:
        """Closes it then, if it is still open: a stopped client answers no closing handshake."""
        if self.open:
            asyncio.get_running_loop().call_later(seconds, self.abort)


def is_packet(data: str) -> bool:
    """Whether engine.io can parse this; its own parser runs where an exception leaves tasks behind."""
    if not data or data[0] not in _TYPES:
        return False
    if data[0] == "4":
        return len(data) > 1 and data[1] in _TYPES
    return len(data) <= _CONTROL_CHARACTERS


def _limit_unsent(request: web.Request) -> None:
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    raw = request.transport.get_extra_info("socket") if request.transport is not None else None
    if option is not None and raw is not None:
        raw.setsockopt(socket.IPPROTO_TCP, option, _UNSENT)
