"""Posts and watches on a real server, by Socket.IO's own client in Node."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.signalling.actor import DEADLINE, until
from tests.signalling.conftest import Connect, Server
from tests.signalling.test_posts import TRANSPORTS, ask, data_of, feed

DEMO = Path(__file__).parents[2] / "demo"


@contextlib.asynccontextmanager
async def in_node(url: str, transport: str) -> AsyncIterator["Node"]:
    """Socket.IO's own client, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *("node", str(Path(__file__).with_name("watcher.mjs")), str(DEMO / "package.json"), url, transport),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=1_000_000,
    )
    node = Node(process)
    try:
        yield node
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(DEADLINE):
            _, errors = await process.communicate()
        assert (process.returncode, errors.decode()) == (0, "")
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


class Node:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.posts: list[Any] = []

    async def call(self, event: str, /, **data: Any) -> Any:
        """An acknowledgement; what comes before it is kept."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([event, {"room": "shop", **data}]).encode() + b"\n")
        while (line := await self.line())[0] != "reply":
            self.posts.append(line)
        return line[1]

    async def until(self, count: int) -> list[Any]:
        """So many events, in order."""
        while len(self.posts) < count:
            self.posts.append(await self.line())
        return self.posts

    async def line(self) -> Any:
        assert self.process.stdout is not None
        async with asyncio.timeout(60):
            line = await self.process.stdout.readline()
        assert line, (await self.process.stderr.read()) if self.process.stderr else ""
        return json.loads(line)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_socketio_for_nodejs(server: Server, connect: Connect, transport: str) -> None:
    bob = await connect(server.url)
    await ask(bob, "watch", topics=["**"])
    first = (await ask(bob, "post", topic="orders.1", data={"before": True}))["id"]
    async with in_node(server.url, transport) as node:
        assert await node.call("watch", topics=["orders.*"], since=first - 1, watch=5) == {"id": first}
        assert await node.call("post", topic="orders.2", event="paid", data={"sum": 1.5}, key="k") == {"id": first + 1}
        assert await node.call("post", topic="orders.2", event="paid", data={"sum": 1.5}, key="k") == {"id": first + 1}
        await ask(bob, "post", topic="orders.3", data="x" * 300_000)
        got = await node.until(3)
        assert [(name, post["id"], post["watch"]) for name, post in got] == [("post", first + n, 5) for n in range(3)]
        assert got[1][1]["data"] == {"sum": 1.5}
        assert (await node.call("watch", topics=["**.x"]))["error"]["code"] == "bad-request"
        assert await node.call("watch", topics=["orders.*"], since=1, watch=6) == {
            "id": first + 2,
            "missed": True,
        }
        await node.call("unwatch", watch=5)
    assert [data if len(data) < 99 else "long" for data in await data_of(bob, 3)] == [
        {"before": True},
        {"sum": 1.5},
        "long",
    ]
    await until(lambda: len(feed(server).watchers) == 1)
