"""Tells the server how the links of one client go, if it takes reports: what to say and when, `peers.reports` knows."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable

import msgspec

from peers.connection import Connection
from peers.reports import Reports, Way
from signalling.protocol.events import Report


class Reporter:
    """The reports over one client's connection. `ways` gives the way of each link, or None if it is in no room."""

    def __init__(self, connection: Connection, ways: Callable[[], Iterable[Way | None] | None]) -> None:
        self._connection, self._ways = connection, ways
        self._reports = Reports()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """The server takes reports, on the connection that there is now."""
        self._reports.start(_now())
        self._set_timer()

    def moved(self, seconds: float | None = None) -> None:
        """A link goes another way, or is gone; `seconds`: it is direct for the first time, so long after that was
        wanted.
        """
        if seconds is None:
            self._reports.changed(_now())
        else:
            self._reports.became_direct(seconds, _now())
        self._set_timer()

    def stop(self) -> None:
        """The connection is gone."""
        self._reports.forget()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is not None:
            self._task.cancel()

    def _set_timer(self) -> None:
        due = self._reports.next_timeout()
        if self._timer is None and due is not None:
            self._timer = asyncio.get_running_loop().call_at(due, self._report)

    def _report(self) -> None:
        self._timer = None
        if (report := self._reports.take(self._ways(), _now())) is not None:
            self._task = asyncio.get_running_loop().create_task(self._send(report))

    async def _send(self, report: Report) -> None:
        with contextlib.suppress(OSError):  # the connection broke: the server forgets this client anyway
            await self._connection.emit("report", msgspec.to_builtins(report))


def _now() -> float:
    return asyncio.get_running_loop().time()
