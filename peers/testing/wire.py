"""The wire from one socket of a direct path: datagrams are dropped, lost, or take their time."""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Any

from peers.testing.rules import Weather

MAX_WAITING = 4_096
"""Datagrams on one wire at a time; more are dropped, as a router does."""


class Wire:
    """Datagrams one way between two programs, in the order in which they were sent.

    `weather()` says what happens to them now, `deliver(datagram)` is called with what arrives.
    """

    def __init__(self, weather: Callable[[], Weather], rng: random.Random, deliver: Callable[[Any], None]) -> None:
        self._weather, self._rng, self._deliver = weather, rng, deliver
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[float, Any]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def send(self, datagram: Any) -> None:
        """Send one."""
        weather = self._weather()
        if weather.cut or (weather.loss and self._rng.random() < weather.loss):
            return
        if not weather.delay and not self._waiting:
            self._deliver(datagram)
        elif len(self._waiting) < MAX_WAITING:
            self._waiting.append((self._loop.time(), datagram))
            if self._timer is None:
                self._arrive()

    def changed(self) -> None:
        """The weather has changed, as told by any thread."""
        if not self._closed and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._arrive)

    def close(self) -> None:
        """Nothing arrives any more."""
        self._closed = True
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _arrive(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        weather = self._weather()
        if weather.cut:
            self._waiting.clear()
        while self._waiting:
            sent, datagram = self._waiting[0]
            if sent + weather.delay > self._loop.time():
                self._timer = self._loop.call_at(sent + weather.delay, self._arrive)
                return
            self._waiting.popleft()
            self._deliver(datagram)
