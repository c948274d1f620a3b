"""Runs the command `eitherway` in processes of their own."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

COMMAND = (sys.executable, "-W", "error", "-m", "peers.cli")


class Program:
    """One running command, its output collected in files: no pipe fills up while a test looks elsewhere."""

    def __init__(self, process: asyncio.subprocess.Process, out: Path, err: Path) -> None:
        self.process, self.out, self.err = process, out, err

    async def wait(self, deadline: float = 60.0) -> int:
        """The exit code."""
        async with asyncio.timeout(deadline):
            return await self.process.wait()

    async def says(self, text: str, deadline: float = 30.0) -> str:
        """Wait until the output contains `text`; gives the output."""
        async with asyncio.timeout(deadline):
            while text not in (output := self.out.read_text()):
                assert self.process.returncode is None or text in self.out.read_text(), self.err.read_text()
                await asyncio.sleep(0.02)
        return output

    def stop(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)


@asynccontextmanager
async def run(
    folder: Path,
    name: str,
    *arguments: str,
    stdin: Path | int | None = asyncio.subprocess.DEVNULL,
    url: str = "",
    cwd: Path | None = None,
    **environ: str,
) -> AsyncIterator[Program]:
    """Run `eitherway` with these arguments; `stdin` is a file to read from, or PIPE. It is killed at the end."""
    out, err = folder / f"{name}.out", folder / f"{name}.err"
    source = stdin.open("rb") if isinstance(stdin, Path) else stdin
    with out.open("wb") as out_file, err.open("wb") as err_file:
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            *arguments,
            stdin=source,
            stdout=out_file,
            stderr=err_file,
            cwd=cwd,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **({"EITHERWAY_URL": url} if url else {}), **environ},
        )
    if source is not None and not isinstance(source, int):
        source.close()
    try:
        yield Program(process, out, err)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]
