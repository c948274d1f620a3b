"""Rounds in which two stock Socket.IO clients send each other events through a server."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

from tests.benchmarks.contest import Measure, Samples
from tests.benchmarks.joining import join_fields
from tests.benchmarks.processes import Program, bare_server, node_server, our_server, playing, playing_in_node

Ends = Literal["python", "node"]
Server = Literal["ours", "python", "node"]

TIMES = 500
MEASURES = (
    Measure("messages", "one client to another", "events/s", better="higher"),
    Measure("server", "CPU of the server", "us/event"),
    Measure("rtt", "round trip, p50", "us"),
    Measure("rtt", "round trip, p99", "us", statistic="p99"),
)
UNLIMITED = ("--event-rate", "10000000", "--event-burst", "10000000")
"""Our server lets one client send 5,000 events a second; a benchmark sends as many as it can."""


def _server(kind: Server) -> contextlib.AbstractAsyncContextManager[tuple[str, Program]]:
    match kind:
        case "ours":
            return our_server(options=UNLIMITED)
        case "python":
            return bare_server()
        case "node":
            return node_server()


async def event_flow(ends: Ends, server: Server, count: int, size: int, every: int = 250) -> Samples:
    """Events one way, as many as go; at most four times `every` are on their way."""
    async with _server(server) as (url, process):
        async with _pair(
            ends,
            url,
            server,
            ("receive", {"count": count, "every": every}),
            ("send", {"count": count, "size": size, "every": every}),
        ) as (receiver, sender):
            before = process.cpu()
            received = await receiver.hear()
            served = process.cpu() - before
            sender.tell(enough=True)
            used = received["cpu"] + served + (await sender.hear())["cpu"]
    rate = (count - 1) / received["seconds"]
    return {
        "messages": [rate],
        "megabytes": [rate * size / 1e6],
        "cpu": [used * 1e3 / (count * size / 1e6)],
        "server": [served * 1e6 / count],
    }


async def event_round(ends: Ends, server: Server, count: int, size: int) -> Samples:
    """Events one way, then single ones there and back."""
    samples = await event_flow(ends, server, count, size)
    async with _server(server) as (url, _):
        async with _pair(ends, url, server, ("echo", {}), ("ping", {"times": TIMES, "size": size})) as (_, pinger):
            seconds = (await pinger.hear())["seconds"]
    return {**samples, "rtt": [each * 1e6 for each in seconds[TIMES // 10 :]]}


@contextlib.asynccontextmanager
async def _pair(
    ends: Ends, url: str, server: Server, one: tuple[str, dict[str, Any]], other: tuple[str, dict[str, Any]]
) -> AsyncIterator[tuple[Program, Program]]:
    """Two clients that know each other."""
    play: Callable[..., contextlib.AbstractAsyncContextManager[Program]] = (
        playing if ends == "python" else playing_in_node
    )
    room = f"events-{time.monotonic_ns()}" if server == "ours" else ""
    async with (
        play("event_peer", one[0], url=url, room=room, **one[1]) as first,
        play("event_peer", other[0], url=url, room=room, **other[1]) as second,
    ):
        ids = []
        for program in (first, second):
            if room:
                program.tell(**join_fields(url, (await program.hear())["sid"], room))
            ids.append((await program.hear())["id"])
        first.tell(to=ids[1])
        second.tell(to=ids[0])
        yield first, second
