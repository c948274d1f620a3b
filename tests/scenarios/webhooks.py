"""Webhooks for occasional events: other services are told of what happens in rooms while the server has other work."""

import asyncio
import contextlib
import itertools
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook

from tests.benchmarks.processes import our_server
from tests.scenarios.percentiles import told
from tests.signalling.actor import Actor
from tests.waiting import eventually

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
ROOMS = 10
DEADLINE = 60.0


class Service:
    """One that is told: how late each event was, and what came for each room."""

    def __init__(self, takes: float) -> None:
        self.takes = takes
        self.late: list[float] = []
        self.numbers: dict[str, list[int]] = defaultdict(list)
        self.ids: set[str] = set()

    async def hook(self, request: web.Request) -> web.Response:
        """Checks the signature, and takes its time."""
        event = Webhook(SECRET).verify(await request.read(), dict(request.headers))
        if event["type"] == "post":
            happened = event["data"]["data"]["at"]
            self.numbers[event["room"]].append(event["data"]["data"]["number"])
        else:
            happened = datetime.fromisoformat(event["timestamp"]).timestamp()
        self.late.append(time.time() - happened)
        self.ids.add(request.headers["webhook-id"])
        await asyncio.sleep(self.takes)
        return web.Response(status=204)


async def webhooks(events: int, per_second: float, busy: float) -> dict[str, Any]:
    """Have so many events happen, half of them posts and half of them somebody who joins and leaves, while others make
    `busy` posts a second that nobody is told of. Two services are well, and a third one never answers.
    """
    services = [Service(0.0), Service(0.05), Service(3_600.0)]
    async with contextlib.AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(_serving(service)) for service in services]
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        options = (
            *itertools.chain.from_iterable(("--webhook", url) for url in urls),
            *("--webhook-secret", SECRET, "--webhook-topics", "orders.**", "--webhook-allow-private"),
            *("--webhook-store", str(Path(folder) / "webhooks.db"), "--webhook-events", "post"),
            *("--webhook-events", "peer.joined", "--webhook-events", "peer.left"),
        )
        url, _ = await stack.enter_async_context(our_server(options=options))
        actors = [Actor(url) for _ in range(3)]
        for actor in actors:
            stack.push_async_callback(actor.close)
            await actor.connect()
        enough = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_be_busy(actors[0], busy, enough))
            await _happen(actors[1], actors[2], events, per_second)
            enough.set()
        well = services[:2]
        with contextlib.suppress(TimeoutError):
            await eventually(lambda: all(len(service.ids) >= events for service in well), DEADLINE)
    faults = []
    for service in well:
        expected = {f"shop {room}": list(range(room, events // 2, ROOMS)) for room in range(ROOMS)}
        if dict(service.numbers) != expected or len(service.ids) != events or len(service.late) != events:
            faults.append(f"{len(service.late)} of {events} came, as {len(service.ids)}")
    late = [value for service in well for value in service.late]
    return {"late": late, "told": told(late), "faults": faults}


async def _happen(poster: Actor, visitor: Actor, events: int, per_second: float) -> None:
    begun = time.monotonic()
    for number in range(events):
        await asyncio.sleep(max(0.0, begun + number / per_second - time.monotonic()))
        turn, what = divmod(number, 4)
        if what % 2 == 0:
            post = number // 2
            data = {"at": time.time(), "number": post}
            reply = await poster.call("post", {"room": f"shop {post % ROOMS}", "topic": "orders.new", "data": data})
            assert "error" not in reply, reply
        elif what == 1:
            visitor.connection = turn + 1
            await visitor.join("shop")
        else:
            await visitor.call("leave", {"room": "shop"})


async def _be_busy(actor: Actor, per_second: float, enough: asyncio.Event) -> None:
    begun = time.monotonic()
    for number in itertools.count():
        if enough.is_set():
            return
        await asyncio.sleep(max(0.0, begun + number / per_second - time.monotonic()))
        await actor.call("post", {"room": "crowd", "topic": "chat", "data": "x" * 200})


@contextlib.asynccontextmanager
async def _serving(service: Service) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/hook", service.hook)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    finally:
        await runner.cleanup()
