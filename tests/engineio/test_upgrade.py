"""From long-polling to WebSocket."""

import asyncio

import pytest

from tests.engineio.clients import Poller, Server, Socket, is_refused
from tests.engineio.messages import is_answer, question


async def test_polling_goes_over_to_websocket(server: Server) -> None:
    async with Poller(server) as poller:
        poll = asyncio.ensure_future(poller.get())
        async with Socket(server, poller.sid) as socket:
            await socket.send("2probe")
            assert await socket.receive() == "3probe"
            assert await poll == (200, "6"), "a packet that says nothing, to end the poll"
            await socket.send("5", question(1))
            assert is_answer(await _next(socket), 1)


async def test_a_poll_while_it_goes_over_ends_at_once(server: Server) -> None:
    async with Poller(server) as poller, Socket(server, poller.sid) as socket:
        await socket.send("2probe")
        assert await socket.receive() == "3probe"
        assert await poller.get() == (200, "6")
        await socket.send("5", question(1))
        assert is_answer(await _next(socket), 1)


async def test_polling_ends_where_websocket_has_begun(server: Server) -> None:
    async with Poller(server) as poller, Socket(server, poller.sid) as socket:
        await socket.send("2probe", "5", question(1))
        assert await socket.receive() == "3probe"
        assert is_answer(await _next(socket), 1)
        assert (await poller.get())[0] == 400
        assert (await poller.post(question(2)))[0] == 400
        await socket.send(question(3))
        assert is_answer(await socket.receive(), 3)


async def test_a_second_websocket_of_a_session_is_refused(server: Server) -> None:
    async with Poller(server) as poller, Socket(server, poller.sid) as socket:
        await socket.send("2probe", "5", question(1))
        assert await socket.receive() == "3probe"
        assert is_answer(await _next(socket), 1)
        assert await is_refused(server.at(EIO="4", transport="websocket", sid=poller.sid))
        await socket.send(question(2))
        assert is_answer(await socket.receive(), 2)


@pytest.mark.differs("stock", "python-engineio lets the second one take over")
async def test_a_second_websocket_of_a_session_that_goes_over_is_refused(server: Server) -> None:
    async with Poller(server) as poller, Socket(server, poller.sid) as socket:
        await socket.send("2probe")
        assert await socket.receive() == "3probe"
        assert await is_refused(server.at(EIO="4", transport="websocket", sid=poller.sid))
        await socket.send("5", question(1))
        assert is_answer(await _next(socket), 1)


async def test_nothing_is_lost_on_the_way_over(server: Server) -> None:
    async with Poller(server) as poller:
        assert (await poller.post(question(1)))[0] == 200
        async with Socket(server, poller.sid) as socket:
            await socket.send("2probe")
            assert await socket.receive() == "3probe"
            await socket.send("5")
            assert is_answer(await _next(socket), 1)


@pytest.mark.parametrize("first", ["2", "2prob", "4hello", "3probe"])
async def test_who_does_not_probe_does_not_go_over(server: Server, first: str) -> None:
    async with Poller(server) as poller, Socket(server, poller.sid) as socket:
        await socket.send(first)
        assert await socket.is_closed()
        await _goes_on(poller)


@pytest.mark.differs("stock", "python-engineio then answers every poll with a packet that says nothing")
async def test_who_hangs_up_before_it_probes_goes_on_polling(server: Server) -> None:
    async with Poller(server) as poller:
        async with Socket(server, poller.sid):
            pass
        await _goes_on(poller)


async def test_who_hangs_up_after_its_probe_goes_on_polling(server: Server) -> None:
    async with Poller(server) as poller:
        async with Socket(server, poller.sid) as socket:
            await socket.send("2probe")
            assert await socket.receive() == "3probe"
        await _goes_on(poller)


async def test_who_goes_over_is_pinged_there(server: Server) -> None:
    async with Poller(server) as poller, Socket(server, poller.sid) as socket:
        await socket.send("2probe", "5", "40" + server.main_auth)
        pings = 0
        while pings < 2:
            if await socket.frame() == "2":
                pings += 1
                await socket.send("3")


async def _goes_on(poller: Poller) -> None:
    """A session that did not go over still carries packets, after some that say nothing."""
    assert (await poller.post(question(1)))[0] == 200
    for _ in range(3):
        packets = await poller.packets(1)
        if is_answer(packets[-1], 1):
            return
        assert packets == ["6"]
    raise AssertionError("nothing but packets that say nothing")


async def _next(socket: Socket) -> str:
    """The next packet of a WebSocket that has just been gone over to, but those that say nothing."""
    while (packet := await socket.receive()) == "6":
        pass
    return str(packet)
