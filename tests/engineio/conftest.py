"""The servers under test, each a process for the whole run; and where others are known to differ: python-socketio,
which is the control, and (`url`) Socket.IO's own server.
"""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.engineio.clients import Server
from tests.engineio.program import KINDS

URL = os.environ.get("EITHERWAY_PROTOCOL_URL", "")


@pytest.fixture(scope="session", params=["url"] if URL else list(KINDS))
def _running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if URL:
        yield Server("url", URL.rstrip("/"))
        return
    log = tmp_path_factory.mktemp("protocol") / f"{request.param}.log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [sys.executable, "-X", "dev", "-m", "tests.engineio.program", request.param],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            yield Server(request.param, process.stdout.readline().strip())
            process.communicate(timeout=20)
        finally:
            process.kill()
    if request.param != "stock":
        said = log.read_text()
        assert "Traceback" not in said, said
        assert "never retrieved" not in said, said


@pytest.fixture
def server(_running: Server, request: pytest.FixtureRequest) -> Server:
    """One of the servers under test."""
    for mark in request.node.iter_markers("differs"):
        if mark.args[0] == _running.kind:
            request.applymarker(
                pytest.mark.xfail(reason=mark.args[1], strict=not URL, raises=(AssertionError, TimeoutError))
            )
    return _running
