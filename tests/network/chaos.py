"""Any sequence of troubles, drawn from a seed (`plan.py`), in the laboratory; when exactly, the machine decides."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.network.plan import SIDES, Trouble, narrow, plan
from tests.network.session import CHECKOUT, Python, pairs
from tests.network.stage import Stage, stage

RECOVERY = 90.0
"""Seconds in which all must talk with all when everything is mended."""

Act = Callable[[Stage, Trouble], Awaitable[None] | None]


async def _stop_turn(stage: Stage, trouble: Trouble) -> None:
    assert stage.turn is not None
    await stage.turn.stop()


async def _start_turn(stage: Stage, trouble: Trouble) -> None:
    assert stage.turn is not None
    await stage.turn.start()


def _wire(stage: Stage, trouble: Trouble, **what: float) -> None:
    stage.net.wire(trouble.whom, **what)


ACTS: dict[str, tuple[Act, Act]] = {
    "cut": (lambda s, t: s.net.cut(t.whom), lambda s, t: s.net.restore(t.whom)),
    "isolate": (lambda s, t: s.net.isolate(t.whom), lambda s, t: s.net.restore(t.whom)),
    "lose": (lambda s, t: _wire(s, t, loss=0.2 * t.much), lambda s, t: _wire(s, t, loss=0.0)),
    "reorder": (lambda s, t: _wire(s, t, reorder=0.3 * t.much), lambda s, t: _wire(s, t, reorder=0.0)),
    "slow": (lambda s, t: _wire(s, t, delay=0.05 + 0.2 * t.much), lambda s, t: _wire(s, t, delay=0.02)),
    "stall": (lambda s, t: _wire(s, t, stall=0.1 + 0.4 * t.much), lambda s, t: None),
    "stop": (lambda s, t: s.talk.stop(t.whom), lambda s, t: s.talk.go_on(t.whom)),
    "roam": (lambda s, t: s.net.roam(t.whom), lambda s, t: s.net.come_home(t.whom)),
    "narrow": (lambda s, t: _wire(s, t, rate=narrow(t.much)), lambda s, t: _wire(s, t, rate=0.0)),
    "kill server": (lambda s, t: s.talk.kill_server(), lambda s, t: s.talk.start_server()),
    "kill TURN": (_stop_turn, _start_turn),
}


async def run_chaos(seed: int, seconds: float, folder: Path, python: Python = CHECKOUT) -> dict[str, Any]:
    """Let it all happen; when it is mended, everything must have arrived."""
    chosen = plan(seed, seconds)
    sides = SIDES[: len(chosen.kinds)]
    async with stage(
        chosen.kinds, folder, "--every", "0.1", way=chosen.way, delay=0.02, python=python, mobile=sides
    ) as scene:
        for side, delay in zip(sides, chosen.delays, strict=True):
            scene.net.wire(side, delay=delay)
        targets = {trouble.whom for trouble in chosen.troubles}
        async with asyncio.TaskGroup() as group:
            for whom in targets:
                group.create_task(_suffer(scene, [trouble for trouble in chosen.troubles if trouble.whom == whom]))
        trouble = None
        try:
            await scene.talk.until_more_arrived(20 * (len(sides) - 1), RECOVERY)
        except AssertionError as error:
            trouble = str(error)
        figures = await scene.talk.end(RECOVERY)
        lanes = [figures[pair]["reliable"] for pair in pairs(scene.net)]
        return {
            "kind": "chaos",
            "seed": seed,
            "seconds": seconds,
            "peers": len(sides),
            "routers": chosen.kinds,
            "way": chosen.way,
            "troubles": len(chosen.troubles),
            "faults": figures["faults"],
            "trouble": trouble,
            **{name: sum(lane[name] for lane in lanes) for name in ("messages", "lost", "doubled", "disorder")},
            "undelivered": sum(lane["undelivered"] for lane in lanes),
        }


async def _suffer(scene: Stage, troubles: list[Trouble]) -> None:
    """One host's troubles, one after another."""
    begun = asyncio.get_running_loop().time()
    for trouble in troubles:
        await asyncio.sleep(max(0.0, begun + trouble.at - asyncio.get_running_loop().time()))
        for number, act in enumerate(ACTS[trouble.what]):
            if number == 1:
                await asyncio.sleep(trouble.seconds)
            if (doing := act(scene, trouble)) is not None:
                await doing
