"""A server and peers in a lab, each a process of its own, and what they wrote down."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple

from tests.network.lab import Lab, Side

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("peer_program.py")
COMPARE = Path(__file__).with_name("compare.py")
SIDES: tuple[Side, Side] = ("a", "b")
PORT = 443
"""The server's: the one that every kind of router lets through."""


class Python(NamedTuple):
    """What runs the programs: an interpreter, its options, and the environment that it needs."""

    command: tuple[str, ...]
    environment: dict[str, str]


CHECKOUT = Python((sys.executable,), {"PYTHONPATH": str(ROOT)})
"""The source as it is here."""


def installed(python: Path) -> Python:
    """An interpreter that has the product installed, and cannot see the source."""
    return Python((str(python), "-I"), {})


class Session:
    """Peers that talk, and their server."""

    def __init__(
        self, lab: Lab, folder: Path, python: Python, serve: Sequence[str], environment: dict[str, str]
    ) -> None:
        self.lab, self.folder = lab, folder
        self.peers: dict[Side, asyncio.subprocess.Process] = {}
        self.server: asyncio.subprocess.Process
        self._python, self._serve, self._environment = python, tuple(serve), environment

    # ---- what they wrote down

    def read(self, side: Side, kind: str) -> list[dict[str, Any]]:
        """What a peer has written so far."""
        path = self.folder / f"{side}.{kind}"
        text = path.read_text() if path.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def path(self, side: Side, other: Side) -> str:
        """The path that a peer is on to another."""
        paths = [record["path"] for record in self.read(side, "paths") if record["peer"] == other]
        return str(paths[-1]) if paths else "relay"

    def paths(self, side: Side) -> set[str]:
        """The paths that a peer is on."""
        return {self.path(side, other) for other in self.peers if other != side}

    def stats(self, side: Side) -> dict[str, Any]:
        """The figures of a peer that has left, by the other's name."""
        figures: dict[str, Any] = json.loads((self.folder / f"{side}.stats").read_text())
        return figures

    def errors(self, name: str) -> str:
        """The end of what a program wrote to standard error."""
        return (self.folder / f"{name}.err").read_text()[-2_000:]

    # ---- waiting for them

    async def until(self, condition: Callable[[Side], bool], seconds: float, what: str) -> float:
        """Wait until something is true of all peers. Returns the seconds that it took."""
        begun = time.monotonic()
        while not all(condition(side) for side in self.peers):
            for side, peer in self.peers.items():
                assert peer.returncode is None, f"{side} has ended: {self.errors(side)}"
            took = time.monotonic() - begun
            paths = {side: self.read(side, "paths")[-3:] for side in self.peers}
            assert took < seconds, f"not {what} within {seconds} s: {paths}"
            await asyncio.sleep(0.02)
        return time.monotonic() - begun

    async def until_on(self, path: str, seconds: float) -> float:
        """Wait until all peers are on a path to each other."""
        return await self.until(lambda side: self.paths(side) == {path}, seconds, f"on {path}")

    async def until_more_arrived(self, count: int, seconds: float) -> None:
        """Wait until so many more messages have arrived at each."""
        before = {side: len(self.read(side, "arrived")) for side in self.peers}
        await self.until(lambda side: len(self.read(side, "arrived")) >= before[side] + count, seconds, "talking")

    async def finish(self, seconds: float = 30, *, since: float = 0.0) -> dict[str, Any]:
        """As `end`; and there must be no fault."""
        figures = await self.end(seconds, since=since)
        assert figures["faults"] == []
        return figures

    async def end(self, seconds: float = 30, *, since: float = 0.0) -> dict[str, Any]:
        """Let all say what they have to say and leave; then compare. Returns the figures (gaps: from `since` on)."""
        await self._tell("stop")
        await self.until(
            lambda side: any(record["state"] == "flushed" for record in self.read(side, "state")), seconds, "flushed"
        )
        await self._tell("leave")
        async with asyncio.timeout(seconds):
            codes = [await peer.wait() for peer in self.peers.values()]
        assert not any(codes), [self.errors(side) for side in self.peers]
        compared = await asyncio.create_subprocess_exec(
            *(sys.executable, str(COMPARE), str(self.folder), *self.peers, "--since", str(since)),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await compared.communicate()
        figures: dict[str, Any] = json.loads(output)
        assert compared.returncode == (1 if figures["faults"] else 0)
        return figures

    # ---- what may happen to them

    async def start_server(self) -> None:
        """Start the server, and wait until it serves."""
        host = "" if "ipv6" in self.lab.kinds.values() else "0.0.0.0"  # every address, or every one of IPv4
        serve = ("-m", "peers.cli", "serve", "--host", host, "--open", "--port", str(PORT), *self._serve)
        self.server = await self._run("server", self.lab.command("server", *self._python.command, *serve))
        await self._serves()

    async def _serves(self) -> None:
        async with asyncio.timeout(30):
            while b"serves" not in (self.folder / "server.out").read_bytes():
                assert self.server.returncode is None, self.errors("server")
                await asyncio.sleep(0.02)

    async def kill_server(self) -> None:
        """Without a word to anybody."""
        await _kill(self.server)

    async def start_peer(self, side: Side, options: Sequence[str]) -> None:
        """Start a peer."""
        arguments = (self.lab.url(side, PORT), "room", side, str(self.folder), *options)
        command = self.lab.command(side, *self._python.command, str(PROGRAM), *arguments)
        self.peers[side] = await self._run(side, command)

    def stop(self, side: Side) -> None:
        """Stop a peer's program, as when a laptop is closed."""
        self.peers[side].send_signal(signal.SIGSTOP)

    def go_on(self, side: Side) -> None:
        """Let a stopped program go on."""
        self.peers[side].send_signal(signal.SIGCONT)

    async def jump_clock(self, side: Side, seconds: float) -> None:
        """Let a program's wall clock jump."""
        await self._tell(f"clock {seconds}", side)

    async def close(self) -> None:
        """Kill whatever still runs; all of it first, since a second signal may end the waiting."""
        programs = (*self.peers.values(), self.server)
        for process in programs:
            if process.returncode is None:
                process.kill()
        for process in programs:
            await _kill(process)

    async def _tell(self, line: str, *sides: Side) -> None:
        for side in sides or self.peers:
            stdin = self.peers[side].stdin
            assert stdin is not None
            stdin.write(f"{line}\n".encode())
            await stdin.drain()

    async def _run(self, name: str, command: list[str]) -> asyncio.subprocess.Process:
        with (self.folder / f"{name}.out").open("wb") as out, (self.folder / f"{name}.err").open("ab") as err:
            return await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=out,
                stderr=err,
                cwd=self.folder,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self._python.environment, **self._environment},
            )


async def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()
    process._transport.close()  # type: ignore[attr-defined]


@asynccontextmanager
async def talking(
    lab: Lab,
    folder: Path,
    *options: str,
    python: Python = CHECKOUT,
    serve: Sequence[str] = (),
    environment: dict[str, str] | None = None,
    programs: type[Session] = Session,
) -> AsyncIterator[Session]:
    """Run a server and a peer on each side that talk with these options; they are killed at the end if they still run.

    `serve`: options of the server. `environment`: more variables for all of them. `programs`: whose they are.
    """
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    session = programs(lab, folder, python, serve, environment or {})
    await session.start_server()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(session.close)
        for side in lab.sides:
            await session.start_peer(side, options)
        await session.until(lambda side: len(session.read(side, "state")) >= 3, 30, "talking")
        yield session


def pairs(lab: Lab) -> list[str]:
    """Every direction, as `compare.py` names it."""
    return [f"{one} to {other}" for one, other in permutations(lab.sides, 2)]
