"""A client written from docs/protocol.md alone talks to the library, and both end in good order."""

import ast
import asyncio
from pathlib import Path

from peers import Client
from tests.docs.stranger import Stranger
from tests.serving import serving


async def test_a_stranger_talks_to_the_library() -> None:
    async with asyncio.timeout(30), serving() as url, Client(url) as client, client.join("a room") as room:
        heard: asyncio.Queue[object] = asyncio.Queue()
        left: asyncio.Queue[object] = asyncio.Queue()
        room.on("message", lambda message: heard.put_nowait((message.data, message.path)))
        room.on("peer_left", lambda peer, reason: left.put_nowait(reason))
        lost: list[object] = []
        room.on("undelivered", lost.append)
        stranger = Stranger(url, "a room", '{"name":"stranger"}')
        await stranger.join()
        await stranger.send("in message 1")
        assert await heard.get() == ("in message 1", "relay")
        peer = room.peers[stranger.id]
        assert peer.name == "stranger"
        for number in range(300):
            await peer.send(f"number {number}")
        await peer.flush()
        assert [stranger.texts.get_nowait() for _ in range(300)] == [f"number {n}" for n in range(300)]
        seconds, path = await peer.ping()
        assert (seconds < 5, path) == (True, "relay")
        await stranger.send("sealed")
        assert await heard.get() == ("sealed", "relay")
        await stranger.leave()
        assert await left.get() == "left"
        assert lost == []


def test_the_stranger_knows_nothing_of_ours() -> None:
    tree = ast.parse((Path(__file__).parent / "stranger.py").read_text())
    names = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert not [name for name in names if name.split(".")[0] in ("peers", "signalling", "tests")]
