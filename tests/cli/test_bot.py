"""`eitherway bot` as supervisors know it: it waits, comes back, tells its health, and ends whatever it runs."""

import asyncio
import re
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from peers import Client, EitherwayError, Peer, Room
from signalling import create_token
from tests.programs import Program, run
from tests.serving import ServerProcess, serving
from tests.signalling.keys import SECRET
from tests.waiting import Log, eventually, free_port

BOTS = """
import asyncio, contextlib, os, threading, time
from peers import Bot
from peers.bot import handling, process, watchdog

if os.environ.get("IN_A_HURRY"):  # the same with less patience
    process.LEAVING = float(os.environ.get("LEAVING", process.LEAVING))
    process.THREADS = handling.STUBBORN = watchdog.GRACE = 0.2
    watchdog.BLOCKED = watchdog.TASKS_CHECKED = watchdog.CHECKED = 0.5

echo, other, nothing = Bot("echo"), Bot("other"), "no bot"

@echo.on("message")
async def answer(message):
    match message.data:
        case "slow":
            await message.peer.send("begun")
            while not echo.status().stopping:
                await asyncio.sleep(0.01)
        case "block":
            await message.peer.send("begun")
            await message.peer.flush()
            time.sleep(1000)
        case "pause":
            time.sleep(2)
        case "thread":
            await message.peer.send("begun")
            await asyncio.to_thread(time.sleep, 1000)
        case "leak":
            for _ in range(120):
                keep.append(asyncio.create_task(forever()))
        case "stubborn":
            keep.append(asyncio.create_task(stubborn()))
    await message.peer.send(f"{message.data} in {message.peer.room.name}")

@other.on("message")
async def answer(message):
    await message.peer.send(f"other got {message.data}")

keep = []

async def forever():
    await asyncio.Event().wait()

async def stubborn():
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
"""

Start = Callable[..., AbstractAsyncContextManager[Program]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Runs `eitherway bot` where the module `mine` is."""
    (tmp_path / "mine.py").write_text(BOTS)

    def start(*arguments: str, url: str, **environ: Any) -> AbstractAsyncContextManager[Program]:
        return run(tmp_path, "bot", "bot", *arguments, url=url, cwd=tmp_path, **environ)

    return start


async def says(program: Program, text: str) -> str:
    """Wait until the log contains `text`; gives the log."""

    def said() -> bool:
        assert program.process.returncode is None or text in program.err.read_text(), program.err.read_text()
        return text in program.err.read_text()

    await eventually(said)
    return program.err.read_text()


async def health(port: int) -> tuple[int, Any]:
    """What `/healthz` says; 0 if nobody listens."""
    try:
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"http://127.0.0.1:{port}/healthz", timeout=aiohttp.ClientTimeout(2)) as answer,
        ):
            return answer.status, await answer.json()
    except (aiohttp.ClientConnectionError, TimeoutError):
        return 0, None


async def until_health(port: int, status: int) -> Any:
    """What it says as soon as it has this status."""
    async with asyncio.timeout(20):
        while True:
            found, said = await health(port)
            if found == status:
                return said
            await asyncio.sleep(0.05)


class Visitor:
    """Somebody in a room with bots, and what they say."""

    def __init__(self, room: Room) -> None:
        self.room, self.heard = room, Log[Any]()
        room.on("message", lambda message: self.heard(message.data))

    async def bot(self, name: str = "echo") -> Peer:
        """The bot of this name, as soon as it is here."""
        found: list[Peer] = []
        await eventually(
            lambda: bool(found.extend(p for p in self.room.peers.values() if p.name == name) or found)  # type: ignore[func-returns-value]
        )
        return found[0]


async def visit(client: Client, room: str = "r") -> Visitor:
    """Join, as soon as the server is there again."""
    async with asyncio.timeout(20):
        while True:
            try:
                return Visitor(await client.join(room, p2p="never"))
            except EitherwayError:
                await asyncio.sleep(0.05)


async def test_two_bots_wait_for_a_server_come_back_to_it_and_tell_their_health(start: Start) -> None:
    server, port = ServerProcess(), free_port()
    arguments = ("mine:echo", "mine:other", "--room", "one", "--room", "two", "--health", f"127.0.0.1:{port}")
    async with start(*arguments, url=server.url) as program:
        said = await until_health(port, 503)
        assert said["status"] == "unavailable"
        assert [bot["name"] for bot in said["bots"]] == ["echo", "other"]
        assert said["bots"][0]["rooms"] == {name: {"joined": False, "peers": 0} for name in ("one", "two")}
        await says(program, "bot 'echo' waits for a server and tries again")
        async with server:
            said = await until_health(port, 200)
            assert said["status"] == "ok"
            assert said["bots"][1]["rooms"]["two"] == {"joined": True, "peers": 1}
            await server.stop(signal.SIGKILL)
            said = await until_health(port, 503)
            assert [bot["connected"] for bot in said["bots"]] == [False, False]
            await server.start()
            await until_health(port, 200)
            async with Client(server.url) as client:
                visitor = await visit(client, "two")
                await visitor.bot("echo")
                await visitor.bot("other")
                await visitor.room.send("hello")
                assert sorted(await visitor.heard.count(2)) == ["hello in two", "other got hello"]
            program.stop(signal.SIGTERM)
            assert await program.wait() == 0
            assert (await health(port))[0] == 0
        log = program.err.read_text()
        assert log.count("waits for a server") == 2  # once for each bot
        assert "ERROR" not in log
        assert "Traceback" not in log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_handlers_finish_and_then_leaves(start: Start, number: int) -> None:
    async with serving() as url, Client(url) as client:
        async with start("mine:echo", "--room", "r", url=url) as program:
            visitor, left = await visit(client), Log[Any]()
            visitor.room.on("peer_left", lambda peer, reason: left(reason))
            await (await visitor.bot()).send("slow")
            await visitor.heard.count(1)
            program.stop(number)
            assert await visitor.heard.count(2) == ["begun", "slow in r"]
            assert await program.wait() == 0
            assert await left.count(1) == ["left"]
            assert "ERROR" not in program.err.read_text()


async def test_it_can_be_stopped_while_it_waits_for_a_server(start: Start) -> None:
    async with start("mine:echo", "--room", "r", url=f"http://127.0.0.1:{free_port()}") as program:
        await says(program, "waits for a server")
        program.stop(signal.SIGTERM)
        assert await program.wait() == 0


async def test_what_blocks_the_process_is_told_and_it_goes_on(start: Start) -> None:
    async with serving() as url, Client(url) as client:
        async with start("mine:echo", "--room", "r", url=url, IN_A_HURRY="1") as program:
            visitor = await visit(client)
            await (await visitor.bot()).send("pause")
            log = await says(program, "the event loop has stood still for 0.5 s")
            assert "mine.py" in log
            assert "time.sleep(2)" in log
            assert await visitor.heard.count(1) == ["pause in r"]
            await says(program, "the event loop goes on")
            program.stop(signal.SIGTERM)
            assert await program.wait() == 0


async def test_a_process_that_is_blocked_for_good_ends_all_the_same(start: Start) -> None:
    environ = {"EITHERWAY_STOP_TIMEOUT": "0", "IN_A_HURRY": "1", "LEAVING": "1"}
    async with serving(grace=0.1) as url, Client(url) as client:
        async with start("mine:echo", "--room", "r", url=url, **environ) as program:
            visitor = await visit(client)
            await (await visitor.bot()).send("block")
            await visitor.heard.count(1)
            await says(program, "stood still")
            program.stop(signal.SIGTERM)
            assert await program.wait() == 1
            log = program.err.read_text()
            assert "not ended after 1 s: ended as it is" in log
            assert log.count("time.sleep(1000)") == 2


async def test_tasks_that_handlers_leave_behind_are_named_and_cancelled(start: Start) -> None:
    async with serving() as url, Client(url) as client:
        async with start("mine:echo", "--room", "r", url=url, IN_A_HURRY="1") as program:
            visitor = await visit(client)
            await (await visitor.bot()).send("leak")
            await visitor.heard.count(1)
            log = await says(program, "120 tasks run in forever (")
            assert re.search(r"forever \(.*mine\.py:\d+\): do handlers leave them behind\?", log)
            await (await visitor.bot()).send("hello")
            assert await visitor.heard.count(2) == ["leak in r", "hello in r"]
            program.stop(signal.SIGTERM)
            assert await program.wait() == 0
            log = program.err.read_text()
            assert log.count("tasks were left behind and are cancelled (120): forever (") == 1
            assert "never awaited" not in log
            assert "was destroyed" not in log


async def test_what_does_not_end_is_named_and_not_waited_for(start: Start) -> None:
    async with serving() as url, Client(url) as client:
        async with start("mine:echo", "--room", "r", "--stop-timeout", "0.1", url=url, IN_A_HURRY="1") as program:
            visitor = await visit(client)
            await (await visitor.bot()).send("stubborn")
            await (await visitor.bot()).send("thread")
            await visitor.heard.count(2)
            program.stop(signal.SIGTERM)
            assert await program.wait(15) == 0
            log = program.err.read_text()
            assert "tasks do not end although they were cancelled (1): stubborn (" in log
            assert "a thread of a handler does not end" in log
            assert "answer (message" in log


async def test_options_come_from_the_environment(start: Start) -> None:
    port = free_port()
    async with serving() as url:
        environ = {
            "EITHERWAY_ROOM": "one, two words",
            "EITHERWAY_HEALTH": f"127.0.0.1:{port}",
            "EITHERWAY_P2P": "never",
        }
        async with start("mine:echo", url=url, **environ):
            said = await until_health(port, 200)
            assert list(said["bots"][0]["rooms"]) == ["one", "two words"]


async def test_the_token_goes_to_the_server(start: Start) -> None:
    token = create_token(SECRET, user="robot", rooms=["r"])
    async with (
        serving(token_secret=(SECRET,)) as url,
        start("mine:echo", "--room", "r", url=url, EITHERWAY_TOKEN=token),
    ):
        async with Client(url, token=token) as client:
            visitor = await visit(client)
            assert (await visitor.bot()).user == "robot"


async def test_an_identity_is_kept(start: Start, tmp_path: Path) -> None:
    ids = set()
    async with serving() as url, Client(url) as client:
        visitor = await visit(client)
        for _ in range(2):
            async with start("mine:echo", "--room", "r", "--identity", "bot.pem", url=url) as program:
                ids.add((await visitor.bot()).id)
                program.stop(signal.SIGTERM)
                assert await program.wait() == 0
    assert len(ids) == 1


async def test_what_no_waiting_mends_ends_it(start: Start) -> None:
    async with serving(max_rooms=1) as url:
        async with start("mine:echo", "--room", "one", "--room", "two", url=url) as program:
            assert await program.wait() == 3
            assert "eitherway: one client may be in 1 rooms: leave one first (forbidden)" in program.err.read_text()
