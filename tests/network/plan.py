"""What a seed of chaos stands for: who is there, and what happens to whom and when. Nothing but the seed decides it.

The laboratory lets it happen to programs (`chaos.py`), the simulator to the cores alone (`replay.py`).
"""

import random
from typing import NamedTuple, get_args

from tests.network.routers import Routers
from tests.network.stage import Way

BEGIN = 3.0
"""Seconds before the first trouble."""
KINDS: tuple[Routers, ...] = tuple(kind for kind in get_args(Routers) if kind not in ("ipv6", "hairpin"))
CALM, TROUBLE = (0.5, 8.0), (0.5, 10.0)
"""Seconds between two troubles of one host, and of each; all hosts have theirs at the same time."""
OF_PEERS = ("cut", "isolate", "lose", "reorder", "slow", "stall", "stop", "roam", "narrow")
OF_SERVERS = ("kill server", "kill TURN")
SIDES = "abcdef"


class Trouble(NamedTuple):
    """What happens to whom: `at` seconds after the beginning, for so many `seconds`; `much` is 0 to 1."""

    at: float
    what: str
    whom: str
    seconds: float
    much: float


class Plan(NamedTuple):
    """Who is there, and what happens to them."""

    kinds: tuple[Routers, ...]
    way: Way
    delays: tuple[float, ...]
    troubles: tuple[Trouble, ...]


def narrow(much: float) -> float:
    """Bits a second that a narrow network has."""
    return 2e5 + 2e6 * much


def plan(seed: int, seconds: float, peers: tuple[int, int] = (3, 6)) -> Plan:
    """What a seed stands for."""
    rng = random.Random(seed)
    count = rng.randint(*peers)
    kinds = tuple(rng.choice(KINDS) for _ in range(count))
    way: Way = rng.choice(("stun", "turn-udp", "turn-tcp"))
    troubles: list[Trouble] = []
    targets = {side: list(OF_PEERS) for side in SIDES[:count]} | {"server": ["kill server"]}
    if way != "stun":
        targets["turn"] = ["kill TURN"]
    for whom, possible in targets.items():
        at = BEGIN
        # Servers are not killed all the time: nothing else would be tried.
        rest = 1 if len(whom) == 1 else 4
        while (at := at + rest * rng.uniform(*CALM)) < seconds:
            trouble = Trouble(at, rng.choice(possible), whom, rng.uniform(*TROUBLE), rng.random())
            troubles.append(trouble)
            at += trouble.seconds
    delays = tuple(rng.uniform(0.002, 0.04) for _ in range(count))
    return Plan(kinds, way, delays, tuple(sorted(troubles)))
