"""Where and with what the figures were measured."""

import contextlib
import importlib.metadata
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks import rivals

PACKAGES = (
    "eitherway",
    "python-socketio",
    "python-engineio",
    "aiohttp",
    "aiortc",
    "aioice",
    "iroh",
    "cryptography",
    "msgspec",
    "uvloop",
)


def describe() -> dict[str, str]:
    """The date, the machine and the versions."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{os.cpu_count()} x {_processor()}, {platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": ", ".join(f"{name} {version}" for name, version in {**_packages(), **rivals.versions()}.items()),
        "load": f"{os.getloadavg()[0]:.1f} before the first round",
    }


def _packages() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
