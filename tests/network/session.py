"""A server and two peers in a lab, each a process of its own, and what they wrote down."""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.network.lab import SERVER, Lab, Side

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("peer_program.py")
COMPARE = Path(__file__).with_name("compare.py")
SIDES: tuple[Side, Side] = ("a", "b")


class Session:
    """Two peers that talk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server: asyncio.subprocess.Process
        self.peers: dict[Side, asyncio.subprocess.Process] = {}

    def read(self, side: Side, kind: str) -> list[dict[str, Any]]:
        """What a peer has written so far."""
        path = self.folder / f"{side}.{kind}"
        text = path.read_text() if path.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def path(self, side: Side) -> str:
        """The path that a peer is on."""
        paths = self.read(side, "paths")
        return str(paths[-1]["path"]) if paths else "relay"

    async def until(self, condition: Callable[[Side], bool], seconds: float, what: str) -> float:
        """Wait until something is true of both peers. Returns the seconds that it took."""
        begun = time.monotonic()
        while not all(condition(side) for side in SIDES):
            for side, peer in self.peers.items():
                assert peer.returncode is None, f"{side} has ended: {self.errors(side)}"
            took = time.monotonic() - begun
            assert took < seconds, f"not {what} within {seconds} s: {[self.read(side, 'paths') for side in SIDES]}"
            await asyncio.sleep(0.02)
        return time.monotonic() - begun

    async def until_on(self, path: str, seconds: float) -> float:
        """Wait until both peers are on a path."""
        return await self.until(lambda side: self.path(side) == path, seconds, f"on {path}")

    async def until_more_arrived(self, count: int, seconds: float) -> None:
        """Wait until so many more messages have arrived on both sides."""
        before = {side: len(self.read(side, "arrived")) for side in SIDES}
        await self.until(lambda side: len(self.read(side, "arrived")) >= before[side] + count, seconds, "talking")

    async def finish(self, seconds: float = 30) -> dict[str, Any]:
        """Let both say what they have to say and leave; then compare. Returns the figures."""
        await self._tell(b"stop\n")
        await self.until(lambda side: len(self.read(side, "state")) >= 2, seconds, "flushed")
        await self._tell(b"leave\n")
        async with asyncio.timeout(seconds):
            codes = [await peer.wait() for peer in self.peers.values()]
        assert codes == [0, 0], [self.errors(side) for side in SIDES]
        compared = await asyncio.create_subprocess_exec(
            sys.executable, str(COMPARE), str(self.folder), *SIDES, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await compared.communicate()
        figures: dict[str, Any] = json.loads(output)
        assert (compared.returncode, figures["faults"]) == (0, [])
        return figures

    def stats(self, side: Side) -> dict[str, Any]:
        """The figures of a peer that has left."""
        figures: dict[str, Any] = json.loads((self.folder / f"{side}.stats").read_text())
        return figures

    def errors(self, name: str) -> str:
        """The end of what a program wrote to standard error."""
        return (self.folder / f"{name}.err").read_text()[-2_000:]

    async def _tell(self, line: bytes) -> None:
        for peer in self.peers.values():
            assert peer.stdin is not None
            peer.stdin.write(line)
            await peer.stdin.drain()


@asynccontextmanager
async def talking(lab: Lab, folder: Path, *options: str) -> AsyncIterator[Session]:
    """Run a server and two peers that talk with these options; they are killed at the end if they still run."""
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    session = Session(folder)
    async with contextlib.AsyncExitStack() as stack:
        serve = ("-m", "peers.cli", "serve", "--host", "0.0.0.0", "--port", "8080")
        session.server = await stack.enter_async_context(
            _process(folder, "server", lab.command("server", sys.executable, *serve))
        )
        async with asyncio.timeout(20):
            while b"serves" not in (folder / "server.out").read_bytes():
                assert session.server.returncode is None, session.errors("server")
                await asyncio.sleep(0.02)
        for side in SIDES:
            arguments = (f"http://{SERVER}:8080", "room", side, str(folder), *options)
            command = lab.command(side, sys.executable, str(PROGRAM), *arguments)
            session.peers[side] = await stack.enter_async_context(_process(folder, side, command))
        await session.until(lambda side: bool(session.read(side, "state")), 30, "talking")
        yield session


@asynccontextmanager
async def _process(folder: Path, name: str, command: list[str]) -> AsyncIterator[asyncio.subprocess.Process]:
    with (folder / f"{name}.out").open("wb") as out, (folder / f"{name}.err").open("wb") as err:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=out,
            stderr=err,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)},
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]
