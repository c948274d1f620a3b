"""The laboratory's own program: a signal ends it with all that it started."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.network.spaces import SPACES

pytestmark = pytest.mark.network


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_its_programs_and_takes_down_its_networks(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "tests.network", "idle", "--runs=1", "--only=cut_both_ways"]
    with subprocess.Popen([*command, f"--records={tmp_path / 'records'}"], stderr=subprocess.DEVNULL) as lab:
        try:
            deadline = time.monotonic() + 30
            while len(programs := talking(lab.pid)) < 2:
                assert time.monotonic() < deadline, "no peers within 30 s"
                time.sleep(0.1)
            spaces = [path for path in Path(SPACES).iterdir() if path.name.startswith(f"ew{lab.pid}x")]
            assert spaces
            lab.send_signal(number)
            assert lab.wait(30) != 0
            assert not any(program.is_running() for program in programs)
            assert not [path for path in spaces if path.exists()]
        finally:
            lab.kill()


def talking(pid: int) -> list[psutil.Process]:
    """The peers that this laboratory runs."""
    children = psutil.Process(pid).children(recursive=True)
    return [child for child in children if "peer_program.py" in _command(child)]


def _command(program: psutil.Process) -> str:
    try:
        return " ".join(program.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):  # it has ended since it was listed
        return ""
