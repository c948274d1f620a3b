"""The wires of a lab, carried by a process of their own (`wire_program.py`)."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

PROGRAM = Path(__file__).with_name("wire_program.py")


class Wire(NamedTuple):
    """Between a device in one namespace and a device in another; `out` is from the first to the second."""

    name: str
    space: str
    device: str
    other_space: str
    other_device: str


class Wires:
    """Makes the devices at once; `close` takes them away."""

    def __init__(self, wires: Sequence[Wire]) -> None:
        self.names = [wire.name for wire in wires]
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(PROGRAM), *(":".join(wire) for wire in wires)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            self.close()
            raise RuntimeError("no wires could be made: is there /dev/net/tun?")

    def change(self, name: str, **what: Any) -> None:
        """What is to hold on a wire from now on, as `wire_program.py` says."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"wire": name, **what}) + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """End the process, and with it the devices."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
