"""Python imports a module of this name when it starts: so a switch is on in the processes too that tests start."""

import os
from pathlib import Path
from typing import Final

import pytest

NAME: Final = "SABOTAGE"
"""The variable that names the switch."""
HERE: Final = Path(__file__).parent


def follow(patch: pytest.MonkeyPatch, name: str) -> None:
    """Processes that are started from now on break what this switch breaks."""
    patch.setenv(NAME, name)
    patch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), str(HERE.parents[2])]))


def begin(name: str) -> None:
    """For good: this process ends with its test."""
    from tests.sabotage.registry import SWITCHES

    SWITCHES[name].breaker(pytest.MonkeyPatch())


if __name__ == "sitecustomize" and NAME in os.environ:
    begin(os.environ[NAME])
