"""What engine.io is about to write to one client, kept short: the rest waits in the client's outbox."""

import asyncio
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import engineio.packet

from signalling.engine.packets import Parts, Shared

if TYPE_CHECKING:
    from signalling.engine.websocket import WebSocket

FEED_BYTES: Final = 65_536
"""How much is taken from the outbox at once. A ping stands behind no more than this and the kernel's buffer."""
POLL_PACKETS: Final = 16
"""Packets in one answer to a poll: a stock python-engineio client takes no more, and drops them all (rule V5)."""
UNREAD_BYTES: Final = 1_000_000
"""A client that leaves more than this unread is not listened to until it has read."""
_OVERHEAD: Final = 256
"""What a waiting packet costs in memory beside its bytes, roughly."""

Transport = Literal["websocket", "polling"]


class Source(Protocol):
    """Where more to write comes from: an outbox."""

    def take(self, most: int) -> list[Parts]:
        """The next packets, about `most` bytes of them, at least one if there is any."""

    @property
    def empty(self) -> bool:
        """Whether nothing is left."""


class FedQueue(asyncio.Queue[Any]):
    """The queue of an engine.io socket. It asks its source for more when the writer has written everything.

    Acknowledgements and pings are put in by python-socketio itself, without asking.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0
        self.source: Source | None = None
        self.websocket: WebSocket | None = None
        self._closed = False
        self._hungry = False
        self._taken = 0
        self._read: asyncio.Event | None = None

    def _put(self, item: Any) -> None:
        self.bytes += _cost(item)
        super()._put(item)

    def _get(self) -> Any:
        item = super()._get()
        self.bytes -= _cost(item)
        if self._read is not None and self.bytes <= UNREAD_BYTES:
            self._read.set()
            self._read = None
        return item

    async def get(self) -> Any:
        """The next packet; engine.io then takes what else there is with `get_nowait` and writes it all."""
        self._taken = 0
        if self.empty():
            self._feed()
        self._hungry = True
        try:
            return await super().get()
        finally:
            self._hungry = False

    def get_nowait(self) -> Any:
        if self.websocket is None and self._taken >= POLL_PACKETS:
            raise asyncio.QueueEmpty
        item = super().get_nowait()
        self._taken += 1
        return item

    def first(self) -> Any:
        """The next packet, left where it is. There is one."""
        return self._queue[0]  # type: ignore[attr-defined]

    def pass_by(self, parts: Parts) -> bool:
        """Writes an event past this queue and the writer's task, which cost more than the rest of relaying, if that is
        in order: the client reads, the writer waits, nothing else does. Then nothing is left in the source either.
        Returns whether it was written.
        """
        if not self._hungry or self.bytes or self.websocket is None or not self.websocket.writable:
            return False
        self.websocket.write(parts)
        return True

    def pass_by_shared(self, event: Shared) -> bool:
        """The same for an event that many are sent."""
        if not self._hungry or self.bytes or self.websocket is None:
            return False
        return self.websocket.write_shared(event)

    def wake(self) -> None:
        """There is something in the source. Takes it at once if the writer is waiting."""
        if self._hungry and self.bytes < FEED_BYTES:
            self._feed()

    @property
    def unread(self) -> bool:
        """Whether the client is to read some of what it asked for before more is heard from it."""
        return self.bytes > UNREAD_BYTES and not self._closed

    async def until_read(self) -> None:
        """Waits until it has."""
        while self.unread:
            if self._read is None:
                self._read = asyncio.Event()
            await self._read.wait()

    def close(self) -> None:
        """Lets go whoever waits for this client: the writer, a poll, a reader."""
        self._closed = True
        if self.websocket is None and self.empty():
            self.put_nowait(engineio.packet.Packet(engineio.packet.NOOP))  # a poll's answer has a packet in it
        self.put_nowait(None)
        if self._read is not None:
            self._read.set()

    def _feed(self) -> None:
        if self.source is None:
            return
        taken = self.source.take(FEED_BYTES)
        all_of_it = self.source.empty  # else the writer, once done with these, asks for the rest
        for parts in taken:
            if all_of_it and self.pass_by(parts):
                continue
            for part in parts:
                # A packet for each recipient: engine.io keeps the first spelling of one that is shared, and
                # would then send the base64 of a polling client to a WebSocket.
                self.put_nowait(engineio.packet.Packet(engineio.packet.MESSAGE, part))


def _cost(item: Any) -> int:
    data = None if item is None else item.data
    return _OVERHEAD + (len(data) if isinstance(data, str | bytes) else 0)
