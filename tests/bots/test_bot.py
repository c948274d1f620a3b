"""What a bot's handlers get, and in which order."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from peers import Bot, Client, Peer, Room
from peers.channel import Message
from tests.bots.running import running
from tests.serving import serving
from tests.waiting import Log, eventually

Connect = Callable[..., Client]


@dataclass
class Pose:
    x: float


async def test_events_come_with_what_they_are_about_and_tell_their_room(url: str, connect: Connect) -> None:
    bot, log = Bot("b", profile={"about": "x"}), Log[Any]()

    @bot.on("startup")
    async def startup() -> None:
        log("startup")

    @bot.on("joined")
    def joined(room: Room) -> None:
        log(("joined", room.name, dict(room.profile)))

    @bot.on("peer_joined")
    async def peer_joined(peer: Peer) -> None:
        log(("peer_joined", peer.name, peer.room.name))

    @bot.on("peer_updated")
    def peer_updated(peer: Peer) -> None:
        log(("peer_updated", peer.name))

    @bot.on("message")
    async def message(message: Message[Any]) -> None:
        log(("message", message.data, message.peer.room.name))
        await message.peer.send(message.data)

    @bot.on("peer_left")
    def peer_left(peer: Peer, reason: str) -> None:
        log(("peer_left", peer.name, reason))

    @bot.on("closed")
    def closed(room: Room, reason: str) -> None:
        log(("closed", room.name, reason))

    bot.on("cleanup", lambda: log("cleanup"))
    async with running(bot, url, "one"):
        ada = connect()
        room = await ada.join("one", profile={"name": "Ada"}, p2p="never")
        peer = await room.wait_for_peer(timeout=10)
        assert peer.profile == {"name": "b", "bot": True, "about": "x"}
        answers = Log[Any]()
        peer.on("message", lambda message: answers(message.data))
        await peer.send("hello")
        await answers.count(1)
        await room.set_profile({"name": "Grace"})
        await log.count(5)
        await ada.close()
        await log.count(6)
    assert log.items == [
        "startup",
        ("joined", "one", {"name": "b", "bot": True, "about": "x"}),
        ("peer_joined", "Ada", "one"),
        ("message", "hello", "one"),
        ("peer_updated", "Grace"),
        ("peer_left", "Grace", "left"),
        ("closed", "one", "left"),
        "cleanup",
    ]
    assert bot.rooms == {}


async def test_path_changes_are_told(url: str, connect: Connect) -> None:
    bot, log = Bot("b"), Log[Any]()
    bot.on("path_changed", lambda peer, path: log((peer.id, path)))
    async with running(bot, url, p2p="auto"):
        ada = connect()
        await ada.join("r")
        assert await log.count(1) == [(ada.id, "direct")]


async def test_who_is_here_already_is_not_announced(url: str, connect: Connect) -> None:
    bot, log = Bot("b"), Log[Any]()
    await connect().join("r", p2p="never")
    bot.on("joined", lambda room: log([peer.id for peer in room.peers.values()]))
    bot.on("peer_joined", lambda peer: log(peer.id))
    async with running(bot, url):
        grace = connect()
        await grace.join("r", p2p="never")
        items = await log.count(2)
        assert len(items[0]) == 1
        assert items[1:] == [grace.id]


async def test_joined_and_peer_joined_end_before_messages_begin(url: str, connect: Connect) -> None:
    bot, log = Bot("b"), Log[Any]()

    async def dawdle(room: Room) -> None:
        """Until messages are here that could be handled now, and then a while."""
        await eventually(lambda: any(stream.queue for peer in room.peers.values() for stream in peer._streams.values()))
        for _ in range(20):
            await asyncio.sleep(0)

    @bot.on("joined")
    async def joined(room: Room) -> None:
        log("joined begins")
        await dawdle(room)
        log("joined ends")

    @bot.on("peer_joined")
    async def peer_joined(peer: Peer) -> None:
        log("peer begins")
        await dawdle(peer.room)
        log("peer ends")

    bot.on("message", lambda message: log(message.data))
    async with running(bot, url):
        room = await connect().join("r", p2p="never")
        peer = await room.wait_for_peer(timeout=10)
        for number in range(3):
            await peer.send(number)
        await log.count(7)
    assert log.items == ["joined begins", "joined ends", "peer begins", "peer ends", 0, 1, 2]


async def test_peer_left_comes_when_its_messages_have_been_handled(url: str, connect: Connect) -> None:
    bot, log = Bot("b"), Log[Any]()

    @bot.on("message")
    async def slowly(message: Message[Any]) -> None:
        await asyncio.sleep(0.1)
        log(message.data)

    bot.on("peer_left", lambda peer, reason: log(reason))
    async with running(bot, url):
        client = connect()
        room = await client.join("r", p2p="never")
        peer = await room.wait_for_peer(timeout=10)
        for number in range(5):
            await peer.send(number)
        await client.close()
        assert await log.count(6) == [0, 1, 2, 3, 4, "left"]


async def test_what_may_not_have_arrived_is_told_and_greets_nobody_again(caplog: pytest.LogCaptureFixture) -> None:
    quiet, told, log = Bot("quiet"), Bot("told"), Log[Any]()
    told.on("undelivered", lambda report: log(("undelivered", report.peer.room.name)))
    for bot in (quiet, told):
        bot.on("peer_joined", lambda peer: log(("joined", peer.room.name)))
        bot.on("peer_left", lambda peer, reason: log((reason, peer.room.name)))
        bot.every(0.05)(lambda room: room.send("x"))
    async with serving(grace=0.3) as url, running(quiet, url, "one"), running(told, url, "two"):
        client = Client(url)
        for name in ("one", "two"):
            await client.join(name, p2p="never")
        await log.count(2)
        await client._connection.close()  # as a program that is killed: it neither leaves nor acknowledges
        await log.until(lambda items: ("undelivered", "two") in items and ("lost", "one") in items)
        await eventually(lambda: "bot 'quiet' in room 'one'" in caplog.text and "may not have arrived" in caplog.text)
        await client.close()
    assert log.items.count(("joined", "one")) == log.items.count(("joined", "two")) == 1


async def test_several_rooms_and_bots_share_a_process(url: str, connect: Connect) -> None:
    def named(name: str) -> Bot:
        bot = Bot(name)
        bot.on("message", lambda message: message.peer.send(f"{name} in {message.peer.room.name}"))
        return bot

    a, b = named("a"), named("b")
    async with running(a, url, "one", "two"), running(b, url, "two", "one"):
        assert set(a.rooms) == {"one", "two"}
        for name in ("one", "two"):
            room, answers = await connect().join(name, p2p="never"), Log[Any]()
            room.on("message", lambda message: answers(message.data))  # noqa: B023
            await eventually(lambda: len(room.peers) == 2)  # noqa: B023
            await room.send("hi")
            assert sorted(await answers.count(2)) == [f"a in {name}", f"b in {name}"]


async def test_other_channels_and_types(url: str, connect: Connect) -> None:
    bot, log = Bot("b"), Log[Any]()
    bot.on("message", lambda message: log(message.data), channel="pose", type=Pose)
    bot.on("message", lambda message: log((message.channel, message.lane)), channel="file", lane="bulk")
    async with running(bot, url):
        room = await connect().join("r", p2p="never")
        peer = await room.wait_for_peer(timeout=10)
        await peer.channel("pose").send({"x": 1.5})
        await log.count(1)
        await peer.channel("file", lane="bulk").send(b"x")
        assert await log.count(2) == [Pose(1.5), ("file", "bulk")]


async def test_every_so_often_in_each_room(url: str) -> None:
    bot, log = Bot("b"), Log[Any]()

    @bot.every(0.1)
    async def tick(room: Room) -> None:
        log((room.name, asyncio.get_running_loop().time()))
        await asyncio.sleep(0.15)  # longer than that: calls do not overlap, and what is missed is left out

    async with running(bot, url, "one", "two"):
        await log.count(8)
    for name in ("one", "two"):
        times = [time for room, time in log.items if room == name]
        assert all(0.15 < later - earlier < 1.0 for earlier, later in itertools.pairwise(times))
