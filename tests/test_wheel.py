"""The wheel as a user gets it: installed apart from the source, and run from elsewhere."""

import asyncio
import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests import wheels
from tests.waiting import free_port
from tests.wheels import ROOT

ACCEPT = """
import asyncio, json, sys
import peers, signalling
from peers import Client

async def main():
    async with Client(sys.argv[1]) as one, Client(sys.argv[1]) as two:
        a, b = await one.join("r"), await two.join("r")
        got = []
        b.on("message", lambda message: got.append(message.data))
        peer = await a.wait_for_peer(timeout=10)
        await peer.send({"hello": 1})
        await peer.flush()
        while peer.path != "direct":
            await asyncio.sleep(0.05)
        await peer.send("direct")
        await peer.flush()
        print(json.dumps({"peers": peers.__file__, "signalling": signalling.__file__, "got": got}))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source."""
    return wheels.build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has the wheel and what it needs, and cannot see the source."""
    return wheels.install(wheel, tmp_path_factory.mktemp("venv"))


def test_nothing_but_the_two_packages_is_in_the_wheel(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"peers", "signalling"}
    for package in ("peers", "signalling"):
        assert f"{package}/py.typed" in names
    missing = [
        str(path.relative_to(ROOT))
        for package in ("peers", "signalling")
        for path in (ROOT / package).rglob("*.py")
        if str(path.relative_to(ROOT)) not in names
    ]
    assert not missing


def test_the_bots_of_the_demo_are_found_in_the_wheel(wheel: Path, python: Path, tmp_path: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("peers/bots/")}
    assert names == {"peers/bots/__init__.py", *(f"peers/bots/{path.name}" for path in ROOT.glob("demo/bots/*.py"))}
    code = "from peers.bot.loading import load; print(load('peers.bots.echo:bot')); import sys; print(sys.modules)"
    done = subprocess.run([str(python), "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("<Bot echo>")
    assert "peers.bots.echo" in done.stdout
    assert f"{ROOT}/demo" not in done.stdout


async def test_a_server_and_two_programs_from_the_wheel(python: Path, tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "accept.py").write_text(ACCEPT)
    server = await asyncio.create_subprocess_exec(
        *(python, "-I", "-W", "error", "-m", "peers.cli", "serve", "--port", str(port), "--stun-port", "0"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert server.stdout is not None
        async with asyncio.timeout(30):
            assert b"serves" in await server.stdout.readline()
        program = await asyncio.create_subprocess_exec(
            *(python, "-I", "-W", "error", "accept.py", f"http://127.0.0.1:{port}"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            out, err = await program.communicate()
        assert program.returncode == 0, err.decode()
        assert err == b""
        told = json.loads(out)
        assert told["got"] == [{"hello": 1}, "direct"]
        for package in ("peers", "signalling"):
            assert not told[package].startswith(str(ROOT))
    finally:
        server.terminate()
        await server.communicate()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["serve", "--help"], ["pipe", "--help"]])
def test_the_command_of_the_wheel(python: Path, arguments: list[str], tmp_path: Path) -> None:
    command = [str(python), "-I", "-m", "peers.cli", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert "eitherway" in done.stdout


def test_importing_peers_loads_neither_aiortc_nor_the_server(python: Path, tmp_path: Path) -> None:
    code = "import peers, sys; print([m for m in sys.modules if m.split('.')[0] in ('aiortc', 'av', 'signalling')])"
    done = subprocess.run([str(python), "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    code = (
        "from peers import Client; import sys; print([m for m in sys.modules if m.split('.')[0] in ('aiortc', 'av')])"
    )
    done = subprocess.run([str(python), "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
