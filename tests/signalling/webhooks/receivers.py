"""Receivers of webhooks: real HTTP servers that check signatures with somebody else's library, or behave badly."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

from aiohttp import web
from standardwebhooks import Webhook

from tests.waiting import eventually

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
"""That of the specification's examples."""

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Request(NamedTuple):
    """One request as it came: headers in lower case, what its body says, and when."""

    headers: dict[str, str]
    body: bytes
    said: dict[str, Any]
    at: float

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def type(self) -> str:
        return str(self.said["type"])


class Receiver:
    """What has come to one URL, and how it answers: with 204, unless `answer` is set or `status` is another."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[Request] = []
        self.status = 204
        self.headers: dict[str, str] = {}
        self.answer: Answer | None = None
        self.secret = SECRET

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def types(self) -> list[str]:
        return [request.type for request in self.requests]

    async def count(self, number: int, deadline: float = 20.0) -> list[Request]:
        """The requests, as soon as there are so many."""
        try:
            await eventually(lambda: len(self.requests) >= number, deadline)
        except TimeoutError:
            raise AssertionError(f"{len(self.requests)} of {number} came: {self.types[-5:]}") from None
        return self.requests

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        said = Webhook(self.secret).verify(body, headers)
        assert said == json.loads(body)
        assert headers["content-type"] == "application/json"
        self.requests.append(Request(headers, body, said, time.time()))
        if self.answer is not None:
            return await self.answer(request)
        return web.Response(status=self.status, headers=self.headers)


@contextlib.asynccontextmanager
async def receiving(port: int = 0) -> AsyncIterator[Receiver]:
    """A receiver, for as long as this lasts."""
    receiver = Receiver()
    app = web.Application(client_max_size=16_000_000)
    app.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    receiver.port = runner.addresses[0][1]
    try:
        yield receiver
    finally:
        await runner.cleanup()


async def hang(_: web.Request) -> web.StreamResponse:
    """Answers never."""
    await asyncio.Event().wait()
    raise AssertionError
