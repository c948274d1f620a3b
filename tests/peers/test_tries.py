"""Tries to reach a server, side by side."""

import asyncio
import socket

import pytest

from peers import tries
from peers.tries import MOST_TRIES, Line, first_of
from tests.waiting import Log, eventually

LOCAL = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 0))


class Dials:
    """What is begun, and what is given up; each try does as `do` says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tries, "OVERLAP", (0.01, 0.02))
        self.begun: Log[asyncio.Future[str]] = Log()
        self.given_up: Log[asyncio.Task[str]] = Log()
        self.sockets: list[socket.socket] = []

    async def hang(self, line: Line) -> str:
        """A connection that nobody answers, until its future says what becomes of it."""
        self.sockets.append(line.make_socket(LOCAL))
        return await self.wait()

    async def wait(self) -> str:
        ends: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.begun(ends)
        return await ends

    def give_up(self, task: asyncio.Task[str]) -> None:
        task.cancel()
        self.given_up(task)

    def close(self) -> None:
        for each in self.sockets:
            each.close()


async def over(tasks: list[asyncio.Task[str]]) -> None:
    """Until these have ended."""
    if tasks:
        await asyncio.wait(tasks)


async def test_while_tries_hang_more_are_begun_but_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    dials = Dials(monkeypatch)
    first = asyncio.ensure_future(first_of(dials.hang, dials.give_up))
    begun = await dials.begun.count(MOST_TRIES)
    await asyncio.sleep(0.1)  # time enough for five more
    assert len(begun) == MOST_TRIES
    begun[3].set_result("the fourth")
    assert await first == "the fourth"
    assert len(dials.given_up.items) == MOST_TRIES - 1
    await over(dials.given_up.items)
    dials.close()


async def test_a_failure_is_that_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    dials = Dials(monkeypatch)
    first = asyncio.ensure_future(first_of(dials.hang, dials.give_up))
    begun = await dials.begun.count(3)
    begun[0].set_exception(ConnectionError("refused"))
    with pytest.raises(ConnectionError, match="refused"):
        await first
    await over(dials.given_up.items)
    dials.close()


async def test_of_two_that_end_together_the_one_that_succeeds_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    dials = Dials(monkeypatch)
    first = asyncio.ensure_future(first_of(dials.hang, dials.give_up))
    begun = await dials.begun.count(3)
    begun[0].set_exception(ConnectionError("no answer"))
    begun[1].set_result("connected")
    begun[2].set_result("connected, too")
    assert "connected" in await first
    await over(dials.given_up.items)
    assert [task.exception() for task in dials.given_up.items if not task.cancelled() and task.exception()]
    dials.close()


async def test_no_second_try_loads_a_server_that_has_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    dials = Dials(monkeypatch)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        async def connect(line: Line) -> str:
            made = line.make_socket(LOCAL)
            dials.sockets.append(made)
            made.connect(server.getsockname())
            return await dials.wait()

        first = asyncio.ensure_future(first_of(connect, dials.give_up))
        (ends,) = await dials.begun.count(1)
        await asyncio.sleep(0.1)
        assert len(dials.begun.items) == 1
        ends.set_result("connected")
        assert await first == "connected"
        dials.close()


async def test_no_second_try_asks_for_a_name_beside_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    dials = Dials(monkeypatch)

    async def resolve(line: Line) -> str:
        return await dials.wait()

    first = asyncio.ensure_future(first_of(resolve, dials.give_up))
    (ends,) = await dials.begun.count(1)
    await asyncio.sleep(0.1)
    assert len(dials.begun.items) == 1
    ends.set_result("connected")
    assert await first == "connected"


async def test_who_is_cancelled_gives_up_all(monkeypatch: pytest.MonkeyPatch) -> None:
    dials = Dials(monkeypatch)
    first = asyncio.ensure_future(first_of(dials.hang, dials.give_up))
    await dials.begun.count(2)
    first.cancel()
    await eventually(first.done)
    assert len(dials.given_up.items) >= 2
    await over(dials.given_up.items)
    dials.close()
