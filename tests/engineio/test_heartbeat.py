"""Pings, pongs, and who does not answer. The server looks for those once a second or in a ping timeout."""

import time

import pytest

from tests.engineio.clients import Poller, Server, Socket
from tests.engineio.messages import is_answer, question


async def test_polling_is_pinged(server: Server) -> None:
    async with Poller(server) as poller:
        await poller.post("40" + server.main_auth)
        pings = 0
        while pings < 3:
            status, text = await poller.get()
            assert status == 200
            if "2" in text.split("\x1e"):
                pings += 1
                assert (await poller.post("3"))[0] == 200


async def test_websocket_is_pinged(server: Server) -> None:
    async with Socket(server) as socket:
        await socket.send("40" + server.main_auth)
        pings = 0
        while pings < 3:
            if await socket.frame() == "2":
                pings += 1
                await socket.send("3")


async def test_a_ping_does_not_come_before_its_time(server: Server) -> None:
    async with Socket(server) as socket:
        interval = 0.5 if server.kind == "stock" else socket.handshake["pingInterval"] / 1000
        await socket.send("40" + server.main_auth)
        start = time.monotonic()
        while await socket.frame() != "2":
            pass
        assert time.monotonic() - start > 0.5 * interval
        await socket.send("3")


async def test_a_polling_client_that_does_not_answer_is_closed(server: Server) -> None:
    async with Poller(server) as poller:
        await poller.post("40" + server.main_auth)
        assert await poller.is_closed()


async def test_a_websocket_client_that_does_not_answer_is_closed(server: Server) -> None:
    async with Socket(server) as socket:
        await socket.send("40" + server.main_auth)
        assert await socket.is_closed(answering=False)


async def test_who_answers_stays(server: Server) -> None:
    async with Socket(server) as socket:
        await socket.send("40" + server.main_auth)
        limit = (socket.handshake["pingInterval"] + socket.handshake["pingTimeout"]) / 1000 + 1.5
        start = time.monotonic()
        number = 0
        while time.monotonic() - start < limit:
            if await socket.frame() == "2":
                await socket.send("3")
        await socket.send(question(number))
        while not is_answer(packet := await socket.receive(), number):
            assert packet[:2] in ("40", "42"), packet


@pytest.mark.parametrize("times", [1, 3])
async def test_a_pong_that_nobody_asked_for_does_no_harm(server: Server, times: int) -> None:
    async with Socket(server) as socket:
        await socket.send(*["3"] * times, question(1))
        assert is_answer(await socket.receive(), 1)
