"""Where a bot is: what it waits for and comes back from, and what no waiting mends."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from peers import Bot, Client, EitherwayError, Identity, Refused, Room, connection
from peers.bot import service
from peers.testing import Server
from tests.bots.running import running
from tests.serving import serving
from tests.waiting import Log, eventually, free_port

Connect = Callable[..., Client]


async def test_it_waits_for_a_server_that_is_not_there_and_says_so_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, bot, tries = free_port(), Bot("b"), Log[None]()
    connect_once = Client.connect

    async def count(client: Client) -> Client:
        tries()
        return await connect_once(client)

    monkeypatch.setattr(Client, "connect", count)
    task = asyncio.create_task(bot.run(f"http://127.0.0.1:{port}", ["one", "two"]))
    await tries.count(4)
    assert caplog.text.count("waits for a server") == 1
    assert not bot.status().ok
    server = Server()
    server.port = port
    with server:
        await eventually(lambda: bot.status().ok)
        assert set(bot.rooms) == {"one", "two"}
        bot.stop()
        await task


async def test_it_comes_back_to_a_server_that_was_gone(connect: Connect) -> None:
    bot, log = Bot("b"), Log[Any]()
    bot.on("message", lambda message: message.peer.send(message.data))
    bot.on("joined", lambda room: log("joined"))
    with Server() as server:
        async with running(bot, server.url), Client(server.url) as client:
            await server.kill()
            await eventually(lambda: not bot.status().ok)
            assert not bot.status().connected
            await server.start()
            await eventually(lambda: bot.status().ok)
            room, answers = await joined(client), Log[Any]()
            room.on("message", lambda message: answers(message.data))
            await (await room.wait_for_peer(timeout=10)).send("still there?")
            assert await answers.count(1) == ["still there?"]
            assert log.items == ["joined"]  # it has never been out of the room


async def joined(client: Client) -> Room:
    """A room, as soon as the client has come back too."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await client.join("r", p2p="never")
            except EitherwayError:
                await asyncio.sleep(0.05)


async def test_an_outage_that_lasts_is_told_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(service, "PATIENCE", 0.1)
    bot = Bot("b")
    with Server() as server:
        async with running(bot, server.url):
            await server.kill()
            await eventually(lambda: caplog.text.count("; tried again") >= 2)
            assert bot._service is not None
            wait, waits = bot._service._lost.wait, Log[None]()

            async def wait_again() -> bool:
                waits()
                return await wait()

            monkeypatch.setattr(bot._service._lost, "wait", wait_again)
            await server.start()
            await eventually(lambda: bot.status().ok)
            caplog.clear()
            await waits.count(1)  # it has looked once more, and waits for the next outage
            assert "; tried again" not in caplog.text


async def test_a_room_that_is_full_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    bot = Bot("b")
    async with serving(max_peers=1) as url, Client(url) as client:
        await client.join("full")
        task = asyncio.create_task(bot.run(url, ["full", "free"]))
        await eventually(lambda: "room-full" in caplog.text)
        await eventually(lambda: bot.status().rooms["free"].joined)
        assert not bot.status().ok
        await client.rooms["full"].leave()
        await eventually(lambda: bot.status().ok)
        bot.stop()
        await task


async def test_a_room_that_was_closed_is_joined_again(url: str, connect: Connect) -> None:
    bot, log = Bot("b"), Log[Any]()
    bot.on("joined", lambda room: log("joined"))
    bot.on("closed", lambda room, reason: log(reason))
    bot.on("message", lambda message: log(message.data))
    async with running(bot, url):
        bot.rooms["r"].client._receive("room-closed", {"room": "r", "reason": "swept"})
        await log.count(3)
        await eventually(lambda: bot.status().ok)
        room = await connect().join("r", p2p="never")
        await (await room.wait_for_peer(timeout=10)).send("hello")
        assert await log.count(4) == ["joined", "swept", "joined", "hello"]


async def test_a_room_that_the_bot_leaves_is_left(url: str) -> None:
    bot, log = Bot("b"), Log[Any]()
    bot.on("joined", lambda room: room.leave() if room.name == "one" else None)
    bot.on("closed", lambda room, reason: log((room.name, reason)))
    task = asyncio.create_task(bot.run(url, ["one", "two"]))
    assert await log.count(1) == [("one", "left")]
    await eventually(lambda: list(bot.rooms) == ["two"])
    assert not bot.status().ok
    await bot.rooms["two"].leave()
    async with asyncio.timeout(10):
        await task  # nothing is left to do


async def test_forbidden_ends_it_and_leaves_the_other_rooms(connect: Connect) -> None:
    bot, log = Bot("b"), Log[Any]()
    bot.on("closed", lambda room, reason: log((room.name, reason)))
    async with serving(max_rooms=1) as url:
        with pytest.raises(Refused, match="forbidden"):
            await bot.run(url, ["one", "two"])
    assert log.items == [("one", "left")]


async def test_an_old_protocol_ends_it(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PROTOCOL", 99)
    with pytest.raises(Refused, match="unsupported-protocol"):
        await Bot("b").run(url, "r")


async def test_a_server_that_comes_back_with_another_protocol_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    bot = Bot("b")
    with Server() as server:
        task = asyncio.create_task(bot.run(server.url, "r"))
        await eventually(lambda: bot.status().ok)
        monkeypatch.setattr(connection, "PROTOCOL", 99)
        await server.kill()
        await server.start()
        with pytest.raises(Refused, match="unsupported-protocol"):
            async with asyncio.timeout(20):
                await task


async def test_another_program_with_its_identity_takes_its_place(url: str, connect: Connect) -> None:
    bot, identity = Bot("b"), Identity.generate()
    task = asyncio.create_task(bot.run(url, "r", identity=identity, p2p="never"))
    await eventually(lambda: bot.status().ok)
    await connect(identity=identity).join("r", p2p="never")
    with pytest.raises(Refused, match="replaced"):
        async with asyncio.timeout(20):
            await task
