"""Browsers behind routers of their own, in network namespaces: real cuts, and a laptop that is offline.

The pages come over plain http from an address that is not this machine's: there is no WebCrypto, and there are no Web
Locks.
"""

import asyncio
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
from aiohttp import web

from tests.browser.chromium import PROGRAM as CHROMIUM
from tests.browser.chromium import Chromium, start_chromium
from tests.browser.conversation import Conversation, PageMember, conversation
from tests.browser.driving import Page
from tests.browser.firefox import PROGRAM as FIREFOX
from tests.browser.firefox import Firefox, start_firefox
from tests.browser.running import Running, missing
from tests.browser.site import site
from tests.network.lab import SERVER, Lab
from tests.network.session import PORT
from tests.network.spaces import configure, why_not

pytestmark = [pytest.mark.browser, pytest.mark.network, pytest.mark.slow]

SITE = 8000
OFFLINE = 20.0
"""Seconds without a network."""


class Place(NamedTuple):
    """A lab with a browser on each side: Chromium on side a; on side b Firefox, as it comes."""

    lab: Lab
    a: Running
    b: Running


class Room(NamedTuple):
    """A page on each side of a lab; they talk."""

    lab: Lab
    talk: Conversation
    a: PageMember
    b: PageMember


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Two browsers behind routers that translate addresses."""
    if (reason := missing(CHROMIUM, FIREFOX) or why_not()) is not None:
        pytest.skip(reason)
    with Lab("cone") as lab, ExitStack() as stack:
        running = []
        for side, start in (("a", start_chromium), ("b", start_firefox)):
            running.append(start(tmp_path_factory.mktemp(side), *lab.command(side)))
            stack.callback(running[-1].stop)
        yield Place(lab, *running)


@pytest.fixture
async def room(place: Place, client_bundle: Path, tmp_path: Path) -> AsyncIterator[Room]:
    """A page in each of them, and servers that both can reach."""
    lab = place.lab
    async with AsyncExitStack() as stack:
        runner = web.AppRunner(site(client_bundle), shutdown_timeout=1.0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.SockSite(runner, lab.socket("server", socket.SOCK_STREAM, SITE)).start()
        await stack.enter_async_context(serving(lab))
        talk = await stack.enter_async_context(conversation(f"http://{SERVER}:{PORT}", tmp_path))
        members = []
        for side, kind, running in (("a", Chromium, place.a), ("b", Firefox, place.b)):
            browser = await kind.connected(running, partial(connecting, lab, side))
            stack.push_async_callback(browser.close)
            page = Page(await browser.open(f"http://{SERVER}:{SITE}/bare.html"), kind.name)
            members.append(await talk.page(page, side))
        yield Room(lab, talk, *members)
        for member in members:
            member.page.check()


@asynccontextmanager
async def serving(lab: Lab) -> AsyncIterator[None]:
    """The signalling server, at its place in the lab."""
    options = ("serve", "--host", "0.0.0.0", "--open", "--port", str(PORT))
    process = await asyncio.create_subprocess_exec(
        *lab.command("server", sys.executable, "-u", "-m", "peers.cli", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            assert b"serves" in await process.stdout.readline()
        yield
    finally:
        process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]


def connecting(lab: Lab, side: str, address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket on a side, for driving a browser there."""
    family, kind, protocol, *_ = address
    return lab.inside(side, lambda: socket.socket(family, kind, protocol))


async def test_udp_is_dropped_and_passes_again(room: Room) -> None:
    talk = room.talk
    print(f"direct after {await talk.until_on('direct'):.2f} s")
    await talk.until_more_arrived(50)
    room.lab.cut("a")
    print(f"given up after {await talk.until_on('relay'):.2f} s")
    await talk.until_more_arrived(50)
    room.lab.restore("a")
    print(f"direct again after {await talk.until_on('direct', 60):.2f} s")
    await talk.until_more_arrived(50)
    check(await talk.finish())


async def test_a_laptop_is_offline_for_20_seconds(room: Room) -> None:
    talk = room.talk
    await talk.until_on("direct")
    await talk.until_more_arrived(50)
    for member in (room.a, room.b):
        member.page.expected.append("WebSocket|net::ERR|socket.io")  # the browser says that it is offline
    configure(room.lab.space("a"), ["link set eth0 down"])
    until = time.monotonic() + OFFLINE
    await room.b.page.until("[...talk.room.peers.values()].some((peer) => peer.away)", OFFLINE)
    await asyncio.sleep(until - time.monotonic())
    configure(room.lab.space("a"), ["link set eth0 up", "route add default via 10.1.0.1"])
    begun = time.monotonic()
    await talk.until_more_arrived(50, 30)
    print(f"talking again after {time.monotonic() - begun:.2f} s")
    print(f"direct again after {await talk.until_on('direct', 60):.2f} s")
    check(await talk.finish())


def check(figures: dict[str, Any]) -> None:
    """All have arrived, by both paths."""
    print(figures)
    for direction in ("a to b", "b to a"):
        assert set(figures[direction]["paths"]) == {"direct", "relay"}
        assert figures[direction]["reliable"]["undelivered"] == 0
