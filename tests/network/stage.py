"""Sets a stage: a lab, the ICE servers that peers are told of, a server, and peers that talk."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from tests.network.lab import Lab, Side
from tests.network.routers import Routers
from tests.network.session import CHECKOUT, Python, Session, talking
from tests.network.turn import SECRET, URLS, URLS6, Turn

Way = Literal["none", "stun", "turn-udp", "turn-tcp", "turn-tls"]
"""What ICE servers peers are told of: none, STUN alone, or STUN and a TURN server over UDP, TCP or TLS."""
WAYS: tuple[Way, ...] = get_args(Way)

T = TypeVar("T")


class Stage:
    """What a scenario acts on: `net` is the lab, `talk` the programs, `turn` the TURN server, if there is one."""

    def __init__(self, net: Lab, talk: Session, turn: Turn | None) -> None:
        self.net, self.talk, self.turn = net, talk, turn


@asynccontextmanager
async def stage(
    kinds: Sequence[Routers],
    folder: Path,
    *options: str,
    way: Way = "stun",
    delay: float = 0.0,
    python: Python = CHECKOUT,
    mobile: Sequence[Side] = (),
    programs: type[Session] = Session,
    wire: dict[str, float] | None = None,
) -> AsyncIterator[Stage]:
    """Peers behind these routers talk with these options (those of `peer_program.py`).

    `delay`: seconds of one way between a router and the internet; `wire`: what else holds on that way.
    """
    await asyncio.to_thread(folder.mkdir, parents=True)
    async with contextlib.AsyncExitStack() as stack:
        lab = Lab(*kinds, wires=True, mobile=mobile)
        await asyncio.to_thread(lab.__enter__)
        stack.callback(lab.remove)
        lab.wire(delay=delay, **(wire or {}))
        turn, environment = None, {}
        if way.startswith("turn"):
            turn = await stack.enter_async_context(Turn(lab, folder))
            environment["SSL_CERT_FILE"] = str(turn.certificate)
        serve = server_options(kinds, way)
        talk = await stack.enter_async_context(
            talking(lab, folder, *options, python=python, serve=serve, environment=environment, programs=programs)
        )
        yield Stage(lab, talk, turn)


def server_options(kinds: Sequence[Routers], way: Way) -> list[str]:
    """What makes the server tell of these ICE servers."""
    if way == "none":
        return ["--no-stun"]
    urls = [*(URLS6.get(way, []) if "ipv6" in kinds else []), *URLS.get(way, [])]
    options = [option for url in urls for option in ("--ice-servers", url)]
    return [*options, *(["--turn-secret", SECRET] if way.startswith("turn") else [])]


async def side_by_side(works: Sequence[Callable[[], Any]], at_once: int) -> list[Any]:
    """Run these, so many at a time; each is a function that gives a coroutine. Results come in their order."""
    slots = asyncio.Semaphore(at_once)

    async def one(work: Callable[[], Any]) -> Any:
        async with slots:
            return await work()

    return list(await asyncio.gather(*(one(work) for work in works)))
