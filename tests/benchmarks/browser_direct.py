"""Two pages in Chromium, over a direct path."""

import asyncio
import time
from functools import partial

from tests.benchmarks.chromium import Browser, browser
from tests.benchmarks.contest import Contest, Goal, Measure, Options, Samples
from tests.benchmarks.flow import CPU
from tests.benchmarks.processes import our_server, playing_in_node
from tests.browser.driving import Page

KIB = 1024
BYTES = 64 * KIB * KIB
SIZE = 64 * KIB
"""Of a message in bulk, everywhere; a bare channel sends the same in 16 KiB too, and the faster counts."""
SMALL = 16 * KIB
ARRIVALS = 5
TIMES = 2_000
PING = 64

BARE = "RTCDataChannel"
PEERJS = {"PeerJS": "binary", "PeerJS, raw": "raw"}
"""By how it packs data: as it does by default, and not at all."""


async def _ours() -> Samples:
    async with our_server() as (url, _), browser() as chromium:
        where = {"url": url, "room": f"pages-{time.monotonic_ns()}"}
        one, two = await _two(chromium, "ours")
        await one.run("await side.listen(where)", where={**where, "times": ARRIVALS})
        await two.run("await side.arrive(where)", where={**where, "times": ARRIVALS})
        first = await one.run("return await side.noted()")
        await one.run("await side.leave()")

        async def connected(lane: str) -> tuple[Page, Page]:
            pages = await _two(chromium, "ours")
            room = {"url": url, "room": f"{lane}-{time.monotonic_ns()}", "lane": lane}
            await asyncio.gather(*(page.run("await side.connect(where)", where=room) for page in pages))
            return pages

        bulk = await flow(chromium, *await connected("bulk"), SIZE)
        return {**first_message(first), **bulk, **await round_trips(*await connected("reliable"))}


async def _bare() -> Samples:
    async with browser() as chromium:

        async def connected() -> tuple[Page, Page]:
            one, two = await _two(chromium, "bare")
            offer = await one.run("return await side.offer()")
            answer = await two.run("return await side.answer(offer)", offer=offer)
            await one.run("await side.accept(answer)", answer=answer)
            for page in (one, two):
                await page.run("await side.open()")
            return one, two

        flows = [await flow(chromium, *await connected(), size) for size in (SIZE, SMALL)]
        bulk = max(flows, key=lambda samples: samples["megabytes"])
        return {**bulk, **await round_trips(*await connected())}


async def _peerjs(serialization: str) -> Samples:
    async with playing_in_node("peerjs_server", "serve") as process, browser() as chromium:
        server = {"host": "127.0.0.1", "port": (await process.hear())["port"]}
        where = {"server": server, "serialization": serialization, "times": ARRIVALS}
        one, two = await _two(chromium, "peerjs")
        there = await one.run("return await side.listen(where)", where=where)
        await two.run("await side.arrive(where)", where={**where, **there})
        first = await one.run("return await side.noted()")
        await one.run("side.leave()")

        async def connected() -> tuple[Page, Page]:
            one, two = await _two(chromium, "peerjs")
            there = await two.run("return await side.accept(where)", where=where)
            await one.run("await side.connect(where)", where={**where, **there})
            await two.run("await side.accepted()")
            return one, two

        bulk = await flow(chromium, *await connected(), SIZE)
        return {**first_message(first), **bulk, **await round_trips(*await connected())}


async def _two(chromium: Browser, side: str) -> tuple[Page, Page]:
    return await chromium.side(side), await chromium.side(side)


def first_message(milliseconds: list[float]) -> Samples:
    """Of somebody who has just come, without the first one of the page: nothing was compiled then."""
    return {"first": milliseconds[1:]}


async def flow(chromium: Browser, sender: Page, receiver: Page, size: int) -> Samples:
    """As fast as it goes, from one page to another, which are closed then."""
    count = BYTES // size
    await receiver.run("side.count(count)", count=count)
    before = chromium.cpu()
    _, total = await asyncio.gather(
        sender.run("await side.send(count, size)", count=count, size=size), receiver.run("return await side.total()")
    )
    used = chromium.cpu() - before
    await _close(sender, receiver)
    megabytes = (count - 1) * size / 1e6
    return {"megabytes": [megabytes / total["seconds"]], "cpu": [used * 1e3 / megabytes]}


async def round_trips(pinger: Page, other: Page) -> Samples:
    """From one page to another and back, which are closed then."""
    await other.run("side.echo()")
    seconds = await pinger.run("return await side.ping(times, size)", times=TIMES, size=PING)
    await _close(pinger, other)
    return {"rtt": [each * 1e6 for each in seconds[TIMES // 10 :]]}


async def _close(*pages: Page) -> None:
    for page in pages:
        page.check()
        await page.close()


def contest(options: Options) -> Contest:
    """See the module."""
    bare, peerjs = (BARE,), tuple(PEERJS)
    return Contest(
        name="browser_direct",
        title="Two pages in Chromium, over a direct path",
        how=(
            "Our client from its built bundle, messages of 64 KiB on the bulk lane, and of 64 bytes there and back on "
            "the reliable lane; against a bare RTCDataChannel that the benchmark connects (64 KiB or 16 KiB, the "
            "faster counts), and PeerJS with its own server, reliable, packing data as by default or not at all. First "
            "message: from a new client (Peer) until the handler of a page that was there already runs; ours takes "
            "whatever path there is."
        ),
        ours=_ours,
        rivals={BARE: _bare, **{name: partial(_peerjs, packing) for name, packing in PEERJS.items()}},
        measures=(
            Measure(
                "megabytes",
                "one page to another",
                "MB/s",
                better="higher",
                goal=Goal("at least 85 % of bare", lambda ours, rival: ours >= 0.85 * rival),
                against=bare,
            ),
            Measure(
                "megabytes",
                "one page to another, beside PeerJS",
                "MB/s",
                better="higher",
                goal=Goal("ahead of PeerJS", lambda ours, rival: ours > rival),
                against=peerjs,
            ),
            CPU,
            Measure(
                "rtt",
                "round trip, p50",
                "us",
                goal=Goal("at most 1.15 x bare", lambda ours, rival: ours <= 1.15 * rival),
                against=bare,
            ),
            Measure(
                "rtt",
                "round trip, p50, beside PeerJS",
                "us",
                goal=Goal("ahead of PeerJS", lambda ours, rival: ours < rival),
                against=peerjs,
            ),
            Measure("rtt", "round trip, p99", "us", statistic="p99"),
            Measure(
                "first",
                "first message of a newcomer",
                "ms",
                goal=Goal("ahead of PeerJS", lambda ours, rival: ours < rival),
                against=peerjs,
            ),
        ),
    )
