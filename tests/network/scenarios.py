"""What goes wrong in mid-stream: each scenario is what happens to two peers that talk over a direct path.

`began()` marks the moment from which gaps count, `over()` the one when what went wrong is mended.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from tests.network.routers import Routers
from tests.network.stage import Stage, Way

DELAY = 0.0125
"""Seconds of one way between a router and the internet: 50 ms there and back between peers, 25 ms to the server."""


class Moments:
    """When things happened, by the machine's monotonic clock."""

    def __init__(self) -> None:
        self.begun = self.mended = 0.0
        self.ended = math.inf
        """When all was said: who leaves first takes its direct path with it, which is no change that counts."""

    def began(self) -> None:
        """From now on gaps count."""
        self.begun = self.mended = time.monotonic()

    def over(self) -> None:
        """From now on things are as before."""
        self.mended = time.monotonic()


Act = Callable[[Stage, Moments], Awaitable[None]]


class Scenario(NamedTuple):
    """One thing that goes wrong.

    `path`: what peers are on before; `silent`: while it lasts nothing can get through, so that the longest gap includes
    it; `returns`: whether they are to be on that path again afterwards.
    """

    name: str
    title: str
    act: Act
    kinds: tuple[Routers, Routers] = ("cone", "cone")
    way: Way = "stun"
    path: str = "direct"
    silent: bool = False
    returns: bool = True
    mobile: str = ""


SCENARIOS: dict[str, Scenario] = {}


def scenario(title: str, *, name: str | None = None, **options: Any) -> Callable[[Act], Act]:
    """Adds one; it is known by its function's name unless there is another."""

    def add(act: Act) -> Act:
        known = name or act.__name__
        SCENARIOS[known] = Scenario(known, title, act, **options)
        return act

    return add


async def lasting(seconds: float) -> None:
    """For so long things stay as they are."""
    await asyncio.sleep(seconds)


# ---- the direct path


def cut_for(seconds: float, *sides: str) -> Act:
    """What these sides send by UDP is lost for so long."""

    async def act(stage: Stage, moment: Moments) -> None:
        moment.began()
        stage.net.cut(*sides)
        await lasting(seconds)
        stage.net.restore()
        moment.over()

    return act


scenario("direct path cut silently, both ways, for 6 s", name="cut_both_ways")(cut_for(6, "a", "b"))
scenario("cut one way only: a is not heard, for 6 s", name="cut_from_a")(cut_for(6, "a"))
scenario("cut one way only: b is not heard, for 6 s", name="cut_from_b")(cut_for(6, "b"))
scenario("direct path cut silently, both ways, for 40 s", name="cut_for_long")(cut_for(40, "a", "b"))


@scenario("a's network loses 5, 10, then 20 % for 4 s each")
async def rising_loss(stage: Stage, moment: Moments) -> None:
    moment.began()
    for loss in (0.05, 0.1, 0.2):
        stage.net.wire("a", loss=loss)
        await lasting(4)
    stage.net.wire("a", loss=0.0)
    moment.over()


@scenario("round trip from 20 to 400 ms and back, 3 s at each step")
async def rising_delay(stage: Stage, moment: Moments) -> None:
    stage.net.wire(delay=0.005)
    await lasting(2)
    moment.began()
    for round_trip in (0.1, 0.2, 0.4, 0.4, 0.05):
        stage.net.wire(delay=round_trip / 4)
        await lasting(3)
    moment.over()


@scenario("all of a's traffic stalls for 200 ms, once a second, ten times")
async def stalls(stage: Stage, moment: Moments) -> None:
    moment.began()
    for _ in range(10):
        stage.net.wire("a", stall=0.2)
        await lasting(1)
    moment.over()


@scenario("a leaves its network for another one", mobile="a")
async def address_change(stage: Stage, moment: Moments) -> None:
    moment.began()
    stage.net.roam("a")
    moment.over()


@scenario("TURN server killed, and back after 6 s", kinds=("symmetric", "symmetric"), way="turn-udp")
async def turn_killed(stage: Stage, moment: Moments) -> None:
    assert stage.turn is not None
    moment.began()
    await stage.turn.stop()
    await lasting(6)
    await stage.turn.start()
    moment.over()


# ---- the server


@scenario("server killed, and back after 3 s")
async def server_killed(stage: Stage, moment: Moments) -> None:
    await _server_killed(stage, moment)


@scenario(
    "server killed, and back after 3 s, no direct path",
    kinds=("symmetric", "symmetric"),
    path="relay",
    silent=True,
)
async def server_killed_under_relay(stage: Stage, moment: Moments) -> None:
    await _server_killed(stage, moment)


async def _server_killed(stage: Stage, moment: Moments) -> None:
    moment.began()
    await stage.talk.kill_server()
    await lasting(3)
    await stage.talk.start_server()
    moment.over()


@scenario("server killed and direct path cut, both back after 25 s", silent=True)
async def server_and_direct_gone_25_s(stage: Stage, moment: Moments) -> None:
    await _server_and_direct_gone(stage, moment, 25)


@scenario("server killed and direct path cut, both back after 60 s", silent=True)
async def server_and_direct_gone_60_s(stage: Stage, moment: Moments) -> None:
    await _server_and_direct_gone(stage, moment, 60)


async def _server_and_direct_gone(stage: Stage, moment: Moments, seconds: float) -> None:
    moment.began()
    stage.net.cut("a", "b")
    await stage.talk.kill_server()
    await lasting(seconds)
    stage.net.restore()
    await stage.talk.start_server()
    moment.over()


# ---- a peer


@scenario("a's network gone for 25 s", silent=True)
async def network_gone_25_s(stage: Stage, moment: Moments) -> None:
    await _network_gone(stage, moment, 25)


@scenario("a's network gone for 60 s, past the grace time", silent=True)
async def network_gone_60_s(stage: Stage, moment: Moments) -> None:
    await _network_gone(stage, moment, 60)


async def _network_gone(stage: Stage, moment: Moments, seconds: float) -> None:
    moment.began()
    stage.net.isolate("a")
    await lasting(seconds)
    stage.net.restore()
    moment.over()


@scenario("b's program stopped for 20 s", silent=True)
async def program_stopped(stage: Stage, moment: Moments) -> None:
    moment.began()
    stage.talk.stop("b")
    await lasting(20)
    stage.talk.go_on("b")
    moment.over()


@scenario("a's wall clock jumps forward by an hour, then back by two")
async def clock_jump(stage: Stage, moment: Moments) -> None:
    moment.began()
    await stage.talk.jump_clock("a", 3_600)
    await lasting(3)
    await stage.talk.jump_clock("a", -7_200)
    await lasting(3)
    moment.over()
