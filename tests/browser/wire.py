"""Commands and events in JSON over a WebSocket: what both browsers speak to those who drive them."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import aiohttp

Json = dict[str, Any]
Connect = Callable[[aiohttp.AddrInfoType], socket.socket]
"""Makes the socket of a connection, in another network namespace for instance."""

MAX_MESSAGE = 256 * 1024 * 1024
"""Bytes in one message: a page may hand over long records."""
PATIENCE = 120.0
"""Seconds that a browser may take for one command."""


class CommandFailed(Exception):
    """The browser could not do what it was told, or a script that it was given threw."""


class Wire:
    """One connection to a browser. Commands may overlap; each event goes to every handler."""

    def __init__(self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._session, self._socket = session, socket
        self._replies: dict[int, asyncio.Future[Json]] = {}
        self._last = 0
        self.handlers: list[Callable[[Json], None]] = []
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def connected(cls, url: str, connect: Connect | None = None) -> "Wire":
        """Connect. Raises aiohttp.ClientError."""
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(socket_factory=connect))
        try:
            return cls(session, await session.ws_connect(url, max_msg_size=MAX_MESSAGE, compress=0))
        except BaseException:
            await session.close()
            raise

    async def call(self, method: str, params: Json | None = None, **more: Any) -> Json:
        """Run a command; `more` stands beside its method and parameters. Raises CommandFailed, TimeoutError."""
        self._last = number = self._last + 1
        reply = self._replies[number] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send_json({"id": number, "method": method, "params": params or {}, **more})
            async with asyncio.timeout(PATIENCE):
                answer = await reply
        finally:
            del self._replies[number]
        if "error" in answer:
            raise CommandFailed(f"{method}: {answer.get('message', answer['error'])}")
        result: Json = answer["result"]
        return result

    async def close(self) -> None:
        """Hang up."""
        self._reader.cancel()
        await self._socket.close()
        await self._session.close()

    async def _read(self) -> None:
        async for message in self._socket:
            said = message.json()
            if (reply := self._replies.get(said.get("id"))) is not None:
                if not reply.done():
                    reply.set_result(said)
            elif "method" in said:
                for handler in self.handlers:
                    handler(said)
        for reply in self._replies.values():
            if not reply.done():
                reply.set_exception(CommandFailed("the browser has hung up"))
