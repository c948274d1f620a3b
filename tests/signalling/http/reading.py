"""Reads streams of feeds as a stranger would: by the HTML standard's rules for events, and line by line."""

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple, Self

import aiohttp

DEADLINE = 20.0
"""Seconds until a test gives up on something that should have happened."""
SSE = {"Accept": "text/event-stream"}
NDJSON = {"Accept": "application/x-ndjson"}


class Event(NamedTuple):
    """An event: its name, the last id that there was, its data as JSON."""

    name: str
    id: str
    data: Any


class EventReader:
    """Server-Sent Events of one answer. `retry` is in milliseconds; `comments` counts them."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.id = ""
        self.retry: int | None = None
        self.comments = 0

    async def next(self, *names: str) -> Event:
        """The next event of these names, or of any. Raises EOFError at the end of the stream."""
        async with asyncio.timeout(DEADLINE):
            while True:
                event = await self._event()
                if not names or event.name in names:
                    return event

    async def post(self) -> Any:
        """The next post."""
        while True:
            event = await self.next()
            if "topic" in event.data:
                assert event.id == str(event.data["id"])
                assert event.name == event.data.get("event", "message")
                return event.data

    async def _event(self) -> Event:
        name = "message"
        data: list[str] = []
        while True:
            line = await self._line()
            if not line:
                if data:
                    return Event(name, self.id, json.loads("\n".join(data)))
                name = "message"
                continue
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            match field:
                case "":
                    self.comments += 1
                case "data":
                    data.append(value)
                case "event":
                    name = value
                case "id":
                    self.id = value
                case "retry":
                    self.retry = int(value)

    async def _line(self) -> str:
        line = bytearray()
        while not line.endswith(b"\n"):
            part = await read_line(self.answer)
            if not part:
                raise EOFError
            line += part
        return line.decode().removesuffix("\n")


async def read_line(answer: aiohttp.ClientResponse) -> bytes:
    """A line, however long; empty at the end."""
    parts = []
    while True:
        try:
            part = await answer.content.readuntil(b"\n")
        except ValueError as error:  # it is longer than aiohttp's limit
            raise AssertionError(error) from None
        parts.append(part)
        if part.endswith(b"\n") or not part:
            return b"".join(parts)


class Api:
    """The API of a server, as somebody uses it."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = f"{url}/api/v1"
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        # Lines of 8 MB are read, and 500 streams at once.
        self.http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            headers=headers,
            read_bufsize=2**24,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """The status of an answer, and its JSON."""
        async with asyncio.timeout(DEADLINE), self.http.request(method, self.url + path, **options) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None

    async def post(self, topic: str = "orders.1", data: Any = None, room: str = "lobby", **fields: Any) -> int:
        """Make a post; its id."""
        body = json.dumps({"topic": topic, "data": data, **fields}, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json"}
        status, answer = await self.call("POST", f"/rooms/{room}/feed", data=io.BytesIO(body), headers=headers)
        assert status == 201, answer
        return int(answer["id"])

    @contextlib.asynccontextmanager
    async def events(self, query: str = "", room: str = "lobby", **headers: str) -> AsyncIterator[EventReader]:
        """A stream of Server-Sent Events, which has begun."""
        async with self.http.get(f"{self.url}/rooms/{room}/feed{query}", headers={**SSE, **headers}) as answer:
            assert answer.status == 200, await answer.text()
            yield EventReader(answer)
            answer.close()

    @contextlib.asynccontextmanager
    async def lines(self, query: str = "", room: str = "lobby") -> AsyncIterator[AsyncIterator[Any]]:
        """A stream of lines of JSON; empty ones are passed over."""
        async with self.http.get(f"{self.url}/rooms/{room}/feed{query}", headers=NDJSON) as answer:
            assert answer.status == 200, await answer.text()
            yield _lines(answer)
            answer.close()


async def watched(api: Api, count: int) -> None:
    """Until so many watch the room."""
    async with asyncio.timeout(60):
        while (await api.call("GET", "/rooms/lobby/watchers"))[1]["count"] != count:
            await asyncio.sleep(0.02)


async def _lines(answer: aiohttp.ClientResponse) -> AsyncIterator[Any]:
    while True:
        async with asyncio.timeout(DEADLINE):
            line = await read_line(answer)
        if not line:
            return
        if line.strip():
            yield json.loads(line)
