"""Healthy direct paths that are slow, far, jittery, or freeze now and then: how often is one given up for dead?"""

import asyncio
import random
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from tests.network.failover import gap
from tests.network.failures import Load, delivery, under
from tests.network.scenarios import DELAY
from tests.network.session import CHECKOUT, Python
from tests.network.stage import Stage, stage

SLOW = {"rate": 1e6, "queue": 0.2}
FAR = {"delay": 0.075, "jitter": 0.025}
JITTERY = {"jitter": 0.1}
FREEZE, PAUSE = 0.2, (2.0, 6.0)
"""Seconds in which all of one network's traffic stands still, and between two such freezes."""


class Road(NamedTuple):
    """A direct path that works. `wire`: what holds between each peer's router and the internet."""

    title: str
    load: Load
    wire: dict[str, float]
    freezes: bool = False


ROADS = {
    "slow-bulk": Road("1 Mbit/s, bulk both ways", "bulk", SLOW),
    "far": Road("300 to 400 ms of round trip", "idle", FAR),
    "far-bulk": Road("300 to 400 ms of round trip, bulk both ways", "bulk", FAR),
    "jittery": Road("one way takes 25 to 225 ms, at random", "idle", JITTERY),
    "jittery-bulk": Road("one way takes 25 to 225 ms, at random, bulk both ways", "bulk", JITTERY),
    "freezes": Road("freezes of 200 ms, one every 2 to 6 s", "idle", {}, freezes=True),
    "freezes-bulk": Road("freezes of 200 ms, one every 2 to 6 s, bulk both ways", "bulk", {}, freezes=True),
    "far-freezes": Road("300 to 400 ms of round trip, and freezes", "idle", FAR, freezes=True),
    "slow-freezes-bulk": Road("1 Mbit/s, freezes, bulk both ways", "bulk", SLOW, freezes=True),
}
"""Bulk has 8 Mbit/s each way unless it says otherwise, and a queue of 100 ms."""


async def run_road(name: str, seconds: float, folder: Path, python: Python = CHECKOUT) -> dict[str, Any]:
    """Let two peers talk over such a path for so long, and count its suspicions: none is right."""
    road = ROADS[name]
    options, wire = under(road.load)
    wire |= road.wire
    delay = wire.pop("delay", DELAY)
    async with stage(("cone", "cone"), folder, *options, delay=delay, python=python, wire=wire) as scene:
        talk = scene.talk
        await talk.until_on("direct", 30)
        begun = time.monotonic()
        await _freezes(scene, random.Random(name), seconds) if road.freezes else await asyncio.sleep(seconds)
        ended = time.monotonic()
        assert all(peer.returncode is None for peer in talk.peers.values()), [talk.errors(side) for side in talk.peers]
        figures = await talk.end(120)
        sessions = [stats["session"] for side in talk.peers for stats in talk.stats(side).values()]
        leaving = [left(talk.read(side, "paths"), ended) for side in talk.peers]
        return {
            "kind": "suspicions",
            "road": name,
            "seconds": ended - begun,
            # Who suspects tells the other, who then does so too: one cause, counted once.
            "suspicions": max(session["suspicions"] for session in sessions),
            "left": max(len(moments) for moments in leaving),
            "left_at": [[round(moment - begun, 2) for moment in moments] for moments in leaving],
            "faults": figures["faults"],
            "trouble": None,
            **delivery(talk, figures),
            "gap": gap(talk, begun, ended),
        }


async def _freezes(scene: Stage, rng: random.Random, seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        await asyncio.sleep(min(left, rng.uniform(*PAUSE)))
        scene.net.wire(rng.choice(tuple(scene.talk.peers)), stall=FREEZE)


def left(paths: Sequence[dict[str, Any]], ended: float) -> list[float]:
    """When a peer left the direct path."""
    known = [record for record in paths if record["at"] < ended]
    return [now["at"] for was, now in pairwise(known) if was["path"] == "direct" != now["path"]]
