"""A client asks the ICE servers beside the join, and attempts know what came of it."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from peers import Client, Room
from tests.serving import ServerProcess, serving
from tests.waiting import Log, eventually


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A UDP server that never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        yield server


def was_asked(server: socket.socket) -> bool:
    try:
        return bool(server.recv(2_000))
    except BlockingIOError:
        return False


def known(room: Room) -> dict[str, bool]:
    """Which servers of the next attempt answered, and which did not."""
    servers, now = room._links._ice_servers, asyncio.get_running_loop().time()
    return {
        server.url: not servers.memory.has_failed(server, now)
        for server in servers.stun
        if servers.memory.is_known(server, now)
    }


async def test_a_silent_server_delays_neither_the_join_nor_the_direct_path(silent: socket.socket) -> None:
    url_of_silent = f"stun:127.0.0.1:{silent.getsockname()[1]}"
    async with serving(ice_servers=[url_of_silent]) as url:
        async with Client(url) as ada, Client(url) as bob:
            room = await ada.join("lobby")
            await eventually(lambda: len(known(room)) == 2)
            assert sorted(known(room).values()) == [False, True]
            assert known(room)[url_of_silent] is False
            while was_asked(silent):
                pass
            paths: Log[str] = Log()
            room.on("path_changed", lambda peer, path: paths(path))
            await bob.join("lobby")
            await paths.count(1)
            assert paths.items == ["direct"]
            # Ada knows that it is silent, and another answers. (Bob, who came just now, asked it once or twice.)
            peer = await room.wait_for_peer()
            assert peer.path == "direct"


async def test_another_connection_may_be_in_another_network() -> None:
    async with ServerProcess() as server, Client(server.url) as ada:
        room = await ada.join("lobby")
        await eventually(lambda: bool(known(room)))
        gone: Log[str] = Log()
        ada.on("disconnected", gone)
        await server.stop()
        await gone.count(1)
        assert known(room) == {}
        back: Log[None] = Log()
        ada.on("connected", back)
        await server.start()
        await back.count(1)
        await eventually(lambda: bool(known(room)))


async def test_who_wants_no_direct_paths_asks_nobody(silent: socket.socket) -> None:
    async with serving(stun=False, ice_servers=[f"stun:127.0.0.1:{silent.getsockname()[1]}"]) as url:
        async with Client(url) as ada, Client(url) as bob:
            await ada.join("lobby", p2p="never")
            assert not ada._shared.prober._tasks
            await bob.join("lobby")
            assert bob._shared.prober._tasks  # still asking, when the client is closed
    assert not bob._shared.prober._tasks
