"""What is installed: our own packages and not somebody else's of the same name, aiortc, versions."""

import asyncio
import importlib
import importlib.util
import json
import os
import platform
import sys
import time
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from peers.cli.checks.findings import Finding

DISTRIBUTION = "eitherway"
PACKAGES = ("peers", "signalling")
VERSIONS = ("aiortc", "aioice", "python-socketio", "python-engineio", "aiohttp", "uvloop")


def check_packages() -> list[Finding]:
    """Whether `import peers` and `import signalling` find what this distribution has installed."""
    try:
        distribution = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        text = f"{DISTRIBUTION} is not installed, it only lies on the path: {_origin('peers')}"
        return [Finding("packages", "warning", text, "Install it: `python -m pip install .` in the checkout.")]
    problems = [problem for name in PACKAGES if (problem := _problem(distribution, name))]
    if problems:
        return problems
    places = sorted({str(Path(origin).parent.parent) for name in PACKAGES if (origin := _origin(name))})
    return [Finding("packages", "ok", f"{' and '.join(PACKAGES)} are those of {DISTRIBUTION}, in {', '.join(places)}")]


def _problem(distribution: metadata.Distribution, name: str) -> Finding | None:
    expected, found = _expected(distribution, name), _origin(name)
    others = sorted(set(metadata.packages_distributions().get(name, [])) - {DISTRIBUTION})
    data = {"package": name, "found": found, "expected": str(expected) if expected else None, "others": others}
    if found is None or (expected is not None and not _same(Path(found), expected)):
        return Finding(
            "packages",
            "failed",
            f"`import {name}` finds {found or 'nothing'}, not {expected}",
            f"Rename or remove what is in the way, or take its folder off sys.path (PYTHONPATH: "
            f"{os.environ.get('PYTHONPATH', 'not set')}).",
            data,
        )
    if others:
        return Finding(
            "packages",
            "warning",
            f"{', '.join(others)} is installed too, and has a package {name!r} as well",
            f"One overwrites the other: `python -m pip uninstall {others[0]}`, then install {DISTRIBUTION} anew.",
            data,
        )
    return None


def _expected(distribution: metadata.Distribution, name: str) -> Path | None:
    """Where the distribution has the package; None if it does not tell."""
    for file in distribution.files or ():
        if file.as_posix() == f"{name}/__init__.py":
            return Path(str(file.locate()))
    try:
        direct = json.loads(distribution.read_text("direct_url.json") or "{}")
    except ValueError:
        return None
    if direct.get("dir_info", {}).get("editable"):
        return Path(url2pathname(urlsplit(direct["url"]).path)) / name / "__init__.py"
    return None


def _origin(name: str) -> str | None:
    """Which file an import finds, or has found."""
    if name in sys.modules:
        return getattr(sys.modules[name], "__file__", None)
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    return spec.origin if spec is not None else None


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


async def check_aiortc() -> Finding:
    """Whether direct paths can be had here."""
    begun = time.monotonic()
    try:
        await asyncio.to_thread(importlib.import_module, "aiortc")
    # A broken binary wheel raises all sorts: ImportError, OSError, AttributeError.
    except Exception as error:
        return Finding(
            "aiortc",
            "warning",
            f"aiortc cannot be imported, so there are no direct paths: {error!r}",
            "Install it anew: `python -m pip install --force-reinstall aiortc av`. The relay works without it.",
            {"importable": False},
        )
    seconds = time.monotonic() - begun
    return Finding("aiortc", "ok", f"imported in {seconds:.2f} s", data={"importable": True, "seconds": seconds})


def check_versions() -> Finding:
    """Who is who; for a report of a fault."""
    found = {name: _version(name) for name in (DISTRIBUTION, *VERSIONS)}
    told = ", ".join(f"{name} {version or 'is not installed'}" for name, version in found.items())
    system = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    data = {**found, "python": platform.python_version(), "system": platform.platform()}
    return Finding("versions", "ok", f"{told}; {system}", data=data)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
