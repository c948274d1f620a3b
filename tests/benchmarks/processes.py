"""Processes that take part, as the benchmark sees them."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Any

import psutil

from tests.benchmarks import rivals
from tests.waiting import free_port

DEADLINE = 180.0
"""Seconds until a program that says nothing has failed."""


class Program:
    """A process that speaks JSON lines; ended when the block is left."""

    def __init__(self, process: asyncio.subprocess.Process, name: str) -> None:
        self._process, self._name = process, name

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def cpu(self) -> float:
        """Seconds of CPU that it has used."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)

    async def line(self) -> str:
        """Its next line of output."""
        assert self._process.stdout is not None
        async with asyncio.timeout(DEADLINE):
            line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._name} ended: {await self._process.wait()}")
        return line.decode()

    async def hear(self) -> dict[str, Any]:
        """What it tells next."""
        facts: dict[str, Any] = json.loads(await self.line())
        return facts

    def tell(self, **facts: Any) -> None:
        """Tell it something."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(facts).encode() + b"\n")

    def terminate(self) -> None:
        """Ask it to end, as an operator would."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    async def end(self) -> None:
        """Let it end by itself: it hears that nothing more comes."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(8):
                await self._process.wait()
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@contextlib.asynccontextmanager
async def started(
    *command: str, python: str = sys.executable, prefix: Sequence[str] = (), quiet: bool = False
) -> AsyncIterator[Program]:
    """`python command...`, behind a prefix such as ``ip netns exec NAME``; `quiet` programs' logs are not shown."""
    process = await asyncio.create_subprocess_exec(
        *prefix,
        *(python, *command),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL if quiet else None,
        limit=16 * 1024 * 1024,
    )
    program = Program(process, " ".join(command[:3]))
    try:
        yield program
    finally:
        if process.returncode is None:
            await program.end()


def playing(
    program: str, role: str, *, python: str = sys.executable, prefix: Sequence[str] = (), **arguments: Any
) -> contextlib.AbstractAsyncContextManager[Program]:
    """One of the programs of this package in one of its roles; `python` is an interpreter, if not ours."""
    command = ("-m", f"tests.benchmarks.programs.{program}", role, json.dumps(arguments))
    return started(*command, python=python, prefix=prefix)


def playing_in_node(program: str, role: str, **arguments: Any) -> contextlib.AbstractAsyncContextManager[Program]:
    """The same for those written for Node.js. Raises Unavailable."""
    return started(str(rivals.NODE / f"{program}.mjs"), role, json.dumps(arguments), python=rivals.node())


@contextlib.asynccontextmanager
async def our_server(prefix: Sequence[str] = (), options: Sequence[str] = ()) -> AsyncIterator[tuple[str, Program]]:
    """`eitherway serve` as it comes, or with options; its URL and its process."""
    port = free_port()
    command = ("-m", "peers.cli", "serve", "--port", str(port), "--stun-port", "0", *options)
    async with started(*command, prefix=prefix, quiet=True) as server:
        line = await server.line()
        assert "serves" in line, line
        try:
            yield f"http://127.0.0.1:{port}", server
        finally:
            server.terminate()


@contextlib.asynccontextmanager
async def bare_server() -> AsyncIterator[tuple[str, Program]]:
    """Stock python-socketio on aiohttp; its URL and its process."""
    async with playing("socketio_server", "serve") as server:
        yield (await server.hear())["url"], server


@contextlib.asynccontextmanager
async def node_server() -> AsyncIterator[tuple[str, Program]]:
    """Socket.IO's own server; its URL and its process."""
    async with playing_in_node("server", "serve") as server:
        yield (await server.hear())["url"], server
