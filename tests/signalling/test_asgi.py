"""Attached to a python-socketio server on ASGI: a FastAPI application under uvicorn, in a process of its own."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import httpx
import pytest
from socketio.exceptions import ConnectionError as Refused

from peers import Client, Message
from tests.signalling.conftest import Connect
from tests.signalling.raw import RawClient, RawPoller
from tests.signalling.test_slow_client import PACKET, fill, stopped
from tests.waiting import DEADLINE, Log, free_port

TRANSPORTS = pytest.mark.parametrize("transport", ["websocket", "polling"])


class Program:
    """The application's process."""

    def __init__(self, url: str, process: asyncio.subprocess.Process) -> None:
        self.url = url
        self.process = process

    async def get(self, path: str) -> Any:
        """What one of its own routes answers."""
        async with httpx.AsyncClient() as http:
            return (await http.get(self.url + path, timeout=DEADLINE)).raise_for_status().json()

    async def stop(self) -> str:
        """Ends it as an operator does; what it has written to standard error."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DEADLINE):
            _, errors = await self.process.communicate()
        assert self.process.returncode in (0, -signal.SIGTERM), errors.decode()  # uvicorn sends itself the signal again
        return errors.decode()


Start = Callable[..., Awaitable[Program]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts the application: options of uvicorn's, and of ours as variables."""
    programs: list[Program] = []

    async def start(*options: str, **variables: object) -> Program:
        port = free_port()
        given = {f"EITHERWAY_{name.upper()}": str(value) for name, value in variables.items()}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.signalling.asgi_program", str(port), *options),
            env={**os.environ, **given},
            stderr=asyncio.subprocess.PIPE,
        )
        program = Program(f"http://127.0.0.1:{port}", process)
        programs.append(program)
        async with asyncio.timeout(DEADLINE):
            while True:
                assert process.returncode is None, "it ended"
                with contextlib.suppress(httpx.TransportError):
                    await program.get("/costs")
                    return program
                await asyncio.sleep(0.05)

    yield start
    for program in programs:
        if program.process.returncode is None:
            program.process.kill()
            await program.process.communicate()


@TRANSPORTS
async def test_peers_talk_over_the_relay(start: Start, transport: str) -> None:
    program = await start()
    sent = [{"n": n, "bytes": bytes(n * 20)} for n in range(100)] + ["x" * 300_000]
    async with Client(program.url, transports=transport) as one, Client(program.url, transports=transport) as two:
        a, b = await one.join("lobby", p2p="never"), await two.join("lobby", p2p="never")
        for sender, receiver in ((a, b), (b, a)):
            heard = Log[Message[Any]]()
            receiver.on("message", heard)
            await sender.wait_for_peer(timeout=DEADLINE)
            for data in sent:
                await sender.send(data)
            assert [message.data for message in await heard.count(len(sent))] == sent
    assert "Traceback" not in await program.stop()


@TRANSPORTS
async def test_its_own_events_and_routes_work_beside_ours(start: Start, connect: Connect, transport: str) -> None:
    program = await start()
    ada, bob = await connect(program.url, transport), await connect(program.url, transport)
    await ada.join("lobby")
    await bob.join("lobby")
    assert await ada.call("chat", [1, b"x"]) == {"heard": [1, b"x"]}
    assert await bob.next("chatted") == [1, b"x"]
    await ada.relay("lobby", [bob.id], [b"sealed"])
    assert (await bob.next("relay"))["packet"] == b"sealed"
    assert await program.get("/orders/7") == {"order": 7}


@TRANSPORTS
async def test_it_stops_while_clients_are_there(start: Start, connect: Connect, transport: str) -> None:
    program = await start()
    ada = await connect(program.url, transport)
    await ada.join("lobby")
    assert "Traceback" not in await program.stop()


async def test_connections_are_counted_by_the_address_in_the_scope(start: Start, connect: Connect) -> None:
    program = await start("proxy_headers=false", max_connections=2)
    for forwarded in ("10.0.0.1", "10.0.0.2"):  # the client's own word
        await connect(program.url, headers={"X-Forwarded-For": forwarded})
    with pytest.raises(Refused):
        await connect(program.url, "polling", headers={"X-Forwarded-For": "10.0.0.3"})


async def test_behind_a_proxy_they_are_counted_by_the_address_that_it_names(start: Start, connect: Connect) -> None:
    program = await start("proxy_headers=false", max_connections=1, trust_forwarded=1)
    for transport, forwarded in (("websocket", "10.0.0.1"), ("polling", "10.0.0.2, 10.0.0.3")):
        await connect(program.url, transport, headers={"X-Forwarded-For": forwarded})
    with pytest.raises(Refused):
        await connect(program.url, headers={"X-Forwarded-For": "10.0.0.9, 10.0.0.3"})


async def test_what_is_no_packet_ends_its_own_connection(start: Start, connect: Connect) -> None:
    program = await start()
    ada = await connect(program.url)
    await ada.join("lobby")
    for text in ("no packet", "4", "47[]"):
        async with RawClient(program.url) as raw:
            await raw.greet()
            await raw.ws.send_str(text)
            assert await raw.closed()
    await ada.relay("lobby", [ada.id], [b"still here"])
    await ada.next("relay")
    await ada.close()
    assert "Traceback" not in await program.stop()


async def test_attachments_are_bounded(start: Start) -> None:
    program = await start()
    async with RawClient(program.url) as raw:
        await raw.greet()
        await raw.ws.send_str('452-["relay",1]')
        await raw.ws.send_bytes(bytes(600_000))
        await raw.ws.send_bytes(bytes(600_000))
        assert await raw.closed()


async def test_a_request_that_breaks_off_is_no_request(start: Start, connect: Connect) -> None:
    program = await start()
    async with RawPoller(program.url) as raw:
        await raw.greet()
        host, port = program.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        target = raw.url.removeprefix(program.url)
        body = '421["leave",{"room":"lobby"}]'
        writer.write(f"POST {target} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 60\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        status = 200
        async with asyncio.timeout(DEADLINE):
            while status == 200:
                status, text = await raw.get()
                assert "not-in-room" not in text, "half a request has been taken for a whole one"
    assert "Traceback" not in await program.stop()


async def test_who_stops_reading_costs_little_and_is_cut_off(start: Start, connect: Connect) -> None:
    program = await start(slow_timeout=1.0)
    ada, bob = await connect(program.url), await connect(program.url)
    await ada.join("lobby")
    await bob.join("lobby")
    before = await program.get("/costs")
    async with RawClient(program.url) as raw:
        eve = await stopped(raw)
        await fill(ada, eve)
        assert (await ada.next("refused"))["code"] == "busy"
        for _ in range(100):
            await ada.relay("lobby", [eve.id], [PACKET])
        await ada.relay("lobby", [bob.id], [b"for Bob"])
        assert (await bob.next("relay"))["packet"] == b"for Bob"
        assert (await program.get("/costs"))["memory"] - before["memory"] < 25_000_000
        while (change := (await bob.next("roster"))["changes"][0])["change"] != "peer-away":
            pass
        assert change["id"] == eve.id
        async with asyncio.timeout(DEADLINE):
            while (costs := await program.get("/costs"))["sessions"] > 2 or costs["tasks"] > before["tasks"]:
                await asyncio.sleep(0.1)


async def test_who_asks_and_never_reads_is_not_heard_any_longer(start: Start, connect: Connect) -> None:
    program = await start()
    before = await program.get("/costs")
    async with RawClient(program.url) as raw:
        await raw.greet()
        question = '421["chat","' + "x" * 50_000 + '"]'
        asked = 0
        with contextlib.suppress(TimeoutError, aiohttp.ClientError):
            while asked < 4_000:
                async with asyncio.timeout(2):
                    await raw.ws.send_str(question)
                asked += 1
        assert asked < 4_000, "it hears everything"
        assert (await program.get("/costs"))["memory"] - before["memory"] < 40_000_000
