"""A server, clients, and the assurance that nothing of them remains."""

import asyncio
from collections.abc import AsyncIterator, Callable

import psutil
import pytest

from peers import Client
from tests.serving import serving


@pytest.fixture(autouse=True)
async def nothing_remains() -> AsyncIterator[None]:
    """No task and no socket is left by a test of the peer library."""
    process = psutil.Process()
    sockets = len(process.net_connections())
    yield
    async with asyncio.timeout(10):
        while tasks := [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]:
            await asyncio.wait(tasks, timeout=0.2)
            assert not [t for t in tasks if not t.done()], f"tasks remain: {[t for t in tasks if not t.done()]}"
        while len(process.net_connections()) > sockets:
            await asyncio.sleep(0.02)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A server's URL."""
    async with serving() as url:
        yield url


@pytest.fixture
async def connect(url: str) -> AsyncIterator[Callable[..., Client]]:
    """Makes clients of the server; they are closed at the end."""
    made: list[Client] = []

    def make(**options: object) -> Client:
        client = Client(url, **options)  # type: ignore[arg-type]
        made.append(client)
        return client

    yield make
    await asyncio.gather(*(client.close() for client in made))
