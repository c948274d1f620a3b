"""HTTP streaming: services read a predefined part of a busy room as lines of JSON."""

import asyncio
import contextlib
import json
import time
from typing import Any

import aiohttp

from tests.benchmarks.processes import our_server, started
from tests.scenarios.percentiles import told

QUERY = "topics=orders.*&event=shipped"
EVENTS = ("placed", "paid", "packed", "shipped", "returned")
MARGIN = 8
"""Posts that are on their way at a time: the server acknowledges each."""


def size(number: int) -> int:
    """Bytes of one post's payload: most are small, one in ten is of 10 KB, one in a hundred of 100 KB, one in five
    hundred of 1 MB.
    """
    if number % 500 == 499:
        return 1_000_000
    if number % 100 == 99:
        return 100_000
    return 10_000 if number % 10 == 9 else 500


async def streaming(posts: int, per_second: float, readers: int) -> dict[str, Any]:
    """Have so many posts made, a fifth of which the readers asked for: each comes to each of them, once, in order."""
    expected = sum(EVENTS[number % len(EVENTS)] == "shipped" for number in range(posts))
    async with our_server() as (url, _), contextlib.AsyncExitStack() as stack:
        arguments = {"url": url, "room": "shop", "query": QUERY, "readers": readers, "expected": expected}
        command = ("-m", "tests.scenarios.watchers", "lines", json.dumps(arguments))
        service = await stack.enter_async_context(started(*command))
        await service.hear()
        took = await _publish(url, posts, per_second)
        heard = await service.hear()
        service.tell(enough=True)
    return {
        "late": heard["late"],
        "told": f"{told(heard['late'])}; {posts / took:,.0f} posts a second taken",
        "faults": [heard[what] for what in ("wrong", "failed", "out_of_order") if heard[what]],
    }


async def _publish(url: str, posts: int, per_second: float) -> float:
    """Make the posts by HTTP; returns how many seconds it took."""
    room = asyncio.Semaphore(MARGIN)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=MARGIN)) as session:

        async def make(number: int) -> None:
            event = EVENTS[number % len(EVENTS)]
            data = {"at": time.monotonic(), "text": "x" * size(number)}
            post = {"topic": f"orders.{number}", "event": event, "data": data}
            async with session.post(f"{url}/api/v1/rooms/shop/feed", json=post) as answer:
                assert answer.status == 201, await answer.text()
            room.release()

        begun = time.monotonic()
        async with asyncio.TaskGroup() as making:
            for number in range(posts):
                await asyncio.sleep(max(0.0, begun + number / per_second - time.monotonic()))
                await room.acquire()
                making.create_task(make(number))
        return time.monotonic() - begun
