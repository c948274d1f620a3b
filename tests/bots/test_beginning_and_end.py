"""How a bot begins and ends, and what of it makes no sense."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from peers import Bot, Client, Undelivered
from peers.bot.service import StartupFailed
from peers.channel import Message
from tests.bots.running import running
from tests.waiting import Log, eventually

Connect = Callable[..., Client]


async def test_a_startup_that_raises_ends_it(url: str) -> None:
    bot, log = Bot("b"), Log[Any]()

    @bot.on("startup")
    async def open_database() -> None:
        raise OSError("no database")

    bot.on("cleanup", lambda: log("cleanup"))
    with pytest.raises(StartupFailed, match="open_database raised OSError: no database") as raised:
        await bot.run(url, "r")
    assert isinstance(raised.value.__cause__, OSError)
    assert log.items == []


async def test_it_can_be_stopped_at_any_time(url: str, connect: Connect) -> None:
    for seconds in (0, 0.005, 0.02, 0.05, 0.1):
        bot = Bot("b")
        bot.on("startup", lambda: asyncio.sleep(0.01))
        task = asyncio.create_task(bot.run(url, ["one", "two"]))
        await asyncio.sleep(seconds)
        bot.stop()
        async with asyncio.timeout(10):
            await task


async def test_cancelled_it_leaves_at_once(url: str, connect: Connect) -> None:
    bot, log = Bot("b"), Log[Any]()

    @bot.on("message")
    async def hang(message: Message[Any]) -> None:
        log("begun")
        await asyncio.sleep(60)

    bot.on("cleanup", lambda: log("cleanup"))
    room = await connect().join("r", p2p="never")
    task = asyncio.create_task(bot.run(url, "r", p2p="never"))
    peer = await room.wait_for_peer(timeout=10)
    await peer.send("x")
    await log.count(1)
    task.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait([task])
    assert task.cancelled()
    assert log.items == ["begun", "cleanup"]
    await eventually(lambda: not room.peers)


async def test_stopping_lets_handlers_finish_and_takes_no_more_messages(url: str, connect: Connect) -> None:
    bot, log, go = Bot("b"), Log[Any](), asyncio.Event()

    @bot.on("message")
    async def slowly(message: Message[Any]) -> None:
        log(message.data)
        await go.wait()
        await message.peer.send(f"done {message.data}")

    room = await connect().join("r", p2p="never")
    answers = Log[Any]()
    room.on("message", lambda message: answers(message.data))
    async with running(bot, url):
        peer = await room.wait_for_peer(timeout=10)
        await peer.send("one")
        await log.count(1)
        await peer.send("two")
        flushing = asyncio.create_task(peer.flush())
        bot.stop()
        await eventually(lambda: bot.status().stopping)
        go.set()
        assert await answers.count(1) == ["done one"]
        with pytest.raises(Undelivered):  # it says that it was not handled
            await flushing
    assert log.items == ["one"]
    assert answers.items == ["done one"]


async def test_a_handler_that_does_not_finish_in_time_is_cancelled_and_named(
    url: str, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    bot, log = Bot("b"), Log[Any]()

    @bot.on("message")
    async def hang(message: Message[Any]) -> None:
        log("begun")
        try:
            await asyncio.sleep(60)
        finally:
            log("cancelled")

    room = await connect().join("r", profile={"name": "Ada"}, p2p="never")
    async with running(bot, url, stop_timeout=0.2):
        peer = await room.wait_for_peer(timeout=10)
        await peer.send("x")
        await log.count(1)
        flushing = asyncio.create_task(peer.flush())
        bot.stop()
        with pytest.raises(Undelivered):  # a message whose handler was cut off was not handled
            await flushing
    assert log.items == ["begun", "cancelled"]
    assert "hang (message, peer 'Ada'" in caplog.text
    assert "was not done within 0.2 s" in caplog.text


def test_nonsense_is_refused_when_it_is_written() -> None:
    bot = Bot("b")
    for event in ("mesage", "", "error"):
        with pytest.raises(ValueError, match="there is no event"):
            bot.on(event)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="for 'message'"):
        bot.on("peer_joined", channel="x")
    with pytest.raises(ValueError, match="lane"):
        bot.on("message", print, lane="fast")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="callable"):
        bot.on("message", 7)  # type: ignore[call-overload]
    bot.on("message", print, channel="pose", type=str)
    with pytest.raises(ValueError, match="another type"):
        bot.on("message", print, channel="pose", type=int)
    for seconds in (0, -1):
        with pytest.raises(ValueError, match="more than 0"):
            bot.every(seconds)
        with pytest.raises(ValueError, match="more than 0"):
            Bot("b", handler_timeout=seconds)
        with pytest.raises(ValueError, match="more than 0"):
            Bot("b", max_handlers=seconds)
    with pytest.raises(TypeError, match="has a name"):
        Bot("")
    with pytest.raises(ValueError, match="at most 4096 bytes"):
        Bot("b", profile={"text": "x" * 5_000})


async def test_nonsense_is_refused_before_anything_is_joined(url: str) -> None:
    bot = Bot("b")
    for rooms, text in (([], "at least one room"), ([""], "1 to 128 bytes"), (["a\n"], "control characters")):
        with pytest.raises(ValueError, match=text):
            await bot.run(url, rooms)
    with pytest.raises(ValueError, match="looks like http"):
        await bot.run("ftp://x", "r")
    async with running(bot, url):
        with pytest.raises(RuntimeError, match="runs already"):
            await bot.run(url, "r")
        with pytest.raises(RuntimeError, match="before"):
            bot.on("message", print)
        with pytest.raises(RuntimeError, match="before"):
            bot.every(1)


async def test_handlers_may_be_registered_at_startup_and_it_may_run_again(url: str, connect: Connect) -> None:
    bot, log = Bot("b"), Log[Any]()

    @bot.on("startup")
    def startup() -> None:
        bot.on("joined", lambda room: log("joined"))

    async with running(bot, url):
        await log.count(1)
    async with running(bot, url):
        await log.count(3)
