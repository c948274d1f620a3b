"""`python -m tests.newest_python`: the newest CPython of the project's versions here, beside the one that runs this.

Prints its version and its path, "3.13.1 /usr/bin/python3.13"; if there is none, only a line on standard error.
"""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

OLDEST = (3, 12)
_PROBE = """
import ensurepip, ssl, sys, sysconfig
if sys.implementation.name != "cpython" or sys.version_info.releaselevel != "final":
    sys.exit("not a release of CPython")
if sysconfig.get_config_var("Py_GIL_DISABLED"):
    sys.exit("without the lock, for which few wheels are made")
print(*sys.version_info[:3])
"""
"""What an interpreter says of itself, if an environment can be made with it: a shim may stand for nothing."""

Found = tuple[tuple[int, ...], Path]


def versions(project: Path) -> list[str]:
    """The versions that the classifiers of a `pyproject.toml` name: "3.11" and so on."""
    classifiers = tomllib.loads(project.read_text())["project"]["classifiers"]
    return re.findall(r"Programming Language :: Python :: (3\.\d+)$", "\n".join(classifiers), re.MULTILINE)


def newest(wanted: Iterable[str], folders: Iterable[Path], but: tuple[int, ...]) -> Found | None:
    """The newest of these versions in these folders, `OLDEST` at the least, and not the version `but`."""
    found: list[Found] = []
    for version in wanted:
        minor = tuple(map(int, version.split(".")))
        if minor >= OLDEST and minor != but[:2]:
            paths = [path for folder in folders if (path := folder / f"python{version}").is_file()]
            found += [(told, path) for path in paths if (told := _version(path)) is not None and told[:2] == minor]
    return max(found, default=None, key=lambda one: one[0])


def folders() -> Iterator[Path]:
    """Where interpreters are: on PATH, and what pyenv has installed."""
    yield from map(Path, os.get_exec_path())
    try:
        root = subprocess.run(["pyenv", "root"], capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        root = os.environ.get("PYENV_ROOT", "") or str(Path.home() / ".pyenv")
    yield from Path(root, "versions").glob("*/bin")


def _version(python: Path) -> tuple[int, ...] | None:
    try:
        done = subprocess.run([python, "-c", _PROBE], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return tuple(map(int, done.stdout.split()))


def main() -> None:
    project = Path(__file__).parent.parent / "pyproject.toml"
    found = newest(versions(project), list(folders()), sys.version_info[:3])
    if found is None:
        print(
            f"No CPython 3.12 or newer here beside {sys.version.split()[0]}: no second version is tested.",
            file=sys.stderr,
        )
    else:
        version, path = found
        print(".".join(map(str, version)), path)


if __name__ == "__main__":
    main()
