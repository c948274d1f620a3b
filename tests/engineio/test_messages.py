"""Messages in both directions, and what ends a session."""

import asyncio
import base64
import contextlib
from urllib.parse import urlsplit

import pytest

from tests.engineio.clients import Poller, Server, Socket
from tests.engineio.messages import EVENT, EVENT_BACK, GREETING, is_answer, question
from tests.engineio.program import MAX_PAYLOAD


@pytest.mark.differs("stock", "python-engineio answers OK in capital letters")
async def test_polling_says_ok(server: Server) -> None:
    async with Poller(server) as poller:
        assert await poller.post(question(1)) == (200, "ok")


async def test_polling_carries_a_text(server: Server) -> None:
    async with Poller(server) as poller:
        assert (await poller.post(question(1)))[0] == 200
        (answer,) = await poller.packets(1)
        assert is_answer(answer, 1)


async def test_polling_carries_several_texts(server: Server) -> None:
    async with Poller(server) as poller:
        assert (await poller.post("\x1e".join(question(number) for number in range(3))))[0] == 200
        answers = await poller.packets(3)
        assert [is_answer(answer, number) for number, answer in enumerate(answers)] == [True] * 3


async def test_polling_carries_text_and_bytes(server: Server) -> None:
    async with Poller(server) as poller:
        await poller.post(GREETING)
        await poller.packets(2)
        assert (await poller.post(EVENT + "\x1ebAQIDBA=="))[0] == 200
        assert await poller.packets(2) == [EVENT_BACK, "bAQIDBA=="]


async def test_polling_says_what_it_sends(server: Server) -> None:
    async with Poller(server) as poller:
        await poller.post(question(1))
        async with poller.http.get(poller.address) as answer:
            assert answer.content_type == "text/plain"
            assert str(answer.charset).lower() == "utf-8"


@pytest.mark.parametrize("packet", ["abc", "9", ""], ids=["no packet", "an unknown type", "an empty packet"])
@pytest.mark.differs("stock", "python-engineio drops the request, and answers OK")
@pytest.mark.differs("url", "Socket.IO's own server answers ok, and then that the session is unknown")
async def test_polling_closes_upon_what_is_no_packet(server: Server, packet: str) -> None:
    async with Poller(server) as poller:
        if packet == "":
            packet = question(1) + "\x1e\x1e" + question(2)
        assert (await poller.post(packet))[0] == 400
        assert (await poller.get())[0] == 400


@pytest.mark.differs("stock", "python-engineio lets two polls share the packets")
async def test_polling_closes_upon_a_second_poll(server: Server) -> None:
    async with Poller(server) as poller:
        first = asyncio.ensure_future(poller.get())
        await asyncio.sleep(0.1)  # nothing outside tells that it waits
        assert (await poller.get())[0] in (400, 500)
        assert await first == (200, "1")
        assert (await poller.get())[0] == 400


@pytest.mark.differs("stock", "python-engineio lets two requests bring packets in any order")
async def test_polling_closes_upon_a_second_request_with_packets(server: Server) -> None:
    async with Poller(server) as poller:
        address = urlsplit(poller.address)
        body = question(1).encode()
        head = f"POST {address.path}?{address.query} HTTP/1.1\r\nHost: {address.netloc}\r\n"
        _, writer = await asyncio.open_connection(address.hostname, address.port)
        with contextlib.closing(writer):
            writer.write(f"{head}Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:3])
            await writer.drain()
            await asyncio.sleep(0.1)  # nothing outside tells that it has begun
            assert (await poller.post(question(2)))[0] == 400
            assert (await poller.get())[0] == 400


@pytest.mark.parametrize("kind", ["text", "bytes"])
@pytest.mark.differs("stock", "python-engineio leaves the body unread, and the session open")
async def test_polling_closes_upon_too_large_a_request(server: Server, kind: str) -> None:
    packet = "4" + "x" * MAX_PAYLOAD if kind == "text" else "b" + base64.b64encode(bytes(MAX_PAYLOAD)).decode()
    async with Poller(server) as poller, asyncio.timeout(server.patience):
        assert (await poller.post(packet))[0] in (400, 413)
        assert await poller.is_closed()


async def test_websocket_carries_a_text(server: Server) -> None:
    async with Socket(server) as socket:
        await socket.send(question(1))
        assert is_answer(await socket.receive(), 1)


async def test_websocket_carries_many_texts_in_order(server: Server) -> None:
    async with Socket(server) as socket:
        await socket.send(*map(question, range(100)))
        assert all([is_answer(await socket.receive(), number) for number in range(100)])


async def test_websocket_carries_bytes(server: Server) -> None:
    async with Socket(server) as socket:
        await socket.send(GREETING)
        await socket.receive()
        await socket.receive()
        await socket.send(EVENT, bytes([1, 2, 3, 4]))
        assert [await socket.receive(), await socket.receive()] == [EVENT_BACK, bytes([1, 2, 3, 4])]


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param("abc", id="no packet"),
        pytest.param(
            "9", id="an unknown type", marks=pytest.mark.differs("stock", "python-engineio lets the session go on")
        ),
        pytest.param("", id="an empty packet"),
    ],
)
async def test_websocket_closes_upon_what_is_no_packet(server: Server, packet: str) -> None:
    async with Socket(server) as socket:
        await socket.send(packet)
        assert await socket.is_closed()


async def test_websocket_closes_upon_too_large_a_packet(server: Server) -> None:
    async with Socket(server) as socket:
        await socket.send("4" + "x" * MAX_PAYLOAD)
        assert await socket.is_closed()


@pytest.mark.differs("stock", "python-engineio leaves the poll waiting, and answers 400")
async def test_polling_is_closed_by_the_client(server: Server) -> None:
    async with Poller(server) as poller:
        poll = asyncio.ensure_future(poller.get())
        await asyncio.sleep(0.1)  # nothing outside tells that it waits
        assert (await poller.post("1"))[0] == 200
        assert await poll == (200, "6")
        assert (await poller.get())[0] == 400


async def test_websocket_is_closed_by_the_client(server: Server) -> None:
    async with Socket(server) as socket:
        await socket.send("1")
        assert await socket.is_closed()
