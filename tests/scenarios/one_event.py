"""Programs that send and get one event after another, each by one transport. The text of an event says when it was
made, by the machine's clock.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import aiohttp
import socketio
from aiohttp import web

from peers import Client
from tests.benchmarks.programs.child import Benchmark, run
from tests.benchmarks.programs.room_peer import on_path

SIZE = 200
"""Characters of an event."""
TOPIC = "compared.events"


def made() -> str:
    """An event that is made now."""
    return f"{time.monotonic():.9f} ".ljust(SIZE, "x")


class Lateness:
    """How late so many events were, and when all are here."""

    def __init__(self, count: int) -> None:
        self.late: list[float] = []
        self.all = asyncio.Event()
        self._count = count

    def note(self, event: str) -> None:
        """An event is here."""
        self.late.append(time.monotonic() - float(event.split(" ", 1)[0]))
        if len(self.late) >= self._count:
            self.all.set()

    async def tell(self, benchmark: Benchmark) -> None:
        """Tell, once all are here."""
        await self.all.wait()
        benchmark.tell(late=self.late)
        await benchmark.hear()


def _transports(path: str, transport: str) -> tuple[str, ...]:
    return (transport,) if path == "relay" else ("websocket",)


async def get_message(benchmark: Benchmark, url: str, room: str, count: int, path: str, **told: Any) -> None:
    """Get messages of a peer."""
    late = Lateness(count)
    transports = _transports(path, told.get("transport", "websocket"))
    p2p: Literal["eager", "never"] = "eager" if path == "direct" else "never"
    async with Client(url, transports=transports) as client, client.join(room, p2p=p2p) as joined:
        joined.on("message", lambda message: late.note(message.data))
        benchmark.tell(ready=True)
        await late.tell(benchmark)


async def send_message(benchmark: Benchmark, url: str, room: str, count: int, path: str, **told: Any) -> None:
    """Send messages to a peer."""
    transports = _transports(path, told.get("transport", "websocket"))
    p2p: Literal["eager", "never"] = "eager" if path == "direct" else "never"
    async with Client(url, transports=transports) as client, client.join(room, p2p=p2p) as joined:
        peer = await joined.wait_for_peer(timeout=10)
        await on_path(peer, path)
        await peer.send(made())  # the first one is late for other reasons
        await _send(benchmark, count - 1, told["per_second"], lambda: peer.send(made()))


async def get_watched(benchmark: Benchmark, url: str, room: str, count: int, transport: str, **_: Any) -> None:
    """Watch a feed with a stock Socket.IO client."""
    late = Lateness(count)
    client = socketio.AsyncClient()
    client.on("post", lambda post: late.note(post["data"]))
    await client.connect(url, auth={"protocol": 1}, transports=[transport])
    reply = await client.call("watch", {"room": room, "topics": [TOPIC]})
    benchmark.tell(ready="error" not in reply)
    await late.tell(benchmark)
    await client.disconnect()


async def get_streamed(benchmark: Benchmark, url: str, room: str, count: int, accept: str, **_: Any) -> None:
    """Read a feed as a stream."""
    late = Lateness(count)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        address = f"{url}/api/v1/rooms/{room}/feed?topics={TOPIC}"
        async with session.get(address, headers={"Accept": accept}) as answer:
            assert answer.status == 200, await answer.text()
            benchmark.tell(ready=True)
            async for line in answer.content:
                text = line.decode().strip().removeprefix("data:").strip()
                if text.startswith("{") and "data" in (post := json.loads(text)):
                    late.note(post["data"])
                if late.all.is_set():
                    break
            await late.tell(benchmark)


async def get_webhook(benchmark: Benchmark, url: str, room: str, count: int, port: int, **_: Any) -> None:
    """Be the receiver of webhooks."""
    late = Lateness(count)

    async def hook(request: web.Request) -> web.Response:
        event = await request.json()
        if event["type"] == "post":
            late.note(event["data"]["data"])
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", hook)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    benchmark.tell(ready=True)
    await late.tell(benchmark)
    await runner.cleanup()


async def send_post(benchmark: Benchmark, url: str, room: str, count: int, per_second: float, **_: Any) -> None:
    """Post to a feed by HTTP."""
    address = f"{url}/api/v1/rooms/{room}/feed"
    async with aiohttp.ClientSession() as session:

        async def post() -> None:
            async with session.post(address, json={"topic": TOPIC, "data": made()}) as answer:
                assert answer.status == 201, await answer.text()

        await _send(benchmark, count, per_second, post)


async def _send(benchmark: Benchmark, count: int, per_second: float, send: Callable[[], Awaitable[object]]) -> None:
    benchmark.tell(ready=True)
    await benchmark.hear()
    begun = time.monotonic()
    for number in range(count):
        await asyncio.sleep(max(0.0, begun + number / per_second - time.monotonic()))
        await send()
    await benchmark.hear()


if __name__ == "__main__":
    run(
        {
            "get_message": get_message,
            "send_message": send_message,
            "get_watched": get_watched,
            "get_streamed": get_streamed,
            "get_webhook": get_webhook,
            "send_post": send_post,
        }
    )
