"""`eitherway token`, and the commands with tokens against a server that asks for them."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import jwt
import pytest

from peers import Client, Refused
from signalling.keys import read_keys
from signalling.tokens import Verifier
from tests.programs import run
from tests.serving import ServerProcess
from tests.signalling.keys import ED25519, OTHER_SECRET, RSA, SECRET, private_pem, public_pem


def token(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EITHERWAY_TOKEN")}
    return subprocess.run(
        [sys.executable, "-m", "peers.cli", "token", *arguments],
        env={**clean, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_prints_the_token_alone() -> None:
    arguments = ("--user", "ada", "--room", "team-*", "--grant", "join", "--for", "1h", "--attribute", "role=a=b")
    before = time.time()
    made = token(*arguments, EITHERWAY_TOKEN_SECRET=SECRET)
    assert made.returncode == 0
    assert made.stderr == ""
    lines = made.stdout.splitlines()
    assert len(lines) == 1
    claims = jwt.decode(lines[0], SECRET, algorithms=["HS256"])
    assert 3_590 < claims.pop("exp") - before < 3_700
    claims.pop("iat")
    assert claims == {"sub": "ada", "rooms": ["team-*"], "grants": ["join"], "attributes": {"role": "a=b"}}


def test_without_grants_it_allows_all_but_to_rule() -> None:
    made = token("--user", "ada", "--room", "a", "--room", "b", EITHERWAY_TOKEN_SECRET=f"{SECRET},{OTHER_SECRET}")
    claims = jwt.decode(made.stdout.strip(), SECRET, algorithms=["HS256"])
    assert claims["rooms"] == ["a", "b"]
    assert claims["grants"] == ["join", "relay", "post", "watch"]


@pytest.mark.parametrize("key", [RSA, ED25519], ids=["RS256", "EdDSA"])
def test_a_key_file(key: object, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(private_pem(key))
    arguments = ("--user", "ada", "--room", "*", "--audience", "rooms")
    for made in (
        token(*arguments, "--key", str(tmp_path / "key.pem")),
        token(*arguments, EITHERWAY_TOKEN_KEY=str(tmp_path / "key.pem")),
    ):
        access = Verifier(read_keys(public_pem(key)), "rooms").access(made.stdout.strip(), time.time())
        assert access.user == "ada"


def test_the_name_of_a_key_goes_into_the_token(tmp_path: Path) -> None:
    (tmp_path / "key.jwk").write_text(json.dumps({"kty": "oct", "kid": "2027", "k": "A" * 64}))
    made = token("--user", "ada", "--room", "*", "--key", str(tmp_path / "key.jwk"))
    assert jwt.get_unverified_header(made.stdout.strip())["kid"] == "2027"


@pytest.mark.parametrize(
    ("arguments", "environ", "said"),
    [
        ((), {}, "EITHERWAY_TOKEN_SECRET"),
        ((), {"EITHERWAY_TOKEN_SECRET": "short"}, "32 bytes"),
        (("--grant", "jion"), {"EITHERWAY_TOKEN_SECRET": SECRET}, "jion"),
        (("--for", "1y"), {"EITHERWAY_TOKEN_SECRET": SECRET}, "90s, 15m, 12h or 7d"),
        (("--for", "0s"), {"EITHERWAY_TOKEN_SECRET": SECRET}, "90s, 15m, 12h or 7d"),
        (("--attribute", "x"), {"EITHERWAY_TOKEN_SECRET": SECRET}, "role=teacher"),
        (("--user", ""), {"EITHERWAY_TOKEN_SECRET": SECRET}, "sub"),
        (("--key", "/nowhere"), {}, "/nowhere"),
        (("--key", "public.pem"), {}, "private"),
        (("--nonsense",), {}, "--nonsense"),
    ],
)
def test_wrong_usage(
    arguments: tuple[str, ...], environ: dict[str, str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "public.pem").write_text(public_pem(RSA))
    monkeypatch.setenv("PYTHONPATH", os.getcwd())
    monkeypatch.chdir(tmp_path)
    made = token("--user", "ada", "--room", "a", *arguments, **environ)
    assert made.returncode == 2
    assert said in made.stderr
    assert made.stdout == ""
    assert "Traceback" not in made.stderr
    assert SECRET not in made.stderr


async def test_commands_show_their_token(tmp_path: Path) -> None:
    good = token("--user", "ada", "--room", "lobby", EITHERWAY_TOKEN_SECRET=SECRET).stdout.strip()
    elsewhere = token("--user", "ada", "--room", "other", EITHERWAY_TOKEN_SECRET=SECRET).stdout.strip()
    doctor = token("--user", "ada", "--room", "doctor-*", EITHERWAY_TOKEN_SECRET=SECRET).stdout.strip()
    async with ServerProcess("--token-secret", SECRET) as server:
        chatting = run(
            *(tmp_path, "a", "chat", "lobby", "--name", "Ada", "--token", good),
            stdin=asyncio.subprocess.PIPE,
            url=server.url,
        )
        async with chatting as chat:
            await chat.says("nobody else yet")
            ping = ("ping", "lobby", "-c", "1", "--token", good)
            async with run(tmp_path, "p", *ping, url=server.url) as program:
                assert await program.wait() == 0
        for name, arguments, code, said in (
            ("none", ("chat", "lobby"), 3, "eitherway token"),
            ("other", ("chat", "lobby", "--token", elsewhere), 3, "not for the room 'lobby'"),
            ("doctor", ("doctor",), 3, "--token"),
            ("healthy", ("doctor", "--token", doctor), 0, ""),
        ):
            async with run(tmp_path, name, *arguments, stdin=asyncio.subprocess.PIPE, url=server.url) as program:
                assert await program.wait() == code, program.err.read_text()
                assert said in program.err.read_text() + program.out.read_text()
        async with Client(server.url, token=good) as client, client.join("lobby") as room:
            assert [peer.user for peer in room.peers.values()] == ["ada"]
        with pytest.raises(Refused, match="admits by token"):
            async with Client(server.url):
                pass
