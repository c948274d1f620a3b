"""Builds the page and the client into `signalling/http/static`, from where the server serves them.

`python demo/build_page.py` builds if something has changed since; with `--needs-node` it only tells, by exit code 0,
that it would have to and that there is no Node.js. Needs Python's standard library alone.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import node

DEMO = node.DEMO
STATIC = DEMO.parent / "signalling" / "http" / "static"
STAMP = DEMO / ".built"
"""What the page was built from: a digest of every file that goes into it."""


def is_built() -> bool:
    """Whether what is there was built from the sources as they are."""
    return (STATIC / "index.html").exists() and STAMP.exists() and STAMP.read_text() == _digest()


def build() -> None:
    """Builds, if need be. Raises RuntimeError without Node.js, CalledProcessError when the build fails."""
    if is_built():
        return
    digest = _digest()
    STAMP.unlink(missing_ok=True)
    node.npm("exec", "--workspace", "client", "--", "vite", "build")
    node.npm("run", "build", "--workspace", "page")
    shutil.copy(DEMO / "client" / "dist" / "bundle" / "eitherway.js", STATIC / "eitherway.js")
    STAMP.write_text(digest)


def _digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(_sources()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(DEMO.parent).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    yield DEMO.parent / "docs" / "choosing.md"  # the page shows what was measured there
    yield from (DEMO / name for name in ("package.json", "package-lock.json", "tsconfig.base.json"))
    for name in ("client", "page"):
        yield from (path for path in (DEMO / name).iterdir() if path.suffix in (".json", ".ts", ".html"))
        for part in ("src", "public"):
            yield from (path for path in (DEMO / name / part).rglob("*") if path.is_file())


if __name__ == "__main__":
    if sys.argv[1:] == ["--needs-node"]:
        sys.exit(0 if not is_built() and node.folder() is None else 1)
    try:
        build()
    except RuntimeError as error:
        sys.exit(f"the page cannot be built: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
