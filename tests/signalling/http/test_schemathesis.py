"""schemathesis asks the API all sorts of things that its document allows or forbids, and finds no answer amiss."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.serving import ServerProcess
from tests.signalling.http.reading import Api

SECONDS = 15
"""For which it makes up requests."""


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_every_answer_is_one_that_the_document_has(tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").touch()
    async with ServerProcess() as server, Api(server.url) as api:
        await api.post()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/api/v1/openapi.json"),
            *("--max-examples", "20", "--max-time", str(SECONDS), "--generation-database", "none", "--seed", "1"),
            # JSON Schema counts characters, where names have a limit in bytes: what it allows may be too long.
            *("--exclude-checks", "positive_data_acceptance"),
            *(
                "--phases",
                "examples,coverage,fuzzing,stateful",
                "--request-timeout",
                "70",
                "--suppress-health-check",
                "all",
            ),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(200):
                output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, output.decode()
        assert (await api.call("GET", "/rooms/lobby/feed"))[0] == 200
