"""Nothing of a test remains, but for what other tests may have left before it."""

import asyncio
import threading
from collections.abc import AsyncIterator

import psutil
import pytest
from aioice import ice
from aioice.ice import StunProtocol

from peers import Client
from peers.testing.server import THREAD


def patched() -> tuple[object, ...]:
    """What a network changes while it is there."""
    return Client.__init__, StunProtocol.connection_made, StunProtocol.datagram_received, ice.get_host_addresses


@pytest.fixture(autouse=True)
async def nothing_remains() -> AsyncIterator[None]:
    """No task, no thread and no socket is left, and classes are as they were."""
    process = psutil.Process()
    sockets = len(process.net_connections())
    before = patched()
    yield
    async with asyncio.timeout(10):
        while len(asyncio.all_tasks()) > 1 or len(process.net_connections()) > sockets:
            await asyncio.sleep(0.02)
    assert patched() == before
    assert not [thread for thread in threading.enumerate() if thread.name == THREAD]
