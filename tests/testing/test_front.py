"""The proxy in front of a server, between a socket and a socket."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from peers.testing import front as module
from peers.testing.front import Front, reset
from peers.testing.rules import Rules
from tests.waiting import Log, eventually

HEAD = b"GET / HTTP/1.1\r\nEitherway-Client: ada\r\n\r\n"


class Stage:
    """A front, what is behind it, and a client's connection."""

    def __init__(self) -> None:
        self.rules = Rules()
        self.accepted: Log[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = Log()
        self.front: Front
        self.port = 0

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A client that has said who it is."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(HEAD)
        return reader, writer

    def cut(self, cut: bool, *, sender: str | None = None, receiver: str | None = None) -> None:
        """Cut, or heal."""
        self.rules.add("cut", cut, "relay", sender, receiver)
        self.front.changed()


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """A front before a server that does nothing by itself."""
    stage = Stage()
    server = await asyncio.start_server(lambda *pair: stage.accepted(pair), "127.0.0.1", 0)
    stage.front = Front(server.sockets[0].getsockname()[1], stage.rules.weather)
    stage.port = await stage.front.start(0)
    yield stage
    await stage.front.close()
    server.close()
    for _, writer in stage.accepted.items:
        writer.close()


async def test_bytes_pass_both_ways_and_so_does_the_end(stage: Stage) -> None:
    reader, writer = await stage.connect()
    ((there, back),) = await stage.accepted.count(1)
    assert await there.readexactly(len(HEAD)) == HEAD
    writer.write(b"ping")
    assert await there.readexactly(4) == b"ping"
    writer.write_eof()
    assert await there.read() == b""
    back.write(b"pong")  # half closed is not closed
    back.close()
    assert await reader.read() == b"pong"
    writer.close()
    await eventually(lambda: not stage.front._connections)


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("words", [b"", b"last words"])
async def test_the_end_of_a_connection_is_not_told_while_it_is_cut(stage: Stage, how: str, words: bytes) -> None:
    _, writer = await stage.connect()
    ((there, back),) = await stage.accepted.count(1)
    await there.readexactly(len(HEAD))
    stage.cut(True)
    writer.write(words)
    await writer.drain()
    writer.close() if how == "close" else reset(writer)
    reading = asyncio.ensure_future(there.read())
    await asyncio.wait([reading], timeout=0.2)
    assert not reading.done()
    stage.cut(False)
    if how == "close":
        assert await reading == words
    else:
        with pytest.raises(ConnectionResetError):
            await reading
    back.close()


async def test_who_connects_and_goes_away_while_it_is_cut_was_never_there(stage: Stage) -> None:
    stage.cut(True)
    _, writer = await stage.connect()
    await eventually(lambda: [c.client for c in stage.front._connections.values()] == ["ada"])
    writer.close()
    await writer.wait_closed()
    await asyncio.sleep(0)
    stage.cut(False)
    await eventually(lambda: not stage.front._connections)
    assert stage.accepted.items == []


async def test_what_waits_is_bounded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 200_000)
    flows: list[module._Flow] = []
    make = module._Flow.__init__

    def noted(self: module._Flow) -> None:
        make(self)
        flows.append(self)

    monkeypatch.setattr(module._Flow, "__init__", noted)
    _, writer = await stage.connect()
    ((there, _),) = await stage.accepted.count(1)
    await there.readexactly(len(HEAD))
    stage.cut(True)
    writer.write(bytes(30_000_000))
    await eventually(lambda: max(flow._size for flow in flows) >= 200_000)
    await asyncio.sleep(0.2)
    assert max(flow._size for flow in flows) < 200_000 + module.PIECE
    stage.cut(False)
    assert len(await there.readexactly(30_000_000)) == 30_000_000
    writer.close()


async def test_a_delay_holds_for_each_byte_and_each_direction(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    reader, writer = await stage.connect()
    ((there, back),) = await stage.accepted.count(1)
    await there.readexactly(len(HEAD))
    stage.rules.add("delay", 0.15, "relay", "ada", None)
    begun = loop.time()
    writer.write(b"x")
    await there.readexactly(1)
    assert 0.15 <= loop.time() - begun < 1.0
    begun = loop.time()
    back.write(b"y")
    await reader.readexactly(1)
    assert loop.time() - begun < 0.15
    stage.rules.add("delay", 60, "relay", "ada", None)
    writer.write(b"x")
    reading = asyncio.ensure_future(there.readexactly(1))
    await asyncio.wait([reading], timeout=0.1)
    assert not reading.done()
    stage.rules.clear()
    stage.front.changed()
    async with asyncio.timeout(10):
        assert await reading == b"x"
    writer.close()


async def test_hanging_up_resets_one_or_all(stage: Stage) -> None:
    reader, writer = await stage.connect()
    ((there, _),) = await stage.accepted.count(1)
    await there.readexactly(len(HEAD))
    stage.front.hang_up("grace")
    await asyncio.sleep(0.05)
    assert stage.front._connections
    stage.front.hang_up("ada")
    for end in (reader, there):
        with pytest.raises(ConnectionResetError):
            await end.readexactly(1)
    writer.close()
