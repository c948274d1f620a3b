"""What a listener notices when the direct path is cut."""

import asyncio
import contextlib
import os
import random
import shutil
import time
from collections.abc import AsyncIterator

from tests.benchmarks.contest import Contest, Goal, Measure, Options, Samples, Unavailable
from tests.benchmarks.processes import our_server, playing

CUTS = 4
"""Cuts a round, each of a path of its own."""
EVERY = 0.05
CUT_SECONDS = 3.0


async def _command(*words: str) -> None:
    process = await asyncio.create_subprocess_exec(*words)
    if await process.wait():
        raise Unavailable(f"`{' '.join(words)}` failed")


class _Namespace:
    """A network of its own whose UDP can be dropped on arrival: nothing is closed, no error comes back."""

    def __init__(self) -> None:
        self.name = f"eitherway-bench-{os.getpid()}"
        self.inside = ("ip", "netns", "exec", self.name)

    async def cut(self) -> None:
        await _command(*self.inside, "nft", "add rule inet cut incoming meta l4proto udp counter drop")

    async def mend(self) -> None:
        await _command(*self.inside, "nft", "flush chain inet cut incoming")


@contextlib.asynccontextmanager
async def _namespace() -> AsyncIterator[_Namespace]:
    if os.geteuid() or not shutil.which("ip") or not shutil.which("nft"):
        raise Unavailable("cutting a path needs root, `ip` and `nft` (Debian: apt-get install iproute2 nftables)")
    namespace = _Namespace()
    await _command("ip", "netns", "add", namespace.name)
    try:
        for line in (
            "ip link set lo up",
            "ip link add here type veth peer name there",  # an address that is not loopback's: ICE leaves that out
            "ip addr add 10.213.0.1/24 dev here",
            "ip link set here up",
            "ip link set there up",
            "nft add table inet cut",
        ):
            await _command(*namespace.inside, *line.split())
        chain = "add chain inet cut incoming { type filter hook input priority 0 ; }"
        await _command(*namespace.inside, "nft", chain)
        yield namespace
    finally:
        await _command("ip", "netns", "del", namespace.name)


async def _ours() -> Samples:
    gaps, lost = [], 0.0
    async with _namespace() as namespace, our_server(namespace.inside) as (url, _):
        for _ in range(CUTS):
            room = f"failover-{time.monotonic_ns()}"
            async with playing("room_peer", "note", prefix=namespace.inside, url=url, room=room) as noter:
                await noter.hear()
                async with playing(
                    "room_peer", "stream", prefix=namespace.inside, url=url, room=room, every=EVERY
                ) as streamer:
                    await streamer.hear()
                    await asyncio.sleep(1.0 + random.random())  # so that cuts come at any moment of the stream
                    await namespace.cut()
                    await asyncio.sleep(CUT_SECONDS)
                    noter.tell(question=True)
                    told = await noter.hear()
                    await namespace.mend()
                    gaps.append(told["gap"] * 1e3)
                    lost += not told["in_order"]
    return {"gap": gaps, "broken": [lost]}


def contest(options: Options) -> Contest:
    """See the module."""
    return Contest(
        name="failover",
        title="Failover when the direct path is cut",
        how=(
            "A message every 50 ms over a direct path between two processes; UDP is dropped on arrival in both "
            "directions, nothing is closed. The longest time between two deliveries, for 20 cuts, each of a fresh "
            "path; and in how many of them a message was lost, doubled or out of order."
        ),
        ours=_ours,
        rivals={},
        measures=(
            Measure("gap", "longest gap, median", "ms", goal=Goal("under 1,000", lambda ours, _: ours < 1_000)),
            Measure("gap", "longest gap, p95", "ms", statistic="p95"),
            Measure("gap", "longest gap, worst", "ms", statistic="worst"),
            Measure("broken", "cuts that broke the order", "", statistic="worst", goal=Goal("0", lambda o, _: o == 0)),
        ),
    )
