"""What a bot's handlers get, and in which order; where a bot is, and how it comes and goes."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from peers import Bot, Client, EitherwayError, Identity, Peer, Refused, Room, Undelivered, connection
from peers.bot import service
from peers.bot.service import StartupFailed
from peers.channel import Message
from peers.testing import Server
from tests.bots.running import running
from tests.serving import serving
from tests.waiting import Log, eventually, free_port

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

    @bot.on("joined")
    async def joined(room: Room) -> None:
        log("joined begins")
        await asyncio.sleep(0.3)
        log("joined ends")

    @bot.on("peer_joined")
    async def peer_joined(peer: Peer) -> None:
        log("peer begins")
        await asyncio.sleep(0.3)
        log("peer ends")

    bot.on("message", lambda message: log(message.data))
    async with running(bot, url):
        room = await connect().join("r", p2p="never")
        peer = await room.wait_for_peer(timeout=10)
        await peer.send("message")
        await log.count(5)
    assert log.items == ["joined begins", "joined ends", "peer begins", "peer ends", "message"]


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


# ---- what it comes back from


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


# ---- what no waiting mends


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


# ---- its beginning and its end


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


# ---- what makes no sense


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
    bot.on("message", print, channel="pose", type=Pose)
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
