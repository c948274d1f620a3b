"""A page in Chromium and a Python process, over a direct path."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from tests.benchmarks.chromium import Browser, browser
from tests.benchmarks.contest import Contest, Goal, Measure, Options, Samples
from tests.benchmarks.processes import Program, our_server, playing
from tests.browser.driving import Page

KIB = 1024
BYTES = 24 * KIB * KIB
SIZE = 64 * KIB
"""Of our messages."""
BARE_SIZE = 16 * KIB
"""Of those of bare channels, as in direct_bulk."""
TIMES = 1_000
PING = 64

Arguments = dict[str, Any]
Meet = Callable[[str], AbstractAsyncContextManager[tuple[Page, Program]]]
"""Brings a page together with a program that plays a role: receive, send or echo."""


async def _ours() -> Samples:
    bulk: Arguments = {"lane": "bulk", "p2p": "eager", "count": BYTES // SIZE}
    roles: dict[str, Arguments] = {"receive": bulk, "send": {**bulk, "size": SIZE, "path": "direct"}, "echo": {}}
    async with our_server() as (url, _), browser() as chromium:

        @asynccontextmanager
        async def meet(role: str) -> AsyncIterator[tuple[Page, Program]]:
            room: Arguments = {"url": url, "room": f"{role}-{time.monotonic_ns()}"}
            async with playing("room_peer", role, **room, **roles[role]) as program, _page(chromium, "ours") as page:
                if role != "send":  # which says nothing before it has sent
                    await program.hear()
                lane = "reliable" if role == "echo" else "bulk"
                await page.run("await side.connect(where)", where={**room, "lane": lane})
                if role == "send":
                    await page.run("side.count(count)", count=BYTES // SIZE)
                yield page, program

        return await _measured(meet, SIZE)


async def _bare() -> Samples:
    count = BYTES // BARE_SIZE
    bulk: Arguments = {"count": count, "size": BARE_SIZE}
    roles: dict[str, Arguments] = {"receive": bulk, "send": bulk, "echo": {"times": TIMES, "size": PING}}
    async with browser() as chromium:

        @asynccontextmanager
        async def meet(role: str) -> AsyncIterator[tuple[Page, Program]]:
            async with playing("channel_peer", role, **roles[role]) as program, _page(chromium, "bare") as page:
                if role == "send":  # it offers, and sends as soon as it may
                    answer = await page.run("return await side.answer(offer)", offer=await program.hear())
                    await page.run("side.count(count)", count=count)
                    program.tell(**answer)
                else:
                    program.tell(**await page.run("return await side.offer()"))
                    await page.run("await side.accept(answer)", answer=await program.hear())
                await page.run("await side.open()")
                yield page, program

        return await _measured(meet, BARE_SIZE)


async def _measured(meet: Meet, size: int) -> Samples:
    count = BYTES // size
    megabytes = (count - 1) * size / 1e6
    async with meet("receive") as (page, program):
        sending = asyncio.create_task(page.run("await side.send(count, size)", count=count, size=size))
        to_python = megabytes / (await program.hear())["seconds"]
        await sending
    async with meet("send") as (page, program):
        to_page = megabytes / (await page.run("return await side.total()"))["seconds"]
        program.tell(enough=True)
        await program.hear()  # all of it is handled over there: the page may go
    async with meet("echo") as (page, _):
        seconds = await page.run("return await side.ping(times, size)", times=TIMES, size=PING)
    return {"to_python": [to_python], "to_page": [to_page], "rtt": [each * 1e6 for each in seconds[TIMES // 10 :]]}


@asynccontextmanager
async def _page(chromium: Browser, side: str) -> AsyncIterator[Page]:
    page = await chromium.side(side)
    yield page
    page.check()
    await page.close()


def contest(options: Options) -> Contest:
    """See the module."""
    ahead = Goal("ahead of aiortc", lambda ours, rival: ours > rival)
    return Contest(
        name="browser_python",
        title="A page in Chromium and a Python process, over a direct path",
        how=(
            "Messages of 64 KiB on the bulk lane one way, then the other; 64 bytes from the page on the reliable lane "
            "and back; against a bare RTCDataChannel, ordered, in the page and bare aiortc in the process, messages of "
            "16 KiB."
        ),
        ours=_ours,
        rivals={"aiortc": _bare},
        measures=(
            Measure("to_python", "page to Python", "MB/s", better="higher", goal=ahead),
            Measure("to_page", "Python to page", "MB/s", better="higher", goal=ahead),
            Measure("rtt", "round trip, p50", "us"),
            Measure("rtt", "round trip, p99", "us", statistic="p99"),
        ),
    )
