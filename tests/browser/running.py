"""Browsers as processes, each started once and used by many tests."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

STARTING = 60.0
"""Seconds that a browser may take to start, on a busy machine."""


class Running:
    """A browser's process, and where it listens for those who drive it."""

    def __init__(self, process: "subprocess.Popen[bytes]", address: str) -> None:
        self.process, self.address = process, address

    def stop(self) -> None:
        """End it and all that it has started, and wait until it is gone."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)


def start(folder: Path, command: tuple[str, ...], file: str, address: Callable[[str], str]) -> Running:
    """Run a browser that writes to a file of its profile where it listens. Raises RuntimeError if it doesn't."""
    said = folder / "said.txt"
    with said.open("wb") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, env=_environment(folder)
        )
    until = time.monotonic() + STARTING
    while process.poll() is None and time.monotonic() < until:
        path = folder / file
        text = path.read_text() if path.exists() else ""
        if text:
            return Running(process, address(text))
        time.sleep(0.02)
    Running(process, "").stop()
    raise RuntimeError(f"{command[0]} did not start: {said.read_text()[-2_000:]}")


def missing(*programs: str) -> str | None:
    """Why a test that needs these programs cannot run here."""
    found = [program for program in programs if shutil.which(program) is None]
    return f"{' and '.join(found)} missing: sh tests/system.sh installs it (Debian, as root)" if found else None


def _environment(folder: Path) -> dict[str, str]:
    """A browser that keeps nothing outside of its folder."""
    return {**os.environ, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "MOZ_CRASHREPORTER_DISABLE": "1"}
