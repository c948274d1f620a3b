"""Runs scenarios: two peers talk, something goes wrong, and nothing may be lost, doubled or swapped."""

import asyncio
import time
from pathlib import Path
from typing import Any, Literal, get_args

from tests.network.scenarios import DELAY, Moments, Scenario
from tests.network.session import CHECKOUT, Python, Session, pairs
from tests.network.stage import Stage, stage

Load = Literal["idle", "bulk"]
"""`idle`: a small message every 50 ms each way; `bulk`: besides, as much as goes on the bulk lane, each way."""
LOADS: tuple[Load, ...] = get_args(Load)
EVERY = "0.05"
BULK_RATE = 8e6
"""Bits a second, each way, of each peer's network under bulk: what a network has, not what a program manages."""
CALM = 2.0
"""Seconds before something goes wrong."""
DIRECT_AGAIN = 5.0
"""Seconds in which the direct path is to be there again after its network is."""


async def run_failure(scenario: Scenario, load: Load, folder: Path, python: Python = CHECKOUT) -> dict[str, Any]:
    """Let it happen once, and say how it went."""
    options, wire = under(load)
    moment = Moments()
    async with stage(
        scenario.kinds,
        folder,
        *options,
        way=scenario.way,
        delay=DELAY,
        python=python,
        mobile=scenario.mobile,
        wire=wire,
    ) as scene:
        talk = scene.talk
        happened = await happen(scene, scenario, moment)
        return {
            "kind": "failure",
            "scenario": scenario.name,
            "load": load,
            "outage": moment.mended - moment.begun,
            **happened,
            "attempts": max(stats["attempts"] for side in talk.peers for stats in talk.stats(side).values()),
            "left": sum(
                record["event"] == "left" and record["reason"] != "left"
                for side in talk.peers
                for record in talk.read(side, "members")
            ),
        }


def under(load: Load) -> tuple[list[str], dict[str, float]]:
    """What a load means: options of `peer_program.py`, and the networks' wires."""
    options = ["--every", EVERY]
    if load == "idle":
        return options, {}
    return [*options, "--bulk", str(10**10)], {"rate": BULK_RATE, "queue": 0.1}


async def happen(scene: Stage, scenario: Scenario, moment: Moments) -> dict[str, Any]:
    """Let it happen to two who talk, be they ours or others, and say what came of it."""
    talk = scene.talk
    if scenario.path == "direct":
        await talk.until_on("direct", 20)
    await talk.until_more_arrived(20, 20)
    await asyncio.sleep(CALM)
    await scenario.act(scene, moment)
    trouble = await _recover(talk, scenario, moment)
    moment.ended = time.monotonic()
    figures = await talk.end(90, since=moment.begun)
    return {
        "faults": figures["faults"],
        "trouble": trouble,
        "direct_again": None if scenario.path == "relay" else direct_again(talk, moment),
        "changes": max(changes(talk, side, moment) for side in talk.peers),
        **delivery(talk, figures),
    }


async def _recover(talk: Session, scenario: Scenario, moment: Moments) -> str | None:
    """Wait until all is as it was. Returns what is not."""
    trouble = None
    try:
        await talk.until_more_arrived(20, 60)
        if scenario.returns and scenario.path == "direct":
            await talk.until_on("direct", 45)
    except AssertionError as error:
        if any(peer.returncode is not None for peer in talk.peers.values()):
            raise
        trouble = str(error)
    await asyncio.sleep(max(0.0, moment.mended + DIRECT_AGAIN - time.monotonic()))
    return trouble


def delivery(talk: Session, figures: dict[str, Any]) -> dict[str, Any]:
    """What was lost and so on, of both directions and lanes together; gaps are those of small messages."""
    lanes = [figures[pair][lane] for pair in pairs(talk.lab) for lane in ("reliable", "bulk")]
    sums = {name: sum(lane[name] for lane in lanes) for name in ("lost", "doubled", "disorder", "undelivered")}
    return {
        **sums,
        "messages": sum(lane["messages"] for lane in lanes),
        "gap": max(figures[pair]["reliable"]["longest_gap"] for pair in pairs(talk.lab)),
        "bulk_gap": max(figures[pair]["bulk"]["longest_gap"] for pair in pairs(talk.lab)),
    }


def direct_again(talk: Session, moment: Moments) -> float | None:
    """Seconds from when the network was mended until both were on the direct path; None if they are not."""
    times = []
    for side in talk.peers:
        paths = [record for record in talk.read(side, "paths") if record["at"] < moment.ended]
        if not paths or paths[-1]["path"] != "direct":
            return None
        later = [record["at"] for record in paths if record["path"] == "direct" and record["at"] > moment.mended]
        # None later: it was there all the time, or again before.
        times.append(min(later) - moment.mended if later else 0.0)
    return float(max(times))


def changes(talk: Session, side: str, moment: Moments) -> int:
    """How often a peer's path has changed since things went wrong."""
    return sum(moment.begun < record["at"] < moment.ended for record in talk.read(side, "paths"))
