"""How tests wait: for the event itself, with a deadline."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")
DEADLINE = 20.0


class Log(Generic[T]):
    """Collects what handlers get, and waits until there is enough of it."""

    def __init__(self) -> None:
        self.items: list[T] = []
        self._news = asyncio.Event()

    def __call__(self, item: T = None, *more: Any) -> None:  # type: ignore[assignment]
        self.items.append(item if not more else (item, *more))  # type: ignore[arg-type]
        self._news.set()

    async def until(self, enough: Callable[[list[T]], bool], deadline: float = DEADLINE) -> list[T]:
        """What was collected, as soon as it is enough."""
        async with asyncio.timeout(deadline):
            while not enough(self.items):
                self._news.clear()
                await self._news.wait()
        return self.items

    async def count(self, number: int, deadline: float = DEADLINE) -> list[T]:
        """What was collected, as soon as there are so many."""
        try:
            return await self.until(lambda items: len(items) >= number, deadline)
        except TimeoutError:
            raise AssertionError(f"{len(self.items)} of {number} came: {self.items[-5:]}") from None


async def eventually(check: Callable[[], bool], deadline: float = DEADLINE) -> None:
    """Wait until something is true that has no event to wait for."""
    async with asyncio.timeout(deadline):
        while not check():
            await asyncio.sleep(0.01)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
