"""The sending side of a link's channels: who sends first waits first, and every session opens them anew."""

import asyncio
from collections.abc import Callable

from peers.codec.frames import FrameType, Lane
from peers.errors import NotInRoom
from peers.session.link_core import LinkCore

Key = tuple[str, Lane]
"""A channel by its label and lane: in this the two directions meet."""

DEFAULT: Key = ("", Lane.RELIABLE)


class _Outlet:
    __slots__ = ("lock", "number", "ready")

    def __init__(self) -> None:
        self.lock, self.ready = asyncio.Lock(), asyncio.Event()
        self.number: int | None = None


class Outlets:
    """Sends on channels by their keys. `sent()` is called whenever there is something for the link to do."""

    def __init__(self, core: LinkCore, sent: Callable[[], None]) -> None:
        self._core, self._sent = core, sent
        self._loop = asyncio.get_running_loop()
        self._outlets: dict[Key, _Outlet] = {}
        self._by_number: dict[int, _Outlet] = {}
        self._closed: set[Key] = set()
        self._refusal: str | None = None

    def refuse(self, reason: str) -> None:
        """Nothing can be sent any more; those who wait are told."""
        self._refusal = reason
        for outlet in self._outlets.values():
            outlet.ready.set()

    def check(self) -> None:
        """Raise NotInRoom if nothing can be sent any more."""
        if self._refusal is not None:
            raise NotInRoom(f"nothing can be sent to this peer: {self._refusal}")

    def renew(self) -> None:
        """Another session: its channels have other numbers, and whoever waits may find room."""
        self._by_number.clear()
        for outlet in self._outlets.values():
            outlet.number = None
            outlet.ready.set()

    def ready(self, number: int) -> None:
        """A channel may have room again."""
        if (outlet := self._by_number.get(number)) is not None:
            outlet.ready.set()

    def try_send(self, key: Key, type: FrameType, payload: bytes) -> bool:
        """Send if there is room for it now; else return False. Raises NotInRoom."""
        self.check()
        outlet = self._outlet(key)
        if outlet.lock.locked() or not self._core.session.can_send(self._number(key, outlet), len(payload)):
            return False
        self._put(key, outlet, type, payload)
        return True

    async def send(self, key: Key, type: FrameType, payload: bytes) -> None:
        """Send, waiting while the channel's credit or the lane's window is full. Raises NotInRoom."""
        if self.try_send(key, type, payload):
            return
        outlet = self._outlet(key)
        async with outlet.lock:
            self.check()
            while not self._core.session.can_send(self._number(key, outlet), len(payload)):
                outlet.ready.clear()
                await outlet.ready.wait()
                self.check()
            self._put(key, outlet, type, payload)

    def send_datagram(self, key: Key, type: FrameType, payload: bytes) -> bool:
        """Send a datagram if the path has room; False if it was dropped. Raises NotInRoom."""
        self.check()
        number = self._number(key, self._outlet(key))
        sent = self._core.session.send_datagram(number, type, payload, self._loop.time())
        self._sent()
        return sent

    def close(self, key: Key) -> None:
        """Send no more on a channel: the peer is told after everything sent before."""
        if self._refusal is None and key not in self._closed:
            # Opened if nothing was sent on it yet: who reads it over there waits for its end.
            number = self._number(key, self._outlet(key))
            del self._outlets[key]
            self._closed.add(key)
            self._core.session.close_channel(number, self._loop.time())
            self._sent()

    def _put(self, key: Key, outlet: _Outlet, type: FrameType, payload: bytes) -> None:
        self._core.session.send(self._number(key, outlet), type, payload, self._loop.time(), key)
        self._sent()

    def _outlet(self, key: Key) -> _Outlet:
        outlet = self._outlets.get(key)
        if outlet is None:
            outlet = self._outlets[key] = _Outlet()
            self._closed.discard(key)
        return outlet

    def _number(self, key: Key, outlet: _Outlet) -> int:
        if outlet.number is None:
            outlet.number = 0 if key == DEFAULT else self._core.session.open(key[0], key[1])
            self._by_number[outlet.number] = outlet
            self._sent()  # the opening goes out even if what is to follow it has no room yet
        return outlet.number
