"""How both sides write: the WebSocket frames of one turn of the event loop with one system call.

A packet with attachments is several frames. Written one by one, each wakes the reader, who finds nothing complete.
"""

import asyncio
import struct
import sys
from typing import Any, Final

AT_ONCE: Final = 262_144
"""Bytes that are not gathered any longer: what a slow reader leaves must wait where it is counted."""
TEXT: Final = 1
BINARY: Final = 2
"""Opcodes (RFC 6455 section 5.2)."""
TURNS: Final = 8
"""Turns of the event loop for which events for many are gathered."""
_CONTROL: Final = 0x08
"""In the first byte of a frame: close, ping or pong (RFC 6455 section 5.5)."""

_HEADS: Final = {opcode: [bytes((0x80 | opcode, size)) for size in range(126)] for opcode in (TEXT, BINARY)}
"""The heads of short text and binary messages, unmasked (RFC 6455 section 5.2)."""

_JOINS: Final = sys.version_info < (3, 12, 9) or (3, 13) <= sys.version_info < (3, 13, 2)
"""Whether frames are put together here: `writelines` of CPython 3.12.0 to 3.12.8, 3.13.0 and 3.13.1 never tells the
writer to wait, and buffers without bound (CVE-2024-12254). Before, it did the same."""


def frame(opcode: int, payload: bytes) -> bytes:
    """A whole text or binary message of a server, which are not masked (RFC 6455 section 5.1)."""
    size = len(payload)
    if size < 126:
        return _HEADS[opcode][size] + payload
    if size < 65_536:
        return struct.pack("!BBH", 0x80 | opcode, 126, size) + payload
    return struct.pack("!BBQ", 0x80 | opcode, 127, size) + payload


class Batch:
    """Connections that are written to together, a few turns of the event loop after the first: where several events
    for many come close together, each connection is written to once. In an idle loop turns take no time.
    """

    def __init__(self) -> None:
        self._waiting: list[Gathered] = []

    def add(self, gathered: "Gathered") -> None:
        """One has something to write."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._turn, TURNS)
        self._waiting.append(gathered)

    def _turn(self, left: int) -> None:
        if left:
            asyncio.get_running_loop().call_soon(self._turn, left - 1)
            return
        waiting, self._waiting = self._waiting, []
        for gathered in waiting:
            gathered.flush()


class Gathered:
    """Stands before the transport of an aiohttp WebSocket writer, which calls `write` and `is_closing` alone."""

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._frames: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Write it at the end of this turn; at once if it is much, or a control frame, which nothing may follow."""
        if not self._frames:
            self._loop.call_soon(self.flush)
        self._frames.append(data)
        self._size += len(data)
        if self._size >= AT_ONCE or data[0] & _CONTROL:
            self.flush()

    def write_shared(self, frame: bytes, batch: Batch) -> None:
        """Write a frame that many connections are written, together with theirs."""
        if not self._frames:
            batch.add(self)
        self._frames.append(frame)
        self._size += len(frame)
        if self._size >= AT_ONCE:
            self.flush()

    def write_frame(self, opcode: int, payload: bytes) -> None:
        """Write a whole text or binary message of a server at the end of this turn."""
        self.write(frame(opcode, payload))

    def is_closing(self) -> bool:
        """Whether the transport is closing or closed."""
        return self._transport.is_closing()

    def flush(self) -> None:
        """Write what has been gathered now."""
        frames, self._frames, self._size = self._frames, [], 0
        if not frames:
            return
        if _JOINS or len(frames) == 1:
            self._transport.write(b"".join(frames))
        else:
            self._transport.writelines(frames)


def gather_writes(websocket: Any) -> Gathered | None:
    """Let an aiohttp WebSocket, of either side, write so; None, and as ever, if aiohttp's private names are gone."""
    writer: Any = getattr(websocket, "_writer", None)
    if not hasattr(writer, "transport"):
        return None
    gathered = writer.transport = Gathered(writer.transport)
    return gathered
