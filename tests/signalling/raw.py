"""A Socket.IO client by hand, for what no library would send."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from types import SimpleNamespace, TracebackType
from typing import Any, Self

import aiohttp

from tests.signalling.actor import DEADLINE


class RawClient:
    """One WebSocket that speaks Engine.IO and Socket.IO as far as a test does."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = aiohttp.ClientSession()
        self.ws: aiohttp.ClientWebSocketResponse

    async def __aenter__(self) -> Self:
        """Connects as far as Engine.IO goes."""
        self.ws = await self._session.ws_connect(
            f"{self.url}/socket.io/?EIO=4&transport=websocket", max_msg_size=0, compress=15
        )
        assert (await self.ws.receive_str()).startswith("0{")
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):  # a server may have stopped reading
                await self.ws.close()
        await self._session.close()

    async def greet(self, auth: Any = None) -> str:
        """Connects to the namespace and returns the sid."""
        await self.ws.send_str("40" + json.dumps({"protocol": 1} if auth is None else auth))
        answer = await self.ws.receive_str(timeout=DEADLINE)
        assert answer.startswith("40"), answer
        return str(json.loads(answer[2:])["sid"])

    async def call(self, event: str, data: Any, number: int = 1) -> Any:
        """Sends an event without bytes and returns its acknowledgement."""
        await self.ws.send_str(f"42{number}{json.dumps([event, data])}")
        while True:
            text = await self.ws.receive_str(timeout=DEADLINE)
            if text.startswith(f"43{number}["):
                return json.loads(text[text.index("[") :])[0]

    async def closed(self) -> bool:
        """Whether the server ends the connection before the deadline."""
        async with asyncio.timeout(DEADLINE):
            while not self.ws.closed:
                message = await self.ws.receive()
                if message.type == aiohttp.WSMsgType.TEXT and message.data == "2":
                    await self.ws.send_str("3")
        return True


@contextlib.contextmanager
def joined_writes(raw: RawClient) -> Iterator[None]:
    """What is sent meanwhile leaves as one piece, so that it is read as one."""
    writer: Any = raw.ws._writer
    transport = writer.transport
    pieces: list[bytes] = []
    writer.transport = SimpleNamespace(write=pieces.append, is_closing=transport.is_closing)
    try:
        yield
    finally:
        writer.transport = transport
        transport.write(b"".join(pieces))


class RawPoller:
    """One long-polling connection, request by request."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}/socket.io/?EIO=4&transport=polling"
        self._session = aiohttp.ClientSession()

    async def __aenter__(self) -> Self:
        """Connects as far as Engine.IO goes."""
        _, text = await self.get()
        self.url += "&sid=" + json.loads(text[1:])["sid"]
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self._session.close()

    async def greet(self) -> str:
        """Connects to the namespace and returns the sid."""
        assert await self.post('40{"protocol":1}') == 200
        _, text = await self.get()
        return str(json.loads(text[2:])["sid"])

    async def get(self) -> tuple[int, str]:
        """One poll: status and text."""
        async with self._session.get(self.url) as answer:
            return answer.status, await answer.text()

    async def post(self, body: str) -> int:
        """One request with packets in it: its status."""
        async with self._session.post(self.url, data=body) as answer:
            return answer.status
