"""`python -m signalling` as a process of its own: what it prints, how it ends."""

import os
import signal
import socket
import subprocess
import sys
import time

import aiohttp
import pytest

from signalling.config import Config
from tests.signalling.actor import Actor
from tests.signalling.conftest import Process, address
from tests.signalling.keys import OTHER_SECRET, SECRET


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs a server that is to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "signalling", *arguments],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


async def test_it_serves_until_sigterm_and_tells_its_clients(process: Process) -> None:
    url = address(process)
    async with aiohttp.ClientSession() as session, session.get(f"{url}/healthz") as answer:
        assert answer.status == 200
        assert await answer.json() == {"status": "ok"}
    ada = await Actor(url).connect()
    await ada.join("lobby")
    process.send_signal(signal.SIGTERM)
    start = time.monotonic()
    assert (await ada.next("shutdown"))["reconnect_after"] == 1.0
    await ada.ended.wait()
    await ada.close()
    assert process.wait(10) == 0
    assert time.monotonic() - start < 10
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()


def test_ctrl_c_ends_it_too(process: Process) -> None:
    address(process)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


def test_an_address_that_is_taken_is_one_line_that_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = run("--port", port, "--no-stun")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    (line,) = (line for line in result.stderr.splitlines() if f"cannot listen on 127.0.0.1:{port}" in line)
    assert "--port" in line


@pytest.mark.parametrize(
    ("arguments", "environ", "said"),
    [
        (["--port", "x"], {}, "--port"),
        (["--port", "70000"], {}, "--port"),
        (["--max-peers", "0"], {}, "--max-peers"),
        (["--nonsense"], {}, "--nonsense"),
        (["--token-secret", "short"], {}, "32 bytes"),
        (["--token-key", "/nowhere"], {}, "/nowhere"),
        (["--tls-cert", "/nowhere"], {}, "/nowhere"),
        (["--tls-key", "/nowhere"], {}, "--tls-cert"),
        (["--tls-cert", __file__], {}, "PEM"),
        ([], {"EITHERWAY_PORT": "x"}, "EITHERWAY_PORT"),
        ([], {"EITHERWAY_STUN": "perhaps"}, "EITHERWAY_STUN"),
    ],
)
def test_wrong_usage(arguments: list[str], environ: dict[str, str], said: str) -> None:
    result = run(*arguments, **environ)
    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", "192.0.2.1", "example.org"])
def test_nobody_opens_a_server_to_others_by_mistake(host: str) -> None:
    result = run("--host", host, "--port", "0", "--no-stun")
    assert result.returncode == 2
    assert result.stdout == ""
    for way in ("EITHERWAY_TOKEN_SECRET", "--token-key", "--open"):
        assert way in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "0.0.0.0", "--open"], "OPEN"),
        (["--host", "0.0.0.0", "--token-secret", SECRET], "asks for tokens"),
        (["--host", "localhost"], "OPEN"),
        (["--token-secret", SECRET, "--token-secret", OTHER_SECRET], "asks for tokens"),
    ],
)
def test_it_says_whom_it_lets_in(options: list[str], said: str) -> None:
    command = [sys.executable, "-m", "signalling", "--port", "0", "--no-stun", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        line = running.stdout.readline()
        running.send_signal(signal.SIGTERM)
        log = running.stderr.read()
        assert running.wait(20) == 0
    assert said in line
    assert ("NO ADMISSION CONTROL" in log) is (said == "OPEN")
    assert SECRET not in line + log


def test_help_names_every_option() -> None:
    text = run("--help").stdout
    for name in Config.__struct_fields__:
        assert "--" + name.replace("_", "-") in text
