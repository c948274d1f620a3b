"""`eitherway doctor`, run as a user runs it, against what it may meet."""

import asyncio
import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from peers.cli.checks.findings import Finding, verdict
from peers.cli.checks.nat import Seen, classify
from peers.cli.checks.stun import Asker, allocate
from peers.paths.probing import RESENT_AFTER
from peers.testing import Server
from signalling.ice import mint
from tests.cli.responders import silent, stun_server, without_websocket
from tests.paths.coturn import MISSING, SECRET, coturn
from tests.programs import COMMAND
from tests.waiting import free_port
from tests.wheels import build, install


async def doctor(
    folder: Path, *options: str, code: int = 0, path: Path | None = None
) -> tuple[dict[str, dict[str, Any]], str]:
    """Run it with --json in a folder; gives the findings by check (the last of each counts), and the verdict."""
    program = await asyncio.create_subprocess_exec(
        *COMMAND,
        *("doctor", "--json", *options),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **({"PYTHONPATH": str(path)} if path else {})},
    )
    async with asyncio.timeout(60):
        out, err = await program.communicate()
    assert (program.returncode, err.decode()) == (code, ""), out.decode()
    told = json.loads(out)
    assert told["healthy"] == (code == 0)
    for finding in told["findings"]:
        assert finding["advice"] or finding["state"] in ("ok", "skipped"), finding
    return {finding["check"]: finding for finding in told["findings"]}, told["verdict"]


def states(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    """What has become of each check."""
    return {check: finding["state"] for check, finding in found.items()}


async def test_all_is_well(eitherway_server: Server, tmp_path: Path) -> None:
    found, said = await doctor(tmp_path, "--url", eitherway_server.url)
    assert states(found) == {
        **dict.fromkeys(("packages", "versions", "aiortc", "server", "stun", "udp", "peers"), "ok"),
        "nat": "skipped",  # the only STUN server is on this machine
    }
    assert found["server"]["data"]["transport"] == "websocket"
    assert found["server"]["data"]["protocol"] == 1
    peers = found["peers"]["data"]
    assert peers["path"] == "direct"
    assert 0 < peers["direct_rtt"] < 5
    assert 0 < peers["relay_rtt"] < 5
    assert 0 < peers["first_message"] < 5
    assert 0 < peers["direct_after"] < 8
    assert "directly" in said


async def test_the_server_is_down(tmp_path: Path) -> None:
    found, said = await doctor(tmp_path, "--url", f"http://127.0.0.1:{free_port()}", code=1)
    assert states(found)["server"] == "failed"
    assert "eitherway serve" in found["server"]["advice"]
    assert "refused" in found["server"]["text"].lower()
    assert "peers" not in found
    assert said.startswith("Peers cannot talk")


async def test_only_polling_gets_through(eitherway_server: Server, tmp_path: Path) -> None:
    async with without_websocket(eitherway_server.port) as url:
        found, said = await doctor(tmp_path, "--url", url)
    assert states(found)["server"] == "warning"
    assert found["server"]["data"]["transport"] == "polling"
    assert "Upgrade" in found["server"]["advice"]
    assert found["peers"]["data"]["path"] == "direct"
    assert "polling only" in said


@pytest.mark.eitherway_server(origins=("https://elsewhere.example",))
async def test_the_server_refuses(eitherway_server: Server, tmp_path: Path) -> None:
    found, _ = await doctor(tmp_path, "--url", eitherway_server.url, code=3)
    assert states(found)["server"] == "failed"
    assert "origins" in found["server"]["advice"]


@pytest.mark.eitherway_server(stun=False)
async def test_no_server_tells_of_stun(eitherway_server: Server, tmp_path: Path) -> None:
    found, _ = await doctor(tmp_path, "--url", eitherway_server.url)
    assert (found["stun"]["state"], found["udp"]["state"]) == ("warning", "skipped")
    assert "--ice-servers" in found["stun"]["advice"]


async def test_a_dead_stun_server(tmp_path: Path) -> None:
    with silent() as dead, Server(stun=False, ice_servers=(dead,)) as server:
        found, said = await doctor(tmp_path, "--url", server.url)
    assert (found["stun"]["state"], found["udp"]["state"]) == ("warning", "warning")
    assert found["udp"]["data"] == {"state": "silent", "asked": 1, "answered": 0}
    assert "no answer" in found["stun"]["text"]
    assert "nothing answers over UDP" in said


@pytest.mark.parametrize(
    ("ports", "mapping", "state"),
    [
        ((5_000, 5_000), "endpoint-independent", "ok"),
        ((5_000, 5_001), "address-dependent", "warning"),
        ((5_000,), "unknown", "skipped"),
    ],
)
async def test_the_kind_of_nat(
    eitherway_server: Server, tmp_path: Path, ports: Sequence[int], mapping: str, state: str
) -> None:
    async with stun_server(("198.51.100.1", ports[0])) as one, stun_server(("198.51.100.1", ports[-1])) as two:
        named = [option for url in (one, two)[: len(ports)] for option in ("--ice-server", url)]
        found, said = await doctor(tmp_path, "--url", eitherway_server.url, *named)
    assert (found["nat"]["data"]["mapping"], found["nat"]["state"]) == (mapping, state)
    assert f"198.51.100.1:{ports[-1]}" in found["stun"]["text"]
    assert ("NAT maps each destination anew" in said) == (mapping == "address-dependent")


async def test_the_network_is_looked_at_though_the_server_is_down(tmp_path: Path) -> None:
    async with stun_server() as url:
        found, _ = await doctor(tmp_path, "--url", f"http://127.0.0.1:{free_port()}", "--ice-server", url, code=1)
    assert states(found)["udp"] == "ok"


@pytest.mark.skipif(MISSING is not None, reason=MISSING or "")
async def test_turn_gives_an_address_or_refuses(tmp_path: Path) -> None:
    async with coturn(tmp_path) as turn:
        urls = (turn.url("udp"), turn.url("tcp"))
        for secret, state in ((SECRET, "ok"), ("another", "warning"), ("", "warning")):
            with Server(ice_servers=urls, turn_secret=secret) as server:
                found, _ = await doctor(tmp_path, "--url", server.url)
            assert found["turn"]["state"] == state
            assert found["turn"]["data"]["answers"] is True
            if secret != SECRET:
                assert "secret" in found["turn"]["advice"]
        found, _ = await doctor(tmp_path, "--ice-server", urls[0], "--url", f"http://127.0.0.1:{free_port()}", code=1)
        assert found["turn"]["state"] == "skipped"
        assert "credential" in found["turn"]["text"]


@pytest.mark.skipif(MISSING is not None, reason=MISSING or "")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_an_address_is_given_back(tmp_path: Path, transport: str) -> None:
    username, credential = mint(SECRET, int(time.time()) + 60, "doctor")
    async with coturn(tmp_path) as turn:
        address, _ = await allocate(
            *("127.0.0.1", turn.port),
            transport=transport,
            tls=False,
            username=username,
            credential=credential,
            timeout=10,
        )
        assert address[0] == "127.0.0.1"
        assert "lifetime=0" in turn.log
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_another_signalling_is_in_the_way(eitherway_server: Server, tmp_path: Path) -> None:
    (tmp_path / "signalling.py").write_text("raise RuntimeError('not ours')")
    found, said = await doctor(tmp_path, "--url", eitherway_server.url, code=1)
    assert states(found) == {"packages": "failed", "versions": "ok"}
    assert str(tmp_path / "signalling.py") in found["packages"]["text"]
    assert "import signalling" in said


def test_an_installed_wheel_is_told_from_what_is_in_its_way(tmp_path: Path) -> None:
    (tmp_path / "wheel").mkdir()
    python = install(build(tmp_path / "wheel"), tmp_path / "venv")
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "signalling").mkdir(parents=True)
    command = [str(python), "-c", "from peers.cli.checks.packages import check_packages as c; print(c()[0])"]
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    said = subprocess.run(command, cwd=elsewhere, env=own, capture_output=True, text=True, check=True).stdout
    assert "state='ok'" in said  # a folder without __init__.py is found after ours
    (elsewhere / "signalling" / "__init__.py").write_text("")
    said = subprocess.run(command, cwd=elsewhere, env=own, capture_output=True, text=True, check=True).stdout
    assert "state='failed'" in said
    assert str(elsewhere) in said


async def test_another_distribution_has_a_package_of_the_same_name(eitherway_server: Server, tmp_path: Path) -> None:
    other = tmp_path / "other-1.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (other / "top_level.txt").write_text("peers\n")
    found, _ = await doctor(tmp_path, "--url", eitherway_server.url)
    assert found["packages"]["state"] == "warning"
    assert "uninstall other" in found["packages"]["advice"]


async def test_aiortc_is_broken(eitherway_server: Server, tmp_path: Path) -> None:
    (tmp_path / "aiortc.py").write_text("raise ImportError('libavcodec.so: cannot open shared object file')")
    found, said = await doctor(tmp_path, "--url", eitherway_server.url)
    assert (found["aiortc"]["state"], found["peers"]["state"]) == ("warning", "warning")
    assert "libavcodec" in found["aiortc"]["text"]
    assert "aiortc" in found["peers"]["advice"]
    assert found["peers"]["data"]["path"] == "relay"
    assert "only over the server" in said


async def test_wrong_usage(tmp_path: Path) -> None:
    for options in (["--url", "ftp://x"], ["--ice-server", "stun.example.org"], ["--ice-server", "http://x"]):
        program = await asyncio.create_subprocess_exec(*COMMAND, "doctor", *options, stdout=-1, stderr=-1)
        _, err = await program.communicate()
        assert program.returncode == 2, options
        assert b"looks like" in err


async def test_people_read_lines_and_a_terminal_shows_what_is_going_on(eitherway_server: Server) -> None:
    master, slave = pty.openpty()
    try:
        program = await asyncio.create_subprocess_exec(
            *COMMAND, "doctor", "--url", eitherway_server.url, stdout=asyncio.subprocess.PIPE, stderr=slave
        )
        out, _ = await program.communicate()
        assert program.returncode == 0
        shown = os.read(master, 65_536).decode()
    finally:
        os.close(master)
        os.close(slave)
    lines = out.decode().splitlines()
    assert [line.split()[1] for line in lines if line.startswith(("ok", "skipped"))] == [
        *("packages", "versions", "aiortc", "server", "stun", "udp", "nat", "peers")
    ]
    assert lines[-1].startswith("Peers can talk")
    assert "\x1b" not in out.decode()
    assert "... two peers" in shown


# ---- what it makes of it

HERE, MAPPED, OTHER = ("192.0.2.7", 9), ("198.51.100.1", 9), ("198.51.100.1", 10)
ONE, TWO, SELF = ("203.0.113.1", 3478), ("203.0.113.1", 3479), ("192.0.2.7", 3478)


@pytest.mark.parametrize(
    ("seen", "mapping"),
    [
        ([], "unknown"),
        ([Seen(SELF, HERE, HERE)], "unknown"),
        ([Seen(ONE, HERE, HERE)], "none"),
        ([Seen(ONE, HERE, MAPPED)], "unknown"),
        ([Seen(ONE, HERE, MAPPED), Seen(ONE, HERE, MAPPED)], "unknown"),
        ([Seen(ONE, HERE, MAPPED), Seen(TWO, HERE, MAPPED)], "endpoint-independent"),
        ([Seen(ONE, HERE, MAPPED), Seen(TWO, HERE, OTHER)], "address-dependent"),
        ([Seen(ONE, HERE, MAPPED), Seen(TWO, HERE, HERE)], "unknown"),
    ],
)
def test_mapping(seen: Sequence[Seen], mapping: str) -> None:
    assert classify(seen) == mapping


def findings(**data: dict[str, Any]) -> list[Finding]:
    """What the checks may have found."""
    return [Finding(check, "ok", "", data=value) for check, value in data.items()]


DIRECT = {"path": "direct"}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([Finding("server", "failed", "it is down")], "cannot talk from here: it is down."),
        (findings(peers={"path": "relay"}), "only over the server"),
        (findings(peers=DIRECT, udp={"state": "silent"}), "only with peers on this network"),
        (findings(peers=DIRECT, udp={"state": "silent"}, turn={}), "directly over TURN"),
        (findings(peers=DIRECT, nat={"mapping": "address-dependent"}), "only over the server"),
        (findings(peers=DIRECT, nat={"mapping": "address-dependent"}, turn={}), "the rest over TURN"),
        (findings(peers=DIRECT, nat={"mapping": "none"}), "wherever the other side's network lets them"),
        (findings(peers=DIRECT, server={"transport": "polling"}), "polling only"),
    ],
)
def test_the_verdict_is_one_sentence(found: list[Finding], said: str) -> None:
    sentence = verdict(found)
    assert said in sentence
    assert sentence.endswith(".")
    assert ". " not in sentence


def test_the_command_itself_loads_nothing_of_the_server() -> None:
    code = "import peers.cli.doctor, sys; assert not [m for m in sys.modules if m.split('.')[0] == 'signalling']"
    subprocess.run([sys.executable, "-c", code], check=True)


async def test_a_request_that_is_lost_is_sent_again() -> None:
    raised: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: raised.append(context))
    async with stun_server(("198.51.100.1", 7), deaf_to=1) as url, Asker() as asker:
        seen, seconds = await asker.ask("127.0.0.1", int(url.rpartition(":")[2]), 10)
    assert seen.mapped == ("198.51.100.1", 7)
    assert seconds >= RESENT_AFTER
    assert raised == []  # of the nonsense that came too
