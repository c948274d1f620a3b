"""A real server for tests: in this process, or in one of its own that can be killed."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence

from aiohttp import web

from signalling.app import Signalling
from signalling.config import Config
from tests.waiting import free_port

COMMAND = (sys.executable, "-m", "peers.cli")


@contextlib.asynccontextmanager
async def serving(**options: object) -> AsyncIterator[str]:
    """A server in this process; gives its URL."""
    config = Config().changed(host="127.0.0.1", port=0, stun_port=0, **options)
    runner = web.AppRunner(Signalling(config).aiohttp_app(), shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, config.host, 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class ServerProcess:
    """A server in a process of its own, on a port that it keeps when it is started again."""

    def __init__(self, *options: str, port: int = 0, command: Sequence[str] = COMMAND) -> None:
        self.port = port or free_port()
        self.options = options
        self.command = command
        self.process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it, and wait until it listens."""
        self.process = await asyncio.create_subprocess_exec(
            *(*self.command, "serve", "--port", str(self.port), "--stun-port", "0"),
            *self.options,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert self.process.stdout is not None
        async with asyncio.timeout(20):
            line = await self.process.stdout.readline()
        assert b"serves" in line, line

    async def stop(self, number: int = signal.SIGTERM) -> None:
        """Stop it, by whatever signal."""
        process, self.process = self.process, None
        if process is not None:
            if process.returncode is None:
                process.send_signal(number)
            await process.wait()
            process._transport.close()  # type: ignore[attr-defined]

    async def __aenter__(self) -> "ServerProcess":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop(signal.SIGKILL)
