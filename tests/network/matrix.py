"""Every pair of routers with every way of help: do they connect, by which path, how soon?"""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.network.routers import KINDS, Routers
from tests.network.session import CHECKOUT, Python, Session
from tests.network.stage import WAYS, Way, stage

DELAY = 0.02
"""Seconds of one way between a router and the internet."""
SERVER_ROUND_TRIP = 2 * DELAY
PATIENCE = 8.0
"""Seconds to wait for a direct path."""


class Cell(NamedTuple):
    """Who is behind what, and what helps them."""

    kinds: tuple[Routers, Routers]
    way: Way


def cells() -> list[Cell]:
    """All there are. Behind one router (`hairpin`) there is but one pair."""
    others: list[Routers] = [kind for kind in KINDS if kind != "hairpin"]
    pairs: list[tuple[Routers, Routers]] = [*itertools.combinations_with_replacement(others, 2), ("hairpin", "hairpin")]
    return [Cell((one, other), way) for one, other in pairs for way in WAYS]


async def run_cell(cell: Cell, folder: Path, python: Python = CHECKOUT) -> dict[str, Any]:
    """Let two peers find each other, and say how it went."""
    async with stage(cell.kinds, folder, "--every", "0.05", way=cell.way, delay=DELAY, python=python) as scene:
        talk = scene.talk
        try:
            await talk.until_on("direct", PATIENCE)
        except AssertionError:
            if any(peer.returncode is not None for peer in talk.peers.values()):
                raise
        await talk.until_more_arrived(20, 30)
        path = {talk.path(*way) for way in (("a", "b"), ("b", "a"))}
        figures = await talk.end()
        return {
            "kind": "matrix",
            "routers": cell.kinds,
            "way": cell.way,
            "path": "direct" if path == {"direct"} else "relay",
            "types": candidate_types(talk) if path == {"direct"} else None,
            "first_message": max(first_message(talk, "a", "b"), first_message(talk, "b", "a")),
            "to_direct": to_direct(talk) if path == {"direct"} else None,
            "faults": figures["faults"],
        }


def first_message(talk: Session, sender: str, receiver: str) -> float:
    """Seconds from sending the first message to its handler."""
    return float(talk.read(receiver, "arrived")[0]["at"] - talk.read(sender, "sent")[0]["at"])


def to_direct(talk: Session) -> float:
    """Seconds from knowing of the other to being on the direct path, of the slower side."""
    times: list[float] = []
    for side in talk.peers:
        direct: float = next(record["at"] for record in talk.read(side, "paths") if record["path"] == "direct")
        times.append(direct - talk.read(side, "members")[0]["at"])
    return max(times)


def candidate_types(talk: Session) -> list[str]:
    """The kinds of candidates that a's packets travel between: `relay` is an address at the TURN server."""
    paths = talk.stats("a")["b"]["direct"]
    last = paths[max(paths, key=int)]
    return [last["local_type"], last["remote_type"]]


def selection(names: Sequence[str]) -> list[Cell]:
    """Cells by names such as `cone/symmetric/stun`."""
    by_name = {"/".join((*cell.kinds, cell.way)): cell for cell in cells()}
    return [by_name[name] for name in names]
