"""iroh beside us: the same lab, the same cuts, the same messages, compared by the same script."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.network.failures import EVERY, happen, run_failure
from tests.network.lab import SERVER, Side
from tests.network.scenarios import DELAY, Moments, Scenario, cut_for
from tests.network.session import CHECKOUT, PORT, Python, Session
from tests.network.stage import stage

FOLDER = Path(__file__).parent
CUTS = [
    # Routers only route: outside a NAT iroh learns its address from a relay that does more.
    Scenario(f"cut_{what}", f"direct path cut silently, {where}, for 20 s", cut_for(20, *sides), kinds=("none", "none"))
    for what, where, sides in (
        ("both", "both ways", "ab"),
        ("a", "one way: a is not heard", "a"),
        ("b", "one way: b is not heard", "b"),
    )
]


def why_no_iroh() -> str | None:
    """Why iroh cannot be run here; None if it can."""
    return None if importlib.util.find_spec("iroh") else "iroh is not installed: pip install 'eitherway[bench]'"


class IrohSession(Session):
    """Two iroh endpoints and a relay."""

    async def start_server(self) -> None:
        """Start the relay, and wait until it serves."""
        command = (*CHECKOUT.command, str(FOLDER / "iroh_relay.py"), SERVER, str(PORT))
        self.server = await self._run("server", self.lab.command("server", *command))
        await self._serves()

    async def start_peer(self, side: Side, options: Sequence[str]) -> None:
        """Start an endpoint."""
        arguments = (self.lab.url(side, PORT), "room", side, str(self.folder), *options)
        command = (*CHECKOUT.command, str(FOLDER / "iroh_peer.py"), *arguments)
        self.peers[side] = await self._run(side, self.lab.command(side, *command))


async def run_both(scenario: Scenario, folder: Path, python: Python) -> list[dict[str, Any]]:
    """First we, then iroh."""
    if (reason := why_no_iroh()) is not None:
        raise RuntimeError(reason)
    ours = await run_failure(scenario, "idle", folder / "eitherway", python)
    theirs = await run_iroh(scenario, folder / "iroh")
    common = {"kind": "rival", "scenario": scenario.name, "title": scenario.title}
    return [{**ours, **common, "who": "eitherway"}, {**theirs, **common, "who": "iroh"}]


async def run_iroh(scenario: Scenario, folder: Path) -> dict[str, Any]:
    """Let it happen to iroh once."""
    moment = Moments()
    async with stage(scenario.kinds, folder, "--every", EVERY, delay=DELAY, programs=IrohSession) as scene:
        return await happen(scene, scenario, moment)
