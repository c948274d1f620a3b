"""Chaos in the simulator: a seed's plan, let happen to the cores of every pair of peers in simulated time."""

import itertools
import random
from typing import Any, NamedTuple

from peers.codec.frames import Lane
from tests.network.plan import SIDES, Plan, plan
from tests.network.simulated import Pair
from tests.session.channels import Broken

RECOVERY = 90.0
"""Seconds in which everything must have arrived when all is mended."""


class Outcome(NamedTuple):
    """What came of one pair."""

    messages: int
    undelivered: int
    suspicions: int
    attempts: int
    sessions: int


def replay_pair(chosen: Plan, seed: int, seconds: float, pair: tuple[int, int]) -> Outcome:
    """Let it happen to one pair. Raises Broken if a promise is not kept."""
    world = Pair(chosen, seed, pair)
    world.talk(seconds)
    world.clock.run(max([seconds, *(trouble.at + trouble.seconds for trouble in chosen.troubles)]))
    for side in world.sides:
        while not side.send(Lane.RELIABLE, 10) and world.clock.now < seconds + RECOVERY:
            world.clock.run(world.clock.now + 0.5)
    end = world.clock.now + RECOVERY
    one, two = (side.books for side in world.sides)
    while missing := one.missing(two) + two.missing(one):
        if world.clock.now >= end:
            raise Broken(f"neither arrived nor reported in {RECOVERY:.0f} s: {len(missing)}: {missing[:4]}")
        world.clock.run(world.clock.now + 0.5)
    return Outcome(
        messages=sum(len(arrived) for books in (one, two) for arrived in books.arrived.values()),
        undelivered=sum(len(reported) for books in (one, two) for reported in books.reported.values()),
        suspicions=sum(side.suspicions for side in world.sides),
        attempts=sum(side.attempts for side in world.sides),
        sessions=max(side.sessions for side in world.sides),
    )


def pairs_of(chosen: Plan) -> list[tuple[int, int]]:
    """Every pair of a plan's peers."""
    return list(itertools.combinations(range(len(chosen.kinds)), 2))


def replay(seed: int, seconds: float, *, pairs: int | None = None) -> dict[str, Any]:
    """Let a seed's chaos happen in the simulator, to all pairs or so many of them."""
    chosen = plan(seed, seconds)
    each = pairs_of(chosen)
    if pairs is not None and pairs < len(each):
        each = random.Random(seed).sample(each, pairs)
    outcomes, faults = [], []
    for pair in each:
        try:
            outcomes.append(replay_pair(chosen, seed, seconds, pair))
        except Exception as error:
            faults.append(f"seed {seed}, {SIDES[pair[0]]} and {SIDES[pair[1]]}: {error!r}")
    sums = [sum(column) for column in zip(*outcomes, strict=True)] or [0] * len(Outcome._fields)
    return {
        "kind": "replay",
        "seed": seed,
        "seconds": seconds,
        "peers": len(chosen.kinds),
        "pairs": len(each),
        "troubles": len(chosen.troubles),
        "faults": faults,
        **dict(zip(Outcome._fields, sums, strict=True)),
    }
