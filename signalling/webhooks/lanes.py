"""Which webhook of one endpoint is next: in order for each room, and no room waits for another. No I/O, no clock."""

import heapq
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final, NamedTuple

from signalling.webhooks.schedule import STEADY, wait

_DOWN: Final = 5
"""Failures in a row after which an endpoint counts as down: what waited for it is tried at once when it is back."""


class Failed(NamedTuple):
    """How often one has failed in a row in its room, and whether it will be tried again."""

    failures: int
    again: bool


class _Lane:
    """What waits for one room, by its numbers; the first is the one that is tried, at `due` if that isn't 0.

    A lane is either ready, busy, or to be tried later.
    """

    __slots__ = ("busy", "due", "failures", "room", "waiting")

    def __init__(self, room: str, failures: int) -> None:
        self.room = room
        self.waiting: deque[int] = deque()
        self.failures = failures
        self.due = 0.0
        self.busy = False


class Lanes:
    """The webhooks that wait for one endpoint, by their numbers, which grow; `most` may be on their way at once.

    `now` is monotonic, in seconds. `draw` gives a random number from 0 to 1.
    """

    def __init__(self, most: int, draw: Callable[[], float]) -> None:
        self._most = most
        self._draw = draw
        self._lanes: dict[str, _Lane] = {}
        self._ready: deque[_Lane] = deque()
        self._later: list[tuple[float, int, _Lane]] = []
        self._busy: dict[int, _Lane] = {}
        self._rooms: OrderedDict[int, str] = OrderedDict()
        self._failed_in_a_row = 0

    def __len__(self) -> int:
        return len(self._rooms)

    @property
    def on_their_way(self) -> int:
        """How many have been given out."""
        return len(self._busy)

    def add(self, number: int, room: str, failures: int = 0) -> None:
        """There is another one; it has failed so often, before a restart."""
        self._rooms[number] = room
        lane = self._lanes.get(room)
        if lane is None:
            lane = self._lanes[room] = _Lane(room, failures)
            self._ready.append(lane)
        lane.waiting.append(number)

    def next(self, now: float) -> int | None:
        """The number of one that is to be sent now."""
        while self._later and self._later[0][0] <= now:
            due, _, lane = heapq.heappop(self._later)
            if lane.due == due:
                self._make_ready(lane)
        while self._ready and len(self._busy) < self._most:
            lane = self._ready.popleft()
            if not lane.waiting:
                del self._lanes[lane.room]
                continue
            lane.busy = True
            self._busy[lane.waiting[0]] = lane
            return lane.waiting[0]
        return None

    def next_timeout(self) -> float | None:
        """When to ask again, if nothing happens before."""
        return self._later[0][0] if self._later else None

    def delivered(self, number: int) -> bool:
        """One has arrived. False if it was dropped meanwhile."""
        lane = self._busy.pop(number)
        if self._failed_in_a_row >= _DOWN:
            self._wake()
        self._failed_in_a_row = 0
        lane.failures = 0
        return self._done(lane, number)

    def failed(self, number: int, now: float, asked: float = 0.0) -> Failed | None:
        """One has not arrived; it is to be left alone for `asked` seconds. None if it was dropped meanwhile."""
        lane = self._busy.pop(number)
        self._failed_in_a_row += 1
        lane.failures += 1
        if number not in self._rooms:
            self._done(lane, number)
            return None
        failures = lane.failures
        seconds = wait(failures, asked, self._draw)
        if seconds is None:
            lane.failures = STEADY
            self._done(lane, number)
            return Failed(failures, again=False)
        lane.busy = False
        lane.due = now + seconds
        heapq.heappush(self._later, (lane.due, number, lane))
        return Failed(failures, again=True)

    def lost(self, number: int) -> None:
        """There is no such webhook any more: the next one of its room is due."""
        self._done(self._busy.pop(number), number)

    def drop_oldest(self) -> int:
        """Forgets the oldest and gives its number. There is one."""
        number, room = self._rooms.popitem(last=False)
        lane = self._lanes[room]
        lane.waiting.popleft()
        lane.failures = min(lane.failures, STEADY)
        return number

    def clear(self) -> list[int]:
        """Forgets all, and gives their numbers."""
        numbers = list(self._rooms)
        self._rooms.clear()
        for lane in self._lanes.values():
            lane.waiting.clear()
        self._wake()
        return numbers

    def _done(self, lane: _Lane, number: int) -> bool:
        still = self._rooms.pop(number, None) is not None
        if still:
            lane.waiting.popleft()
        lane.busy = False
        self._make_ready(lane)
        return still

    def _make_ready(self, lane: _Lane) -> None:
        lane.due = 0.0
        self._ready.append(lane)

    def _wake(self) -> None:
        """All that were to be tried later are ready."""
        for due, _, lane in sorted(self._later, key=lambda entry: entry[:2]):
            if lane.due == due:
                self._make_ready(lane)
        self._later.clear()
