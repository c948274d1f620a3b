"""The ASGI driver's WebSocket: refusing what is no packet, hearing nobody who doesn't read, and with a way to end it.

Compression, the size of a message and the TCP connection are the ASGI server's: it shows no socket.
"""

import asyncio
from typing import Any

from engineio.async_drivers import asgi as driver

from signalling.engine.packets import Parts
from signalling.engine.queue import FedQueue
from signalling.engine.websocket import is_packet


class AsgiWebSocket(driver.WebSocket):  # type: ignore[misc]
    """One connection over WebSocket. What is written waits until the ASGI server has room for it."""

    writable = False
    """Nothing passes by the queue: `send` alone knows whether the client reads."""

    def __init__(self, handler: Any, server: Any) -> None:
        super().__init__(handler, server)
        self.open = False
        self._at_work: set[asyncio.Task[Any]] = set()

    async def __call__(self, environ: dict[str, Any]) -> str:
        socket = self.handler.__self__
        self._queue: FedQueue = socket.queue
        self._queue.websocket = self
        self.open = True
        try:
            await super().__call__(environ)
        finally:
            self.open = False
            if not socket.upgraded:
                # The session goes on polling. engine.io forgets that where the WebSocket ended before it said anything.
                socket.upgrading = False
                self._queue.websocket = None
        return ""

    async def wait(self) -> str | bytes:
        """The next packet. An exception ends the connection, as engine.io does it for a closed one."""
        if self._queue.unread:
            await self._queue.until_read()
        if not self.open:
            raise OSError("cut off")
        data: str | bytes = await self._work(super().wait())
        if isinstance(data, str) and not is_packet(data):
            raise OSError("not an engine.io packet")
        return data

    async def send(self, message: str | bytes) -> None:
        await self._work(super().send(message))

    async def close(self) -> None:
        if self.open:
            await self._work(super().close())

    def write(self, parts: Parts) -> None:
        """Never called: see `writable`."""
        raise NotImplementedError

    def abort(self) -> None:
        """Ends the connection now, unwritten packets or not. The server closes TCP when it has heard of the end."""
        self.open = False
        for task in self._at_work:
            task.cancel()

    def abort_later(self, seconds: float) -> None:
        """Ends it then, if it is still open: who has stopped reading takes no goodbye either."""
        if self.open:
            asyncio.get_running_loop().call_later(seconds, self.abort)

    async def _work(self, work: Any) -> Any:
        """Awaits what the server may hold up, so that `abort` can end it."""
        task = asyncio.current_task()
        assert task is not None
        self._at_work.add(task)
        try:
            return await work
        finally:
            self._at_work.discard(task)
