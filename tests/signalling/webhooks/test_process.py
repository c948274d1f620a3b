"""Webhooks of a real server in a process of its own: killed, out of disk, hurried."""

import asyncio
import resource
import signal
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import socketio.exceptions

from tests.serving import ServerProcess
from tests.signalling.actor import Actor
from tests.signalling.webhooks.receivers import SECRET, Receiver
from tests.waiting import eventually

POSTS = 1_000
ROOMS = 20


def options(url: str, store: Path, *more: str) -> tuple[str, ...]:
    """Those of a server with webhooks."""
    return (
        *("--webhook", url, "--webhook-secret", SECRET, "--webhook-topics", "**", "--webhook-allow-private"),
        *("--webhook-store", str(store), "--webhook-events", "post", *more),
    )


class Poster:
    """Posts the numbers from 0 on to one room, each until it is acknowledged."""

    def __init__(self, room: str) -> None:
        self.room = room
        self.acknowledged: list[int] = []
        self.refused: list[dict[str, Any]] = []

    async def run(self, server: ServerProcess, count: int) -> None:
        while len(self.acknowledged) < count:
            actor = Actor(server.url)
            try:
                await actor.connect()
                while len(self.acknowledged) < count:
                    await self._post(actor, len(self.acknowledged))
            except (socketio.exceptions.SocketIOError, TimeoutError):
                await asyncio.sleep(0.1)  # the server is not there
            finally:
                await actor.close()

    async def _post(self, actor: Actor, number: int) -> None:
        post = {"room": self.room, "topic": "orders.new", "data": number}
        reply = await actor.sio.call("post", post, timeout=5)
        if "error" in reply:
            self.refused.append(reply["error"])
            await asyncio.sleep(0.05)
        else:
            self.acknowledged.append(number)


def first_arrivals(receiver: Receiver) -> dict[str, list[int]]:
    """For each room, the numbers in the order in which they came first."""
    seen: dict[str, dict[int, None]] = defaultdict(dict)
    for request in receiver.requests:
        seen[request.said["room"]][request.said["data"]["data"]] = None
    return {room: list(numbers) for room, numbers in seen.items()}


@pytest.mark.slow
async def test_none_is_lost_when_the_server_is_killed_in_the_middle(receiver: Receiver, tmp_path: Path) -> None:
    async with ServerProcess(*options(receiver.url, tmp_path / "store.db")) as server:
        posters = [Poster(f"room {number}") for number in range(ROOMS)]
        tasks = [asyncio.ensure_future(poster.run(server, POSTS // ROOMS)) for poster in posters]
        for part in (POSTS // 4, POSTS // 2, POSTS * 3 // 4):
            await receiver.count(part, 60)
            await server.stop(signal.SIGKILL)
            await server.start()
        await asyncio.gather(*tasks)
        expected = {poster.room: list(range(POSTS // ROOMS)) for poster in posters}
        await eventually(lambda: first_arrivals(receiver) == expected, 60)
    print(f"{len(receiver.requests)} requests for {POSTS} webhooks, {len({r.id for r in receiver.requests})} ids")


@pytest.mark.slow
async def test_what_was_acknowledged_while_nobody_received_is_delivered_after_a_kill(
    receiver: Receiver, tmp_path: Path
) -> None:
    receiver.status = 503
    async with ServerProcess(*options(receiver.url, tmp_path / "store.db")) as server:
        posters = [Poster(f"room {number}") for number in range(10)]
        await asyncio.gather(*(poster.run(server, 20) for poster in posters))
        await server.stop(signal.SIGKILL)  # the moment that the last one is acknowledged
        receiver.status = 204
        receiver.requests.clear()
        await server.start()
        await receiver.count(200)
        assert first_arrivals(receiver) == {poster.room: list(range(20)) for poster in posters}


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that are started now cannot write files of more than so many bytes: so a disk without room acts."""
    limit = 300_000
    start = asyncio.create_subprocess_exec

    async def limited(*command: str, **options: Any) -> Any:
        process = await start(*command, **options)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, limit))
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", limited)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux's")
async def test_a_full_disk_is_told_and_harms_nobody_else(receiver: Receiver, tmp_path: Path, small_files: None) -> None:
    receiver.status = 503  # so that much is kept
    store = tmp_path / "store.db"
    async with ServerProcess(*options(receiver.url, store)) as server:
        ada, grace = Actor(server.url), Actor(server.url)
        await ada.connect()
        await grace.connect()
        acknowledged = []
        for number in range(100):
            reply = await ada.call("post", {"room": "room", "topic": "big", "data": f"{number} " + "x" * 20_000})
            if "error" in reply:
                break
            acknowledged.append(number)
        else:
            raise AssertionError("the disk was never full")
        assert reply["error"]["code"] == "busy"
        assert "cannot store" in reply["error"]["message"]
        assert acknowledged
        joined = await grace.join("room")  # nobody else notices
        assert len(joined["peers"]) == 1
        await ada.close()
        await grace.close()
        await server.stop(signal.SIGKILL)
        receiver.status = 204
        receiver.requests.clear()
        await server.start()  # which finds it full still, and delivers what it has
        await receiver.count(len(acknowledged))
        arrived = [int(request.said["data"]["data"].split(" ")[0]) for request in receiver.requests]
        assert arrived[: len(acknowledged)] == acknowledged


async def test_a_store_that_cannot_be_used_is_told_at_the_start(receiver: Receiver, tmp_path: Path) -> None:
    async with ServerProcess(*options(receiver.url, tmp_path / "store.db")):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "peers.cli", "serve", "--port", "0", "--stun-port", "0"),
            *options(receiver.url, tmp_path / "store.db"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(30):
            _, said = await process.communicate()
    assert process.returncode == 1
    assert b"another server uses it: name another file with --webhook-store" in said
    assert b"Traceback" not in said
