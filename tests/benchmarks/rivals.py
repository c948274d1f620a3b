"""Where the rivals are, and what to do where one is missing."""

import contextlib
import importlib.util
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.benchmarks.contest import Unavailable
from tests.browser import chromium

ROOT = Path(__file__).parents[2]
NODE = Path(__file__).parent / "node"
BENCH_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
"""An interpreter of its own for what needs a newer Python than ours; `make bench` makes it."""


@cache
def node() -> str:
    """The command `node`, with the rivals from npm where it looks for them. Raises Unavailable."""
    command = shutil.which("node")
    if command is None:
        raise Unavailable("rivals from npm need Node.js: apt-get install nodejs npm")
    for package in ("socket.io", "socket.io-client", "peer", "peerjs"):
        if not (NODE / "node_modules" / package).is_dir():
            raise Unavailable(f"{package} is not installed: make bench installs it, or npm install in {NODE}")
    return command


def peerjs() -> Path:
    """PeerJS for pages. Raises Unavailable."""
    node()
    return NODE / "node_modules" / "peerjs" / "dist" / "peerjs.min.js"


@cache
def libdatachannel_python() -> str:
    """An interpreter with aiolibdatachannel. Raises Unavailable."""
    for python in (str(BENCH_PYTHON), sys.executable):
        if (
            Path(python).exists()
            and not subprocess.run(
                [python, "-c", "import aiolibdatachannel, uvloop"], stderr=subprocess.DEVNULL, check=False
            ).returncode
        ):
            return python
    raise Unavailable(
        "aiolibdatachannel needs CPython 3.12 or newer: make bench EITHERWAY_BENCH_PYTHON=/path/to/python3.12"
    )


@cache
def iroh_python() -> str:
    """An interpreter with iroh: ours. Raises Unavailable."""
    if importlib.util.find_spec("iroh") is None:
        raise Unavailable("iroh is not installed: make bench installs it, or pip install 'eitherway[bench]'")
    return sys.executable


def versions() -> dict[str, str]:
    """The versions of those that are not in our own environment, as far as they are there."""
    found = {}
    with contextlib.suppress(Unavailable):
        found["Node.js"] = _says(node(), "-p", "process.versions.node")
        for name in ("socket.io", "peerjs", "peer"):
            package = str(NODE / "node_modules" / name / "package.json")
            found[name] = _says(node(), "-p", f"require({package!r}).version")
    if shutil.which(chromium.PROGRAM) is not None:
        found["Chromium"] = _says(chromium.PROGRAM, "--version").split()[1]
    with contextlib.suppress(Unavailable):
        code = "import importlib.metadata as m, sys; print(m.version('aiolibdatachannel'), sys.version.split()[0])"
        version, python = _says(libdatachannel_python(), "-c", code).split()
        found["aiolibdatachannel"] = f"{version} on CPython {python}"
    return found


def _says(*command: str) -> str:
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    return run.stdout.strip()
