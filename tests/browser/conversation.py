"""Peers that talk in one room, in pages and in Python, and what they wrote down."""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from tests.browser.driving import POLL, Page
from tests.network.session import COMPARE, PROGRAM, ROOT


class Member(Protocol):
    """A peer that talks."""

    name: str

    async def paths(self) -> dict[str, str]:
        """The path to each other, by name."""

    async def arrived(self) -> dict[str, int]:
        """How many messages have arrived from each other, by name."""

    async def stop(self) -> None:
        """Let it say nothing more, and wait until the others have handled what it said."""

    async def leave(self) -> None:
        """Let it leave."""


class PageMember:
    """A peer in a page."""

    def __init__(self, page: Page, name: str, folder: Path) -> None:
        self.page, self.name, self._folder = page, name, folder

    async def paths(self) -> dict[str, str]:
        """See `Member`."""
        return dict(await self.page.run("return talk.paths()"))

    async def arrived(self) -> dict[str, int]:
        """See `Member`."""
        return dict(await self.page.run("return talk.arrived"))

    async def happened(self) -> list[dict[str, Any]]:
        """What its room and its client have told since the page was loaded."""
        return list(await self.page.run("return talk.happened"))

    async def stop(self) -> None:
        """See `Member`."""
        await self.page.run("await talk.stop()")

    async def leave(self) -> None:
        """See `Member`."""
        await self.page.run("await talk.leave()")
        await self.write_down()

    async def write_down(self) -> None:
        """Put what it wrote down since the last time into files."""
        with contextlib.ExitStack() as stack:
            files = {
                kind: stack.enter_context((self._folder / f"{self.name}.{kind}").open("a"))
                for kind in ("sent", "arrived", "undelivered")
            }
            for record in await self.page.run("return talk.drain()"):
                files[record.pop("kind")].write(json.dumps(record) + "\n")


class PythonMember:
    """A peer in a Python process: see `tests/network/peer_program.py`."""

    def __init__(self, process: asyncio.subprocess.Process, name: str, folder: Path) -> None:
        self.process, self.name, self._folder = process, name, folder
        self._arrived: Counter[str] = Counter()
        self._counted = 0
        """Bytes of its record of what arrived that have been counted."""

    async def paths(self) -> dict[str, str]:
        """See `Member`."""
        members = {record["peer"]: "relay" for record in self._read("members") if record["event"] == "joined"}
        return members | {record["peer"]: record["path"] for record in self._read("paths")}

    async def arrived(self) -> dict[str, int]:
        """See `Member`."""
        with (self._folder / f"{self.name}.arrived").open("rb") as file:
            file.seek(self._counted)
            for line in file:
                if line.endswith(b"\n"):
                    self._counted += len(line)
                    self._arrived[json.loads(line)["from"]] += 1
        return dict(self._arrived)

    async def stop(self) -> None:
        """See `Member`."""
        self._tell("stop")
        await self.until(lambda: any(record["state"] == "flushed" for record in self._read("state")), 60)

    async def leave(self) -> None:
        """See `Member`."""
        self._tell("leave")
        async with asyncio.timeout(30):
            assert await self.process.wait() == 0, self.errors()

    async def until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait until something is true."""
        begun = time.monotonic()
        while not condition():
            assert self.process.returncode is None, self.errors()
            assert time.monotonic() - begun < seconds, self.errors()
            await asyncio.sleep(POLL)

    async def until_joined(self) -> None:
        """Wait until it is in the room."""
        await self.until(lambda: len(self._read("state")) >= 2, 30)

    def errors(self) -> str:
        """The end of what it wrote to standard error."""
        return f"{self.name}: {(self._folder / f'{self.name}.err').read_text()[-2_000:]}"

    async def close(self) -> None:
        """Kill it, if it still runs."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        self.process._transport.close()  # type: ignore[attr-defined]

    def _tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())

    def _read(self, kind: str) -> list[dict[str, Any]]:
        path = self._folder / f"{self.name}.{kind}"
        text = path.read_text() if path.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


class Conversation:
    """Members of one room."""

    def __init__(self, url: str, folder: Path, room: str) -> None:
        self.url, self.folder, self.room = url, folder, room
        self.members: dict[str, Member] = {}
        self._stack = contextlib.AsyncExitStack()

    async def page(self, page: Page, name: str, *, url: str | None = None, **options: Any) -> PageMember:
        """Let a page join: one of the tests' site. `options` are those of `talk.join`."""
        await page.until("globalThis.talk !== undefined")
        wanted = {"url": url or self.url, "room": self.room, "name": name, **options}
        await page.run("await talk.join(options)", options=wanted)
        member = PageMember(page, name, self.folder)
        self.members[name] = member
        return member

    async def python(self, name: str, *options: str, prefix: tuple[str, ...] = (), url: str = "") -> PythonMember:
        """Start a Python peer, and wait until it has joined. `options` are those of `peer_program.py`."""
        command = (*prefix, sys.executable, str(PROGRAM), url or self.url, self.room, name, str(self.folder), *options)
        with (self.folder / f"{name}.err").open("wb") as err:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=err,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
        member = PythonMember(process, name, self.folder)
        self._stack.push_async_callback(member.close)
        await member.until_joined()
        self.members[name] = member
        return member

    async def until_on(self, path: str, seconds: float = 20, *, among: tuple[str, ...] = ()) -> float:
        """Wait until all members (or those `among` them) are on a path to each other. Returns the seconds it took."""
        names = among or tuple(self.members)

        async def reached(name: str) -> bool:
            paths = await self.members[name].paths()
            return all(paths.get(other) == path for other in names if other != name)

        return await self._until(reached, names, seconds, f"on {path}")

    async def until_more_arrived(self, count: int, seconds: float = 20, *, among: tuple[str, ...] = ()) -> float:
        """Wait until so many more messages from each have arrived at each. Returns the seconds it took."""
        names = among or tuple(self.members)
        before = {name: await self.members[name].arrived() for name in names}

        async def reached(name: str) -> bool:
            arrived = await self.members[name].arrived()
            return all(arrived.get(other, 0) >= before[name].get(other, 0) + count for other in names if other != name)

        return await self._until(reached, names, seconds, f"{count} more arrived")

    async def end(self) -> dict[str, Any]:
        """Let all say what they have to say and leave; then compare. Returns the figures."""
        await asyncio.gather(*(member.stop() for member in self.members.values()))
        await asyncio.gather(*(member.leave() for member in self.members.values()))
        return await compare(self.folder, *self.members)

    async def finish(self) -> dict[str, Any]:
        """As `end`; and there must be no fault, and nothing that its sender does not know the fate of."""
        figures = await self.end()
        assert figures["faults"] == []
        return figures

    async def close(self) -> None:
        """Kill what still runs."""
        await self._stack.aclose()

    async def _until(self, reached: Any, names: tuple[str, ...], seconds: float, what: str) -> float:
        begun = time.monotonic()
        for name in names:
            while not await reached(name):
                member = self.members[name]
                took = time.monotonic() - begun
                assert took < seconds, (
                    f"{name}: not {what} within {seconds} s: {await member.paths()} {await member.arrived()}"
                )
                await asyncio.sleep(POLL)
        return time.monotonic() - begun


class Opener(Protocol):
    """What opens pages: see `Pages`."""

    async def open(self, name: str, url: str | None = None) -> Page:
        """Open one in this browser."""


async def join(
    talk: Conversation, pages: Opener, kind: str, name: str, *, bulk: int = 0, p2p: str = "auto"
) -> PageMember | PythonMember:
    """Let one join: a page in this kind of browser, or `python`."""
    if kind == "python":
        return await talk.python(name, "--bulk", str(bulk))
    return await talk.page(await pages.open(kind), name, bulk=bulk, p2p=p2p)


async def compare(folder: Path, *names: str) -> dict[str, Any]:
    """What `compare.py` says of their files."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(COMPARE), str(folder), *names), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    process._transport.close()  # type: ignore[attr-defined]
    figures: dict[str, Any] = json.loads(output)
    assert process.returncode == (1 if figures["faults"] else 0)
    return figures


@asynccontextmanager
async def conversation(url: str, folder: Path, room: str = "room") -> AsyncIterator[Conversation]:
    """A conversation; Python peers that still run at its end are killed."""
    talk = Conversation(url, folder, room)
    try:
        yield talk
    finally:
        await talk.close()
