"""A server on a loopback port for each test, and clients that are closed after it."""

import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from aiohttp import web

from signalling.app import Signalling
from signalling.config import Config
from signalling.engine.server import Engine
from tests.signalling.actor import Actor


class Server:
    """A running server: its address, and the object behind it."""

    def __init__(self, signalling: Signalling, runner: web.AppRunner, port: int) -> None:
        self.signalling = signalling
        self.runner = runner
        self.url = f"http://127.0.0.1:{port}"

    @property
    def engine(self) -> Engine:
        """The seam to python-socketio, for what cannot be seen from outside."""
        assert self.signalling._parts is not None
        return self.signalling._parts.engine

    async def close(self) -> None:
        await self.signalling.close()
        await self.runner.cleanup()


StartServer = Callable[..., Awaitable[Server]]
Connect = Callable[..., Awaitable[Actor]]
Process = subprocess.Popen[str]


@pytest.fixture
async def start_server() -> AsyncIterator[StartServer]:
    """Starts servers, with options changed as told."""
    servers: list[Server] = []

    async def start(**options: Any) -> Server:
        signalling = Signalling(Config(**{"stun_port": 0, "drain_timeout": 0.2, **options}))
        runner = web.AppRunner(signalling.aiohttp_app(), shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server = Server(signalling, runner, runner.addresses[0][1])
        servers.append(server)
        return server

    yield start
    for server in servers:
        await server.close()


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    """A server with the default limits."""
    return await start_server()


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Connects actors: to a server's url, perhaps by given transports, perhaps `like` another actor."""
    actors: list[Actor] = []

    async def connect(url: str, *transports: str, like: Actor | None = None, **options: Any) -> Actor:
        actor = Actor(url, like)
        actors.append(actor)
        return await actor.connect(*transports, **options)

    yield connect
    for actor in actors:
        await actor.close()


@pytest.fixture
def process() -> Iterator[Process]:
    """A server on a free port."""
    command = [sys.executable, "-m", "signalling", "--port", "0", "--stun-port", "0", "--drain-timeout", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        yield running
        running.kill()


def address(process: Process) -> str:
    """The address that a server prints when it serves it."""
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert found, line
    return found[0]
