"""What two peers on this machine get: the first message, and each path's round trip."""

import asyncio
import statistics
from collections.abc import Sequence
from typing import Any

from peers.cli.checks.findings import Finding
from peers.cli.checks.server import random_room
from peers.client import Client
from peers.errors import EitherwayError
from peers.peer import Peer

PINGS = 5
DIRECT_TIMEOUT = 8.0
"""Seconds for a direct path to come; on one machine it takes a tenth of one."""


async def check_peers(url: str, token: str | None, transport: str, timeout: float, *, direct: bool) -> Finding:
    """Two clients, each a peer of the other, in a room that nobody else is in. `direct`: whether there is aiortc."""
    try:
        one, two = (Client(url, token=token, transports=[transport], timeout=timeout) for _ in range(2))
        async with one, two:
            first, relay = await _over_the_server(one, two, timeout)
            told = f"first message after {_ms(first)}, round trip {_ms(relay)} over the server"
            data: dict[str, Any] = {"path": "relay", "first_message": first, "relay_rtt": relay}
            if not direct:
                return Finding("peers", "warning", told, "Without aiortc there are no direct paths.", data)
            try:
                took, rtt = await _directly(one, two)
            except TimeoutError:
                return _not_direct(told, data)
    except (EitherwayError, TimeoutError) as error:
        text = f"two peers on this machine cannot talk over the server: {error or 'nothing arrives'}"
        return Finding("peers", "failed", text, "The server's log may tell why; --verbose shows ours.")
    text = f"{told}; direct after {_ms(took)}, round trip {_ms(rtt)} directly"
    return Finding("peers", "ok", text, data={**data, "path": "direct", "direct_after": took, "direct_rtt": rtt})


async def _over_the_server(one: Client, two: Client, timeout: float) -> tuple[float, float]:
    """Seconds to the first message, and of a round trip. Raises TimeoutError, EitherwayError."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[None] = loop.create_future()
    room = random_room()
    async with one.join(room, p2p="never") as here, two.join(room, p2p="never") as there:
        there.once("message", lambda message: arrived.set_result(None))
        peer = await here.wait_for_peer(timeout=timeout)
        begun = loop.time()
        async with asyncio.timeout(timeout):
            await peer.send("first")
            await arrived
        return loop.time() - begun, await _round_trip(peer, timeout)


async def _directly(one: Client, two: Client) -> tuple[float, float]:
    """Seconds to a direct path, and of a round trip on it. Raises TimeoutError, EitherwayError."""
    loop = asyncio.get_running_loop()
    room = random_room()
    async with one.join(room, p2p="eager") as here, two.join(room, p2p="eager"):
        peer = await here.wait_for_peer(timeout=DIRECT_TIMEOUT)
        begun = loop.time()
        async with asyncio.timeout(DIRECT_TIMEOUT):
            changes = here.events("path_changed")
            while peer.path != "direct":
                await anext(changes)
        return loop.time() - begun, await _round_trip(peer, DIRECT_TIMEOUT)


async def _round_trip(peer: Peer, timeout: float) -> float:
    times: Sequence[float] = [(await peer.ping(timeout=timeout))[0] for _ in range(PINGS)]
    return statistics.median(times)


def _not_direct(told: str, data: dict[str, Any]) -> Finding:
    advice = "A firewall on this machine lets no UDP between its own programs, or it has no network but loopback."
    return Finding("peers", "warning", f"{told}; no direct path between two peers on this machine", advice, data)


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms"
