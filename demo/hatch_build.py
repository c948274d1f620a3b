"""Puts the built page and client into every wheel and source distribution, and the demo's bots into every wheel.

A source distribution brings them along, so that whoever installs it needs no Node.js. From a checkout they are built,
with the Node.js of this machine, or else with PyPI's, which is then asked for as a requirement of the build.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent))

import build_page
import node


class PageBuildHook(BuildHookInterface[Any]):
    """Builds the page before files are collected, but not for an editable installation: the Makefile does it there."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What the build needs beside hatchling."""
        return [] if build_page.is_built() or node.folder() is not None else [node.REQUIREMENT]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before each build."""
        if version == "editable":
            return
        try:
            build_page.build()
        except RuntimeError as error:
            raise SystemExit(f"the page cannot be built: {error}") from None
        except subprocess.CalledProcessError as error:
            raise SystemExit("the page cannot be built: see npm's messages above") from error
        # None of this is in the repository at the place where it is to be.
        included = build_data["force_include"]
        included[str(build_page.STATIC)] = "signalling/http/static"
        if self.target_name == "wheel":
            included[str(node.DEMO / "bots")] = "peers/bots"
        else:
            included[str(build_page.STAMP)] = "demo/.built"
