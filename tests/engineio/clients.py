"""Engine.IO clients by hand: long-polling request by request, and WebSocket frame by frame."""

import asyncio
import contextlib
import dataclasses
import io
import json
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.waiting import DEADLINE

TEXT = {"Content-Type": "text/plain;charset=UTF-8"}


@dataclasses.dataclass(frozen=True)
class Server:
    """A server under test. `kind`: which of this suite's, or `url`."""

    kind: str
    url: str

    @property
    def main_auth(self) -> str:
        """What a CONNECT to the main namespace has to carry."""
        return '{"protocol":1}' if self.kind == "serve" else ""

    @property
    def plays_in_main(self) -> bool:
        """Whether the application is in the main namespace too, not in `/custom` alone."""
        return self.kind != "serve"

    @property
    def patience(self) -> float:
        """Seconds to wait for what has to happen; the control, where much does not, is given less."""
        return 1.5 if self.kind == "stock" else DEADLINE

    def at(self, **query: str) -> str:
        """The address of a request with this query."""
        return f"{self.url}/socket.io/?" + "&".join(f"{name}={value}" for name, value in query.items())


class Poller:
    """A session by long-polling."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.handshake: dict[str, Any] = {}
        self.http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(DEADLINE))

    async def __aenter__(self) -> Self:
        """Opens the session."""
        async with self.http.get(self.server.at(EIO="4", transport="polling")) as answer:
            text = await answer.text()
            assert answer.status == 200, text
        assert text.startswith("0"), text
        self.handshake = json.loads(text[1:])
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self.http.close()

    @property
    def sid(self) -> str:
        return str(self.handshake["sid"])

    @property
    def address(self) -> str:
        return self.server.at(EIO="4", transport="polling", sid=self.sid)

    async def get(self) -> tuple[int, str]:
        """One poll: status and text."""
        async with self.http.get(self.address) as answer:
            return answer.status, await answer.text()

    async def post(self, body: str) -> tuple[int, str]:
        """One request with packets in it: status and text."""
        async with self.http.post(self.address, data=io.BytesIO(body.encode()), headers=TEXT) as answer:
            return answer.status, await answer.text()

    async def packets(self, number: int) -> list[str]:
        """The next so many packets but pings, which are answered."""
        found: list[str] = []
        while len(found) < number:
            status, text = await self.get()
            assert status == 200, text
            for packet in text.split("\x1e"):
                if packet == "2":
                    await self.post("3")
                else:
                    found.append(packet)
        return found

    async def is_closed(self) -> bool:
        """Polls until the session is unknown; what still comes is thrown away."""
        async with asyncio.timeout(DEADLINE):
            while (await self.get())[0] == 200:
                pass
        return True


class Socket:
    """A session by WebSocket, or the WebSocket that another session goes over to."""

    def __init__(self, server: Server, sid: str = "") -> None:
        self.server, self._sid = server, sid
        self.handshake: dict[str, Any] = {}
        self._http = aiohttp.ClientSession()
        self.ws: aiohttp.ClientWebSocketResponse

    async def __aenter__(self) -> Self:
        """Connects; without a sid, as far as the handshake."""
        query = {"EIO": "4", "transport": "websocket", **({"sid": self._sid} if self._sid else {})}
        try:
            async with asyncio.timeout(DEADLINE):
                self.ws = await self._http.ws_connect(self.server.at(**query), max_msg_size=0)
        except BaseException:
            await self._http.close()
            raise
        if not self._sid:
            text = await self.ws.receive_str(timeout=DEADLINE)
            assert text.startswith("0"), text
            self.handshake = json.loads(text[1:])
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self.ws.close()
        await self._http.close()

    async def send(self, *packets: str | bytes) -> None:
        """Sends packets, a frame each."""
        for packet in packets:
            if isinstance(packet, str):
                await self.ws.send_str(packet)
            else:
                await self.ws.send_bytes(packet)

    async def frame(self) -> Any:
        """The next frame, whatever it is."""
        async with asyncio.timeout(DEADLINE):
            message = await self.ws.receive()
        assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
        return message.data

    async def receive(self) -> Any:
        """The next packet but pings, which are answered."""
        while (data := await self.frame()) == "2":
            await self.send("3")
        return data

    async def is_closed(self, *, answering: bool = True) -> bool:
        """Waits until the server ends the connection; pings are answered, what else still comes is thrown away."""
        async with asyncio.timeout(self.server.patience if answering else DEADLINE):
            while not self.ws.closed:
                message = await self.ws.receive()
                if answering and message.data == "2":
                    with contextlib.suppress(ConnectionError):
                        await self.send("3")
        return True


async def is_refused(address: str) -> bool:
    """Whether a WebSocket to this address is refused, or closed at once, perhaps after a word why."""
    async with aiohttp.ClientSession() as http:
        try:
            async with http.ws_connect(address) as ws:
                async with asyncio.timeout(1):
                    while not ws.closed:
                        await ws.receive()
                return True
        except aiohttp.WSServerHandshakeError as error:
            return error.status == 400
        except TimeoutError:
            return False
