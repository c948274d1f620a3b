"""A client written from docs/protocol.md alone talks to the library, and both end in good order."""

import ast
import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

from peers import Channel, Client, Peer, Room
from tests.docs.stranger import Stranger
from tests.serving import serving


async def test_a_stranger_talks_to_the_library() -> None:
    async with meeting() as (stranger, room, heard):
        await stranger.send("in message 1")
        assert await heard.get() == ("in message 1", "relay")
        peer = room.peers[stranger.id]
        assert peer.name == "stranger"
        for number in range(300):
            await peer.send(f"number {number}")
        await peer.flush()
        assert [stranger.messages.get_nowait() for _ in range(300)] == [("", f"number {n}") for n in range(300)]
        seconds, path = await peer.ping()
        assert (seconds < 5, path) == (True, "relay")
        await stranger.send("sealed")
        assert await heard.get() == ("sealed", "relay")


async def test_the_library_talks_to_a_stranger() -> None:
    async with meeting() as (stranger, room, heard):
        peer = room.peers[stranger.id]
        channel = peer.channel("file", bytes, lane="bulk")
        await peer.send({"file": ["a", 1, None]})
        data = os.urandom(500_000)
        await channel.send(data)
        channel.close()
        await peer.flush()
        assert {stranger.messages.get_nowait()[0] for _ in range(3)} == {"", "file"}
        await channel_of(peer).send(data[:100])
        assert await stranger.messages.get() == ("another", data[:100])
        await stranger.send("thanks")
        assert await heard.get() == ("thanks", "relay")


def channel_of(peer: Peer) -> Channel[bytes]:
    """Another channel, on the reliable lane."""
    return peer.channel("another", bytes)


@contextlib.asynccontextmanager
async def meeting() -> AsyncIterator[tuple[Stranger, Room, asyncio.Queue[object]]]:
    """A stranger in a room with a client of ours, and what that one hears; the stranger leaves in good order."""
    async with asyncio.timeout(30), serving() as url, Client(url) as client, client.join("a room") as room:
        heard: asyncio.Queue[object] = asyncio.Queue()
        left: asyncio.Queue[object] = asyncio.Queue()
        room.on("message", lambda message: heard.put_nowait((message.data, message.path)))
        room.on("peer_left", lambda peer, reason: left.put_nowait(reason))
        lost: list[object] = []
        room.on("undelivered", lost.append)
        stranger = Stranger(url, "a room", '{"name":"stranger"}')
        await stranger.join()
        await room.wait_for_peer(stranger.id)
        yield stranger, room, heard
        await stranger.leave()
        assert await left.get() == "left"
        assert lost == []


def test_the_stranger_knows_nothing_of_ours() -> None:
    tree = ast.parse((Path(__file__).parent / "stranger.py").read_text())
    names = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert not [name for name in names if name.split(".")[0] in ("peers", "signalling", "tests")]
