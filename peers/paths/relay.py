"""The path through the server: sealed packets, numbered, batched and acknowledged (rule V4)."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from peers.connection import Connection
from signalling.protocol.limits import MAX_PACKET, MAX_POLL_PACKETS

log = logging.getLogger("eitherway.relay")

MAX_EVENT: Final = 480_000
"""Bytes of packets in one relay event: well under the server's bound for one Socket.IO packet."""
MAX_PACKETS: Final = MAX_POLL_PACKETS // 2
"""Packets in one relay event. Over long-polling each is an Engine.IO packet of its own, and whatever else waits goes
with them: of too many in a request the server takes none (rule V5)."""


class _Entry:
    __slots__ = ("packet", "path", "size", "what")

    def __init__(self, path: "RelayPath", packet: bytes, what: Any) -> None:
        self.path, self.packet, self.what, self.size = path, packet, what, len(packet)


class Relays:
    """All relay paths over one client's connection: what they send in one turn of the event loop goes as one event.

    The next event is not made before the engine has written the last one, so batches grow as the network gets slower
    and no queue does. What waits is bounded by each path's own bound (rules S6 and S7).
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: deque[_Entry] = deque()
        self._unacknowledged: deque[tuple[int, list[_Entry]]] = deque()
        self._n = 0
        self._warned = False
        self._task: asyncio.Task[None] | None = None

    def put(self, entry: _Entry) -> None:
        """Send an entry with the next event."""
        self._waiting.append(entry)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._pump())

    async def sent(self) -> None:
        """Until everything put so far has been given to the network."""
        while self._task is not None:
            await asyncio.wait([self._task])

    def relayed(self, n: int) -> None:
        """The server took every relay up to `n`."""
        told: dict[RelayPath, None] = {}
        while self._unacknowledged and self._unacknowledged[0][0] <= n:
            for entry in self._unacknowledged.popleft()[1]:
                told[entry.path] = None
                entry.path.take(entry.size)
        for path in told:
            path.drained()

    def refused(self, n: int, to: str, code: str) -> None:
        """The server did not pass on what relay `n` had for `to`."""
        if code == "forbidden" and not self._warned:
            self._warned = True
            log.warning("the token does not allow to relay: peers cannot be reached; it needs the grant `relay`")
        for number, entries in self._unacknowledged:
            if number == n:
                for entry in entries:
                    if entry.path.peer == to:
                        entry.path.refused(entry.what, code)
                return

    def reset(self) -> None:
        """The connection is gone, and with it everything that was on its way."""
        entries = [entry for _, group in self._unacknowledged for entry in group]
        for entry in [*entries, *self._waiting]:
            entry.path.take(entry.size)
        self._unacknowledged.clear()
        self._waiting.clear()
        self._n = 0
        self._warned = False
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _pump(self) -> None:
        try:
            while self._waiting:
                room = self._waiting[0].path.room
                entries: list[_Entry] = []
                size = 0
                while self._waiting and self._waiting[0].path.room == room and len(entries) < MAX_PACKETS:
                    if entries and size + self._waiting[0].size > MAX_EVENT:
                        break
                    entry = self._waiting.popleft()
                    entries.append(entry)
                    size += entry.size
                self._n += 1
                self._unacknowledged.append((self._n, entries))
                await self._connection.emit(
                    "relay",
                    {
                        "room": room,
                        "n": self._n,
                        "to": [entry.path.peer for entry in entries],
                        "packets": [entry.packet for entry in entries],
                    },
                )
        except OSError as error:
            log.info("the connection broke while relaying: %s", error)
        finally:
            if self._task is asyncio.current_task():
                self._task = None


class RelayPath:
    """The relay path to one peer in one room. Which packets arrive on it, the room's events tell."""

    def __init__(
        self,
        relays: Relays,
        room: str,
        peer: str,
        *,
        on_drain: Callable[[], None],
        on_refused: Callable[[Any, str], None],
    ) -> None:
        self._relays, self.room, self.peer = relays, room, peer
        self._on_drain, self._on_refused = on_drain, on_refused
        self.waiting = 0
        """Bytes that the server has not yet acknowledged."""

    def send(self, packet: bytes, what: Any) -> None:
        """Send a sealed packet; `what` comes back with a refusal. Raises ValueError if it is empty or too large."""
        if not 0 < len(packet) <= MAX_PACKET:
            raise ValueError(f"a packet on the relay has 1 to {MAX_PACKET} bytes; this one has {len(packet)}")
        self.waiting += len(packet)
        self._relays.put(_Entry(self, packet, what))

    def take(self, size: int) -> None:
        """So many bytes are no longer waiting."""
        self.waiting -= size

    def drained(self) -> None:
        """The server acknowledged something."""
        self._on_drain()

    def refused(self, what: Any, code: str) -> None:
        """The server did not pass on the packet that carried `what`."""
        self._on_refused(what, code)
