"""What waits for one client, bounded in bytes. The engine's queue is fed from it whenever that is empty."""

import math
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from signalling.engine.packets import Parts, Shared, Speller
from signalling.engine.queue import FedQueue, Transport
from signalling.protocol.events import Relayed, Roster

_OVERHEAD: Final = 256
"""What a waiting event costs in memory beside its bytes, roughly."""
_NO_LONGER_FULL: Final = 0.75
"""An outbox that was full is so until it has sunk to this part of its limit."""


class Backlog(Protocol):
    """What waits for a client elsewhere, where it waits for others too: posts that a room keeps."""

    def take(self, most: int) -> list[Parts]:
        """The next events, about `most` bytes of them; none: it has caught up, or comes back by itself."""


class Outbox:
    """Events on their way to one client, in order; what concerns the client's own relays goes ahead of the rest.

    Sizes are in bytes, times in seconds by `clock` (monotonic).
    """

    def __init__(self, queue: FedQueue, speller: Speller, limit: int, clock: Callable[[], float]) -> None:
        self._queue = queue
        self._speller = speller
        self._limit = limit
        self._clock = clock
        self._events: deque[tuple[Parts, int]] = deque()
        self._urgent: deque[tuple[Parts, int]] = deque()
        self._urgent_bytes = 0
        self._relayed: int | None = None
        self._gaps: dict[str, int] = {}
        self._backlogs: deque[Backlog] = deque()
        self._full_since: float | None = None
        self._overrun = False
        self.waiting = 0
        queue.source = self

    def push(self, parts: Parts) -> bool:
        """Writes or queues an event. False if there is no room for it: its sender is to be told `busy`."""
        if self._queue.pass_by(parts):
            return True
        size = sum(map(len, parts)) + _OVERHEAD
        if self.waiting + size > self._limit:
            if self._full_since is None:
                self._full_since = self._clock()
            return False
        self._events.append((parts, size))
        self.waiting += size
        self._queue.wake()
        return True

    def push_shared(self, event: Shared) -> bool:
        """Writes or queues an event that is kept elsewhere too. False: come back with a backlog. It takes no more than
        half of the room, so that those who post make nobody's relays `busy`.
        """
        if self._queue.pass_by_shared(event):
            return True
        size = event.size + _OVERHEAD
        if self.waiting + size > self._limit // 2:
            return False
        self._events.append((event.parts, size))
        self.waiting += size
        self._queue.wake()
        return True

    def push_backlog(self, backlog: Backlog) -> None:
        """Takes events from a backlog, whenever nothing else waits, until it has caught up."""
        self._backlogs.append(backlog)
        self._queue.wake()

    def push_roster(self, room: str, parts: Parts, version: int) -> None:
        """Queues a roster delta that leads to `version`. Without room it is dropped, and the client, which sees the
        gap with the next delta or with the mark that follows when it has read everything, joins again.
        """
        if not self.push(parts):
            self._gaps[room] = version

    def push_urgent(self, parts: Parts) -> None:
        """Queues an event ahead of the others: one that is small and that the client is the cause of.

        A client that causes a whole outbox of them and reads none counts as slow at once, for good.
        """
        size = sum(map(len, parts)) + _OVERHEAD
        if self._urgent_bytes + size > self._limit:
            self._overrun = True
            return
        self._urgent.append((parts, size))
        self._urgent_bytes += size
        self._queue.wake()

    def push_relayed(self, n: int) -> None:
        """Acknowledges the client's relays up to n, after the refusals so far. A later one replaces it."""
        self._relayed = n
        self._queue.wake()

    def take(self, most: int) -> list[Parts]:
        """The next events, about `most` bytes of them, for the engine's queue."""
        taken: list[Parts] = []
        while self._urgent and most > 0:
            parts, size = self._urgent.popleft()
            taken.append(parts)
            self._urgent_bytes -= size
            most -= size
        if self._relayed is not None and not self._urgent:
            taken.append(self._speller.event("relayed", Relayed(n=self._relayed)))
            self._relayed = None
        while self._events and most > 0:
            parts, size = self._events.popleft()
            taken.append(parts)
            self.waiting -= size
            most -= size
        while self._backlogs and not self._events and most > 0:
            backlog = self._backlogs.popleft()
            late = backlog.take(most)
            if late:
                taken += late
                most -= sum(len(part) + _OVERHEAD for parts in late for part in parts)
                self._backlogs.append(backlog)
        if self._gaps and not self._events:
            for room, version in self._gaps.items():
                mark = Roster(room=room, base=version, version=version, changes=[])
                taken.append(self._speller.event("roster", mark))
            self._gaps.clear()
        if self._full_since is not None and self.waiting <= self._limit * _NO_LONGER_FULL:
            self._full_since = None
        return taken

    @property
    def transport(self) -> Transport:
        """What it leads to now."""
        return "polling" if self._queue.websocket is None else "websocket"

    @property
    def bytes(self) -> int:
        """What waits, in the engine's queue too; not the posts of a backlog, which are kept elsewhere."""
        return self.waiting + self._urgent_bytes + self._queue.bytes

    @property
    def empty(self) -> bool:
        """Whether everything has been handed to the engine."""
        return not (self._events or self._urgent or self._relayed is not None or self._gaps or self._backlogs)

    def full_for(self) -> float:
        """For how many seconds the client has been too slow for its senders; 0.0 if it isn't."""
        if self._overrun:
            return math.inf
        return 0.0 if self._full_since is None else self._clock() - self._full_since

    def close(self) -> None:
        """Forgets everything: the client is gone."""
        self._queue.source = None
        self._events.clear()
        self._urgent.clear()
        self._gaps.clear()
        self._backlogs.clear()
        self._relayed = None
        self.waiting = self._urgent_bytes = 0
