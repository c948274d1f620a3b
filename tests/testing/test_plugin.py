"""The pytest plugin as a user has it: the wheel is installed, and their project has tests of its own."""

import subprocess
import textwrap
from pathlib import Path

import pytest

from tests.wheels import build, install

TALK = """
    async with Client(eitherway_server.url) as a, Client(eitherway_server.url) as b:
        here, there = await a.join("r"), await b.join("r")
        got = []
        there.on("message", lambda message: got.append(message.data))
        peer = await here.wait_for_peer(timeout=10)
        eitherway_network.cut("direct")
        await peer.send("hello")
        await peer.flush()
        assert got == ["hello"]
"""

AUTO = ["-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function"]
STRICT = ["-o", "asyncio_mode=strict", "-o", "asyncio_default_fixture_loop_scope=function"]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has the wheel, pytest and its plugins."""
    return install(build(tmp_path_factory.mktemp("wheel")), tmp_path_factory.mktemp("venv"))


def run(python: Path, folder: Path, *options: str, **files: str) -> str:
    """Run pytest in a project of these files; gives what it says."""
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -p no:randomly -p no:cacheprovider --strict-markers\n")
    for name, text in files.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    command = [str(python), "-I", "-W", "error", "-m", "pytest", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100)
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("options", "mark"),
    [
        (AUTO, ""),
        (STRICT, "@pytest.mark.asyncio"),
        ([*AUTO, "-o", "asyncio_default_test_loop_scope=session"], ""),
        (["-p", "no:asyncio"], "@pytest.mark.anyio"),
    ],
    ids=["auto", "strict", "one loop for all", "anyio"],
)
def test_with_the_plugins_that_run_coroutines(python: Path, tmp_path: Path, options: list[str], mark: str) -> None:
    backend = "@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
    tests = "".join(f"{mark}\nasync def test_{n}(eitherway_server, eitherway_network):{TALK}\n" for n in ("one", "two"))
    said = run(python, tmp_path, *options, test_it=f"import pytest\nfrom peers import Client\n{backend}\n{tests}")
    assert "2 passed" in said
    assert "warning" not in said, said


def test_without_any_plugin_that_runs_coroutines(python: Path, tmp_path: Path) -> None:
    body = textwrap.indent(TALK, "    ")
    text = f"""
import asyncio
from peers import Client

def test_it(eitherway_server, eitherway_network):
    async def main():{body}
    asyncio.run(main())
"""
    assert "1 passed" in run(python, tmp_path, "-p", "no:asyncio", "-p", "no:anyio", test_it=text)


def test_from_an_installed_wheel_nothing_is_loaded_that_is_not_used(python: Path, tmp_path: Path) -> None:
    text = """
        import sys

        def test_it(pytestconfig):
            assert pytestconfig.pluginmanager.has_plugin("eitherway")
            heavy = {"aiohttp", "aioice", "aiortc", "socketio", "engineio", "cryptography", "msgspec", "signalling"}
            assert not heavy & {name.split(".")[0] for name in sys.modules}
            ours = {name for name in sys.modules if name.split(".")[0] == "peers"}
            assert ours == {"peers", "peers.testing", "peers.testing.plugin"}, ours
    """
    assert "1 passed" in run(
        python, tmp_path, "-p", "no:anyio", "-p", "no:asyncio", "-p", "no:hypothesispytest", test_it=text
    )


def test_the_server_takes_options_and_the_fixtures_are_listed(python: Path, tmp_path: Path) -> None:
    text = """
        import pytest
        from peers import Client, Refused

        @pytest.mark.eitherway_server(max_rooms=1)
        async def test_it(eitherway_server):
            async with Client(eitherway_server.url) as client:
                await client.join("one")
                with pytest.raises(Refused):
                    await client.join("two")

        @pytest.mark.eitherway_server(max_roms=1)
        async def test_wrong(eitherway_server):
            pass
    """
    said = run(python, tmp_path, *AUTO, test_it=text)
    assert "1 passed, 1 error" in said
    assert "max_roms" in said
    listed = run(python, tmp_path, *AUTO, "--fixtures")
    assert "eitherway_server" in listed
    assert "A real signalling server" in listed
    assert "eitherway_network" in listed
    assert "eitherway_server(**options)" in run(python, tmp_path, *AUTO, "--markers")
