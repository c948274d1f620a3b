"""A handler that raises, hangs or does not end: the others are served, and the log says so."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from peers import Bot, Client, Peer, Room
from peers.bot import handling
from peers.bot.handling import Handling
from peers.channel import Message
from tests.bots.running import running
from tests.waiting import Log, eventually

Connect = Callable[..., Client]


class Visitor:
    """Somebody who talks to a bot: the bot as they see it, and its answers."""

    def __init__(self, room: Room, bot: Peer) -> None:
        self.room, self.bot = room, bot
        self.answers = Log[Any]()
        bot.on("message", lambda message: self.answers(message.data))


async def visit(connect: Connect, name: str, room: str = "r") -> Visitor:
    """Come into the bot's room."""
    joined = await connect().join(room, profile={"name": name}, p2p="never")
    async with asyncio.timeout(10):
        while True:
            for peer in joined.peers.values():
                if peer.profile.get("bot"):
                    return Visitor(joined, peer)
            await asyncio.sleep(0.01)


async def test_a_handler_that_raises_stops_nothing_and_is_named(
    url: str, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    bot = Bot("b")

    @bot.on("message")
    async def divide(message: Message[Any]) -> None:
        await message.peer.send(1 / message.data)

    @bot.on("peer_joined")
    def greet(peer: Peer) -> None:
        raise KeyError("greeting")

    async with running(bot, url):
        ada = await visit(connect, "Ada\n\x1b[2Jroot")
        for number in (0, 2, 0, 4):
            await ada.bot.send(number)
        assert await ada.answers.count(2) == [0.5, 0.25]
        status = bot.status()
        assert status.ok
        assert (status.handlers.raised, status.handlers.done) == (3, 2)
    assert "divide (message, peer 'Ada\\n\\x1b[2Jroot'" in caplog.text  # one line, harmless
    assert "room 'r') raised" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert "greet (peer_joined" in caplog.text


async def test_a_handler_whose_wait_is_cancelled_stops_nothing(
    url: str, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    bot = Bot("b")

    @bot.on("message")
    async def wait(message: Message[Any]) -> None:
        if message.data == "cancel":
            gone = asyncio.get_running_loop().create_future()
            gone.cancel()
            await gone
        await message.peer.send(message.data)

    async with running(bot, url):
        ada = await visit(connect, "Ada")
        await ada.bot.send("cancel")
        await ada.bot.send("hello")
        assert await ada.answers.count(1) == ["hello"]
    assert "cancelled by something that it waited for" in caplog.text


async def test_while_one_hangs_the_others_are_served_in_their_order(
    url: str, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    bot = Bot("b", handler_timeout=4.0)

    @bot.on("message")
    async def answer(message: Message[Any]) -> None:
        if message.data == "hang":
            await asyncio.Event().wait()
        await asyncio.sleep(0.01 if message.data % 2 else 0)
        await message.peer.send(message.data)

    async with running(bot, url):
        ada, grace = await visit(connect, "Ada"), await visit(connect, "Grace")
        await ada.bot.send("hang")
        await ada.bot.send(0)
        for number in range(20):
            await grace.bot.send(number)
        assert await grace.answers.count(20) == list(range(20))
        assert bot.status().handlers.late == 0
        assert ada.answers.items == []  # one peer's messages are handled one after another
        assert await ada.answers.count(1) == [0]  # and go on after the one that hung
        assert bot.status().handlers.late == 1
        await ada.bot.flush()
    assert "answer (message, peer 'Ada'" in caplog.text
    assert "room 'r') has not ended in 4 s: it is cancelled" in caplog.text


async def test_events_of_one_peer_hold_up_no_other(url: str, connect: Connect) -> None:
    bot, log = Bot("b"), Log[Any]()

    @bot.on("peer_joined")
    async def greet(peer: Peer) -> None:
        if peer.name == "Ada":
            await asyncio.Event().wait()
        await peer.send("welcome")

    @bot.on("peer_updated")
    async def updated(peer: Peer) -> None:
        if peer.name == "stop":
            await asyncio.Event().wait()
        log(peer.name)

    async with running(bot, url, stop_timeout=0):
        await visit(connect, "Ada")
        grace, eve = await visit(connect, "Grace"), await visit(connect, "Eve")
        assert await grace.answers.count(1) == ["welcome"]
        assert await eve.answers.count(1) == ["welcome"]
        await grace.room.set_profile({"name": "stop"})
        await eve.room.set_profile({"name": "Eva"})
        assert await log.count(1) == ["Eva"]


async def test_a_handler_that_ignores_its_end_is_left_behind(
    url: str, connect: Connect, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handling, "STUBBORN", 0.1)
    bot, over = Bot("b", handler_timeout=0.2, max_handlers=2), asyncio.Event()

    @bot.on("message")
    async def stubborn(message: Message[Any]) -> None:
        while message.data == "hang" and not over.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await over.wait()
        await message.peer.send(message.data)

    async with running(bot, url):
        ada = await visit(connect, "Ada")
        await ada.bot.send("hang")
        await ada.bot.send("hello")
        assert await ada.answers.count(1) == ["hello"]
        status = bot.status()
        assert status.ok
        assert (status.handlers.stuck, status.handlers.running) == (1, 1)
        await ada.bot.send("hang")
        await eventually(lambda: bot.status().handlers.stuck == 2)
        assert not bot.status().ok  # it can serve nobody now: whoever looks after it has to know
        await ada.bot.send("still?")
        over.set()  # and when they end after all, it can
        await ada.answers.until(lambda items: "still?" in items)
        assert bot.status().ok
        assert bot.status().handlers.stuck == 0
    assert "does not end although it was cancelled; the bot goes on, 1 of its 2 places are lost" in caplog.text


async def test_no_more_handlers_run_than_may(url: str, connect: Connect) -> None:
    bot, running_now, most = Bot("b", max_handlers=3), 0, 0

    @bot.on("message")
    async def count(message: Message[Any]) -> None:
        nonlocal running_now, most
        running_now += 1
        most = max(most, running_now)
        await asyncio.sleep(0.02)
        running_now -= 1
        await message.peer.send("done")

    async with running(bot, url):
        visitors = [await visit(connect, str(number)) for number in range(5)]
        for visitor in visitors:
            for _ in range(3):
                await visitor.bot.send("x")
        for visitor in visitors:
            await visitor.answers.count(3)
    assert most == 3


async def test_who_floods_a_slow_bot_is_slowed_itself(url: str, connect: Connect) -> None:
    bot, go = Bot("b"), asyncio.Event()

    @bot.on("message")
    async def slow(message: Message[Any]) -> None:
        await go.wait()

    async with running(bot, url):
        ada = await visit(connect, "Ada")
        sent = 0

        async def flood() -> None:
            nonlocal sent
            while True:
                await ada.bot.send(bytes(50_000))
                sent += 50_000

        flooding, before = asyncio.create_task(flood()), -1
        async with asyncio.timeout(20):
            while sent == 0 or sent > before:
                before = sent
                for _ in range(5):  # answers come with whatever room there may be for more
                    await ada.bot.ping()
        assert 500_000 < sent < 5_000_000
        flooding.cancel()
        await asyncio.wait([flooding])
        go.set()


async def test_a_handler_may_leave_its_room_and_stop_its_bot(url: str, connect: Connect) -> None:
    bot, log = Bot("b"), Log[Any]()

    @bot.on("message")
    async def obey(message: Message[Any]) -> None:
        if message.data == "leave":
            await message.peer.room.leave()
        else:
            bot.stop()
        log(message.data)

    bot.on("closed", lambda room, reason: log((room.name, reason)))
    task = asyncio.create_task(bot.run(url, ["one", "two"], p2p="never"))
    one, two = await visit(connect, "Ada", "one"), await visit(connect, "Ada", "two")
    async with asyncio.timeout(4):
        await one.bot.send("leave")
        await log.count(2)
        await two.bot.send("stop")
        await task
    assert set(log.items) == {"leave", ("one", "left"), "stop", ("two", "left")}


async def test_handling_alone() -> None:
    handling, log = Handling("b", 60, 2), Log[Any]()
    gate = asyncio.Event()

    async def work(number: int) -> None:
        await gate.wait()
        log(number)

    calls = [asyncio.create_task(handling.call(work, (number,), "test")) for number in range(4)]
    await eventually(lambda: handling.running == 2)
    finishing = asyncio.create_task(handling.finish(10))
    await asyncio.sleep(0)
    gate.set()
    await finishing
    assert await asyncio.gather(*calls) == [True, True, False, False]  # who still waited for a place does not run
    assert not await handling.call(work, (5,), "test")
    await handling.call_last(work, (6,), "test", 1)
    assert log.items == [0, 1, 6]
    assert (handling.done, handling.running) == (3, 0)
