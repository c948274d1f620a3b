"""Publish-subscribe: clients, a fifth of them on long-polling, watch the topics of one room; somebody posts."""

import asyncio
import contextlib
import json
import time
from collections import Counter
from typing import Any

import socketio

from tests.benchmarks.processes import our_server, started
from tests.scenarios.percentiles import told

PROCESSES = 2
"""That the clients are divided among."""


async def publish_subscribe(clients: int, topics: int, posts: int, per_second: float) -> dict[str, Any]:
    """Have so many clients watch so many topics, one each, and so many posts made; every one must come to everyone
    whom it concerns, once, in order.
    """
    names = [f"prices.{number % topics}" for number in range(clients)]
    shares = [names[number::PROCESSES] for number in range(PROCESSES)]
    room = "exchange"
    async with our_server() as (url, _):
        async with contextlib.AsyncExitStack() as stack:
            watchers = []
            for share in shares:
                arguments = {"url": url, "room": room, "topics": share, "polling": len(share) // 5}
                command = ("-m", "tests.scenarios.watchers", "socketio", json.dumps(arguments))
                watchers.append(await stack.enter_async_context(started(*command)))
            for watcher in watchers:
                await watcher.hear()
            made = await _publish(url, room, topics, posts, per_second)
            for watcher in watchers:
                watcher.tell(**made)
            heard = [await watcher.hear() for watcher in watchers]
            for watcher in watchers:
                watcher.tell(enough=True)
    late = [each for one in heard for each in one["late"]]
    return {
        "late": late,
        "told": told(late),
        "faults": [one[what] for one in heard for what in ("wrong", "failed", "out_of_order") if one[what]],
    }


async def _publish(url: str, room: str, topics: int, posts: int, per_second: float) -> Counter[str]:
    made: Counter[str] = Counter()
    client = socketio.AsyncClient()
    await client.connect(url, auth={"protocol": 1}, transports=["websocket"])
    try:
        begun = time.monotonic()
        for number in range(posts):
            await asyncio.sleep(max(0.0, begun + number / per_second - time.monotonic()))
            topic = f"prices.{number % topics}"
            data = {"at": time.monotonic(), "price": number, "text": "x" * 100}
            reply = await client.call("post", {"room": room, "topic": topic, "data": data}, timeout=30)
            assert "id" in reply, reply
            made[topic] += 1
    finally:
        await client.disconnect()
    return made
