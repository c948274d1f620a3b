"""Many cuts of the direct path within one session: how long nothing arrives, and how soon the path is direct again.

A cut lasts longer than 3 s: within that time another attempt is made beside the silent path (S9), and it may take over
as soon as the network is mended. A path that comes back sooner than that is held back the longer the oftener it was
suspect within a minute (S7), which is meant for flapping networks, not for what is measured here.
"""

import asyncio
import random
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.network.failures import DIRECT_AGAIN, Load, delivery, under
from tests.network.scenarios import DELAY
from tests.network.session import CHECKOUT, Python, Session
from tests.network.stage import stage

CUTS = {"both": "ab", "a": "a", "b": "b"}
"""Whose packets are lost, by the name of the cut."""
CUT = 4.0
"""Seconds that each lasts."""
CALM = (1.0, 4.0)
"""Seconds between two, once the path is direct again."""
PATIENCE = 60.0
"""Seconds to wait until it is; more is a trouble."""
AT_A_TIME = 20
"""Cuts in one session."""


def batches(count: int) -> list[int]:
    """So many cuts, in sessions."""
    return [min(AT_A_TIME, count - done) for done in range(0, count, AT_A_TIME)]


async def run_failover(
    cut: str, load: Load, count: int, number: int, folder: Path, python: Python = CHECKOUT
) -> dict[str, Any]:
    """So many cuts one after another; `number` tells sessions of the same kind apart."""
    rng = random.Random(f"{cut} {load} {number}")
    options, wire = under(load)
    async with stage(("cone", "cone"), folder, *options, delay=DELAY, python=python, wire=wire) as scene:
        talk = scene.talk
        await talk.until_on("direct", 20)
        await talk.until_more_arrived(20, 20)
        cuts: list[float] = []
        again: list[float | None] = []
        while len(cuts) < count and None not in again:
            await asyncio.sleep(rng.uniform(*CALM))
            cuts.append(time.monotonic())
            scene.net.cut(*CUTS[cut])
            await asyncio.sleep(CUT)
            scene.net.restore()
            again.append(await _direct_again(talk))
        await asyncio.sleep(CALM[0])
        ended = time.monotonic()
        figures = await talk.end(90)
        return {
            "kind": "failover",
            "cut": cut,
            "load": load,
            "gaps": [gap(talk, begin, end) for begin, end in pairwise([*cuts, ended])],
            "again": again,
            "faults": figures["faults"],
            "trouble": f"not direct within {PATIENCE:.0f} s" if None in again else None,
            **delivery(talk, figures),
        }


async def _direct_again(talk: Session) -> float | None:
    """Seconds until both are on the direct path; None if they do not come back to it."""
    try:
        return await talk.until_on("direct", PATIENCE)
    except AssertionError:
        if any(peer.returncode is not None for peer in talk.peers.values()):
            raise
        return None


def gap(talk: Session, begin: float, end: float) -> float:
    """The longest time in which one of them got no small message: of all times that reach between two moments, each up
    to the later one."""
    longest = 0.0
    for side in talk.peers:
        times = [record["at"] for record in talk.read(side, "arrived") if record["lane"] == "reliable"]
        for earlier, later in pairwise([*times, end]):
            if later > begin and earlier < end:
                longest = max(longest, min(later, end) - earlier)
    return longest


def late(again: list[float | None]) -> int:
    """How often the path was not direct again in time."""
    return sum(seconds is None or seconds > DIRECT_AGAIN for seconds in again)
