"""The second Python of CI: the newest that works, and none that only seems to be there."""

import sys
from pathlib import Path

import pytest

from tests.newest_python import OLDEST, newest, versions

WANTED = ["3.11", "3.12", "3.13", "3.14"]


def interpreter(folder: Path, name: str, says: str) -> Path:
    """A program that answers as an interpreter of this name would."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(0o755)
    return path


def test_the_newest_that_works_is_taken(tmp_path: Path) -> None:
    shims, old, new = tmp_path / "shims", tmp_path / "old", tmp_path / "new"
    interpreter(shims, "python3.14", "exit 127")  # as pyenv's, of a version that is not installed
    interpreter(shims, "python3.13", "echo 3 13 0")
    interpreter(old, "python3.13", "echo 3 13 2")
    path = interpreter(new, "python3.13", "echo 3 13 10")
    interpreter(new, "python3.12", "echo 3 12 12")
    assert newest(WANTED, [shims, old, tmp_path / "none", new], (3, 11, 7)) == ((3, 13, 10), path)


@pytest.mark.parametrize("here", [(3, 11, 7), (3, 13, 0)])
def test_the_version_that_runs_and_older_ones_are_not(tmp_path: Path, here: tuple[int, int, int]) -> None:
    interpreter(tmp_path, "python3.11", "echo 3 11 9")
    interpreter(tmp_path, "python3.13", "echo 3 13 2")
    found = newest(WANTED, [tmp_path], here)
    assert (found is None) == (here == (3, 13, 0))


def test_an_interpreter_says_its_version(tmp_path: Path) -> None:
    """Where one of 3.12 or newer runs the tests; an older one is looked at as no candidate."""
    here = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    (tmp_path / here).symlink_to(sys.executable)
    found = newest([here.removeprefix("python")], [tmp_path], (3, 10))
    assert found == (None if sys.version_info < OLDEST else (sys.version_info[:3], tmp_path / here))


def test_the_versions_are_those_of_the_classifiers(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text(
        '[project]\nclassifiers = ["Programming Language :: Python :: 3",'
        ' "Programming Language :: Python :: 3.12", "Programming Language :: Python :: 3.14", "Typing :: Typed"]\n'
    )
    assert versions(project) == ["3.12", "3.14"]
