"""Pages talk in one room for minutes while paths between them are cut and restored; then all they sent is compared.

    python -m tests.browser.soak [--seconds 300] [--pages 8] [--firefox] [--seed 1]

Half of the pages are in Firefox, if asked for. Each has a way to the server of its own. What may happen to a page,
one or more at a time: its direct paths go silent; its way to the server does; both; the server's connection breaks off;
the server is killed and started anew. Prints what was lost, doubled and out of order, and exits with 1 if anything was;
and the longest time in which a page heard nothing from another though both had a way to the server.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from peers.testing.front import Front
from peers.testing.rules import Weather
from tests.browser.chromium import Chromium, start_chromium
from tests.browser.conversation import Conversation, PageMember, conversation
from tests.browser.driving import Page
from tests.browser.firefox import LOOPBACK, Firefox, start_firefox
from tests.browser.silences import Silence, Span, silences
from tests.browser.site import build_client, site
from tests.serving import ServerProcess

LONGEST = 6.0
"""Seconds that a cut lasts at most; it is shorter than the server's grace time, so that nobody is given up."""
EVERY = 50
"""Milliseconds between messages from each page to each."""
OPTIONS = ("--ping-interval", "2", "--ping-timeout", "2")
LONG = 5.0
"""Seconds of silence that are worth a look at what the two pages were told meanwhile."""


class Seat:
    """A page, and its way to the server."""

    def __init__(self, backend: int) -> None:
        self.front = Front(backend, self._forecast)
        self.member: PageMember
        self.closed: list[Span] = []
        """When it had no way to the server."""
        self._silent = False

    def silence(self, silent: bool) -> None:
        """Let nothing pass between it and the server, or what has waited and all else."""
        self._silent = silent
        self.front.changed()

    def _forecast(self, path: str, sender: str | None, receiver: str | None) -> Weather:
        return Weather(cut=self._silent)


class Soak:
    """What happens to the pages."""

    def __init__(self, server: ServerProcess, seats: list[Seat], seed: int) -> None:
        self._server, self._seats, self._random = server, seats, random.Random(seed)
        self.happened: Counter[str] = Counter()
        self._restarting = asyncio.Lock()

    async def run(self, seconds: float) -> None:
        """Let things happen for so long."""
        until = time.monotonic() + seconds
        await asyncio.gather(*(self._happens(seat, until) for seat in self._seats), self._restarts(until))

    async def _happens(self, seat: Seat, until: float) -> None:
        kinds = ("direct", "server", "both", "broken")
        while time.monotonic() < until:
            await asyncio.sleep(self._random.uniform(2.0, 15.0))
            kind = self._random.choice(kinds)
            self.happened[kind] += 1
            if kind == "broken":
                seat.front.hang_up()
                continue
            if kind in ("direct", "both"):
                await seat.member.page.run("directPath.cut()")
            if kind in ("server", "both"):
                seat.silence(True)
            with noted([seat] if kind in ("server", "both") else []):
                await asyncio.sleep(self._random.uniform(0.2, LONGEST))
                seat.silence(False)
            await seat.member.page.run("directPath.restore()")

    async def _restarts(self, until: float) -> None:
        while (left := until - time.monotonic()) > 60:
            await asyncio.sleep(min(left, 60))
            self.happened["restart"] += 1
            with noted(self._seats):
                await self._server.stop(9)
                await self._server.start()


@contextmanager
def noted(seats: list[Seat]) -> Iterator[None]:
    """Meanwhile these have no way to the server."""
    began = time.time()
    yield
    for seat in seats:
        seat.closed.append((began, time.time()))


async def soak(seconds: float, pages: int, firefox: bool, seed: int, folder: Path) -> dict[str, Any]:
    """Run it; the figures of `compare.py`, what happened, and silences: see `told`."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(ServerProcess(*OPTIONS))
        runner = web.AppRunner(site(await asyncio.to_thread(build_client)), shutdown_timeout=1.0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        talk = await stack.enter_async_context(conversation(server.url, folder))
        browsers: list[Chromium | Firefox] = [await chromium(stack, folder)]
        if firefox:
            browsers.append(await firefoxes(stack, folder))
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/bare.html"
        seats = [await seated(stack, talk, server, browsers[n % len(browsers)], url, f"p{n}") for n in range(pages)]
        await talk.until_more_arrived(5, 60)
        # What they have written down goes to files all the while: pages keep nothing for minutes.
        writing = asyncio.create_task(write_down([seat.member for seat in seats]))
        stack.callback(writing.cancel)
        happenings = Soak(server, seats, seed)
        await happenings.run(seconds)
        paths: Counter[str] = Counter()
        for seat in seats:
            paths.update((await seat.member.paths()).values())
        events = {seat.member.name: await seat.member.happened() for seat in seats}
        writing.cancel()
        figures = await talk.end()
        found = silences(folder, events, {seat.member.name: seat.closed for seat in seats})
        quiet = [str(found[0]), *(told(one, events) for one in found if one.open > LONG)]
        return {**figures, "happened": dict(happenings.happened), "paths": dict(paths), "silences": quiet}


def told(silence: Silence, events: dict[str, list[dict[str, Any]]]) -> str:
    """What the two pages were told in a silence, of all and of each other."""
    began, ended = silence.span
    lines = [str(silence)]
    for name, other in ((silence.sender, silence.receiver), (silence.receiver, silence.sender)):
        for event in events[name]:
            if began - 10 < event["at"] < ended + 1 and event.get("peer", other) == other:
                lines.append(f"  {event['at'] - began:+7.2f} s {name}: {event}")
    return "\n".join(lines)


async def chromium(stack: AsyncExitStack, folder: Path) -> Chromium:
    """A Chromium that ends with the stack."""
    profile = folder / "chromium"
    profile.mkdir()
    running = start_chromium(profile)
    stack.callback(running.stop)
    browser = await Chromium.connected(running)
    stack.push_async_callback(browser.close)
    return browser


async def firefoxes(stack: AsyncExitStack, folder: Path) -> Firefox:
    """A Firefox that ends with the stack."""
    profile = folder / "firefox"
    profile.mkdir()
    running = start_firefox(profile, preferences=LOOPBACK)
    stack.callback(running.stop)
    browser = await Firefox.connected(running)
    stack.push_async_callback(browser.close)
    return browser


async def seated(
    stack: AsyncExitStack, talk: Conversation, server: ServerProcess, browser: Chromium | Firefox, url: str, name: str
) -> Seat:
    """A page that has joined, by its own way to the server."""
    seat = Seat(server.port)
    port = await seat.front.start(0)
    stack.push_async_callback(seat.front.close)
    page = Page(await browser.open(url), browser.name)
    seat.member = await talk.page(page, name, url=f"http://127.0.0.1:{port}", every=EVERY)
    return seat


async def write_down(members: list[PageMember]) -> None:
    """Again and again."""
    while True:
        for member in members:
            await member.write_down()
        await asyncio.sleep(2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--pages", type=int, default=8)
    parser.add_argument("--firefox", action="store_true", help="half of the pages are in Firefox")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        begun = time.monotonic()
        figures = asyncio.run(soak(options.seconds, options.pages, options.firefox, options.seed, Path(folder)))
    faults, happened, paths, quiet = (figures.pop(key) for key in ("faults", "happened", "paths", "silences"))
    totals: Counter[str] = Counter()
    by_path: Counter[str] = Counter()
    for direction in figures.values():
        totals.update(
            {key: direction["reliable"][key] for key in ("messages", "lost", "doubled", "disorder", "undelivered")}
        )
        by_path.update(direction["paths"])
    print(f"{options.pages} pages, {time.monotonic() - begun:.0f} s, seed {options.seed}; happened: {happened}")
    print(f"{totals['messages']} messages arrived, by path: {dict(by_path)}; in the end on: {paths}")
    print(
        f"{totals['lost']} lost, {totals['doubled']} doubled, {totals['disorder']} swapped, "
        f"{totals['undelivered']} returned to their senders as undelivered; longest silence between two of them: "
        f"{max(direction['reliable']['longest_gap'] for direction in figures.values()):.1f} s"
    )
    print(f"longest silence while both had a way to the server: {quiet[0]}")
    for line in [*quiet[1:], *faults]:
        print(line)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
