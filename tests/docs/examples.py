"""How the examples on the pages are run. What follows the fence says how; see `KINDS`."""

import asyncio
import contextlib
import os
import re
import secrets
import shlex
import signal
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import click

from peers import Client, Peer, Room
from peers.cli import main as command
from signalling.tokens import create_token
from tests.docs.markdown import PAGES, Block, blocks
from tests.serving import serving
from tests.waiting import free_port

URL: Final = "http://127.0.0.1:8080"
"""Where the examples find the server; replaced by the address of the one that runs."""
DEADLINE: Final = 45.0
CURL_TIMED_OUT: Final = 28
"""curl's exit code when its time is over."""

KINDS: Final = {
    "python twice": "a program; two of it run at the same time, as in two terminals",
    "python together": "a program; all such programs of a page run at the same time",
    "python in room": "statements in a coroutine that has a `client`, a `room` that it joined, and a `peer` in it",
    "python tests": "tests of a project that uses the library; pytest runs them, with pytest-asyncio in auto mode",
    "python bot": "a module with a bot; `eitherway bot` runs it, somebody talks to it, and SIGTERM ends it",
    "python server": "a program that serves until it is told to stop; then the path that was added to its URL, if any",
    "python receiver": "a program that is told by webhooks, on port 3000; it prints what a server tells it of",
    "python with tokens": "a program that has the secret of a server that asks for tokens; it prints something",
    "html": "a page; the same stands in demo/client/README.md, whose examples the client's own tests run",
    "html plain": "a page that uses a stock Socket.IO client alone; the tests in browsers open it twice",
    "sh": "commands of the shell",
    "sh curl": "lines for curl; all of a page run one after another against servers with a member, and each succeeds",
    "js": "statements for a page; tests in browsers have the same",
    "json": "a JSON text",
    "yaml": "a configuration of Prometheus, with which the tests of that page read a server",
    "mermaid": "a picture",
    "": "a picture, a formula or a list",
}


def kind_of(block: Block) -> str:
    """The kind of a block."""
    return "python server" if block.info.startswith("python server") else block.info


def of_kind(kind: str) -> list[Block]:
    """All blocks of one kind."""
    return [block for page in PAGES for block in blocks(page) if kind_of(block) == kind]


async def run_programs(programs: list[str], folder: Path) -> list[str]:
    """Run programs at the same time against a real server; each must end well. Gives what they print."""
    (folder / "photo.jpg").write_bytes(os.urandom(1_000_000))
    async with serving() as url:
        running = [await start(text.replace(URL, url), folder / f"{n}.py") for n, text in enumerate(programs)]
        try:
            async with asyncio.timeout(DEADLINE):
                outputs = await asyncio.gather(*(process.communicate() for process in running))
        finally:
            for process in running:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
    for process, (_, errors) in zip(running, outputs, strict=True):
        check_end(process.returncode, errors)
    return [output.decode() for output, _ in outputs]


async def run_with_tokens(text: str, folder: Path) -> str:
    """Run a program against a server that asks for tokens; gives what it prints."""
    secret = secrets.token_urlsafe(48)
    async with serving(token_secret=[secret]) as url:
        process = await start(text.replace(URL, url), folder / "program.py", EITHERWAY_TOKEN_SECRET=secret)
        async with asyncio.timeout(DEADLINE):
            output, errors = await process.communicate()
    check_end(process.returncode, errors)
    return output.decode()


def check_end(code: int | None, errors: bytes) -> None:
    """A program must end well and in silence."""
    assert (code, errors.decode()) == (0, ""), f"exit code {code}: {errors.decode()}"


def write(file: Path, text: str) -> None:
    """A small file; nobody else runs on this event loop meanwhile."""
    file.write_text(text)


async def start(text: str, file: Path, **environ: str) -> asyncio.subprocess.Process:
    """Start a program in a process of its own, warnings being errors."""
    write(file, text)
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", str(file)),
        cwd=file.parent,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environ},
    )


async def run_tests(text: str, folder: Path) -> str:
    """Run a file of tests in a project of its own; gives what pytest says."""
    write(folder / "pytest.ini", "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n")
    write(folder / "test_example.py", text)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_example.py"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(DEADLINE):
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


@contextlib.asynccontextmanager
async def in_room() -> AsyncIterator[tuple[Client, Room, Peer]]:
    """A client in a room with a peer that handles whatever comes; handlers must raise nothing."""
    raised: list[Exception] = []
    async with serving() as url, Client(url) as other, other.join("room", profile={"name": "Grace"}) as there:
        there.on("message", lambda message: None)
        async with Client(url) as client, client.join("room", profile={"name": "Ada"}) as room:
            client.on("error", raised.append)
            room.on("message", lambda message: None)
            peer = await room.wait_for_peer(timeout=10)
            yield client, room, peer
            await there.send("an answer")
            await there.flush()
    assert raised == []


async def run_statements(text: str) -> None:
    """Run statements in a room."""
    names: dict[str, Any] = {}
    exec("async def example(client, room, peer):\n" + textwrap.indent(text, "    "), names)
    async with in_room() as (client, room, peer), asyncio.timeout(DEADLINE):
        await names["example"](client, room, peer)


async def run_server(text: str, prefix: str, folder: Path) -> None:
    """Start a server, let a client join a room of it, stop it with SIGTERM."""
    port = free_port()
    process = await start(text.replace("port=8080", f"port={port}"), folder / "server.py", EITHERWAY_STUN_PORT="0")
    try:
        url = f"http://127.0.0.1:{port}"
        await until_it_answers(url, process)
        async with asyncio.timeout(DEADLINE), Client(url + prefix) as client, client.join("lobby") as room:
            assert room.peers == {}
            if "/metrics" in text:
                await check_metrics(url)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DEADLINE):
            _, errors = await process.communicate()
        again = "uvicorn" in text  # it sends itself the signal again, once it is done
        assert process.returncode == (-signal.SIGTERM if again else 0), errors.decode()
        assert b"Traceback" not in errors, errors.decode()  # aiohttp logs requests there
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def check_metrics(url: str) -> None:
    """Whether an application shows the metrics and readiness of a server in which one client is in one room."""
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{url}/metrics") as answer:
            assert answer.status == 403
        async with http.get(f"{url}/metrics", headers={"Authorization": "Bearer a secret of your own"}) as answer:
            assert "\neitherway_rooms 1.0\n" in await answer.text()
        async with http.get(f"{url}/readyz") as answer:
            assert (answer.status, await answer.json()) == (200, {"reason": None})


async def run_receiver(text: str, folder: Path) -> None:
    """Start a receiver of webhooks, and a server that tells it of a peer that comes and goes; stop it with SIGTERM."""
    port = free_port()
    secret = re.findall(r'"(whsec_[^"]+)"', text)
    process = await start(text.replace("port=3000", f"port={port}"), folder / "receiver.py")
    try:
        url = f"http://127.0.0.1:{port}"
        await until_it_answers(url, process)
        options = {"webhook": (f"{url}/hook",), "webhook_secret": secret, "webhook_store": ":memory:"}
        async with serving(**options, webhook_allow_private=True) as server, asyncio.timeout(DEADLINE):
            async with Client(server) as client, client.join("lobby", profile={"name": "Ada"}):
                pass
            assert process.stdout is not None
            said: list[str] = []
            while len(said) < 4:
                line = (await process.stdout.readline()).decode()
                said += [line] if line.startswith(("room.", "peer.")) else []  # aiohttp speaks too
        assert [line.split(" ")[0] for line in said] == ["room.started", "peer.joined", "peer.left", "room.ended"]
        assert "'profile': {'name': 'Ada'}" in said[1]
    finally:
        if process.returncode is None:
            process.terminate()
            async with asyncio.timeout(DEADLINE):
                await process.communicate()
    assert process.returncode == 0


async def run_bot(text: str, folder: Path) -> None:
    """Run a bot in a room, join it and send to it on each of its channels, stop it with SIGTERM."""
    write(folder / "example.py", text)
    labels = re.findall(r'channel="(\w+)", lane="(\w+)"', text)
    async with serving() as url:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "error", "-m", "peers.cli", "bot", "example:bot", "--room", "lobby", "--url", url),
            cwd=folder,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(DEADLINE), Client(url) as client, client.join("lobby") as room:
                peer = await room.wait_for_peer()
                assert peer.profile["bot"] is True
                for channel in (peer.channel(""), *(peer.channel(label, lane=lane) for label, lane in labels)):
                    heard = channel.__aiter__()
                    await channel.send("hello")
                    assert await anext(heard)
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(DEADLINE):
                _, errors = await process.communicate()
            assert process.returncode == 0, errors.decode()
            assert b"ERROR" not in errors, errors.decode()
            assert b"WARNING" not in errors, errors.decode()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def until_it_answers(url: str, process: asyncio.subprocess.Process) -> None:
    """Until something listens at the URL."""
    async with asyncio.timeout(DEADLINE), aiohttp.ClientSession() as http:
        while True:
            assert process.returncode is None, "the server ended"
            try:
                async with http.get(url):
                    return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)


async def run_curl(blocks: list[Block], folder: Path) -> list[tuple[str, str]]:
    """Run lines for curl against a server with a post and a member; those with a token against one that asks for it.
    Gives each with what it prints. Streams are read for some seconds.
    """
    secret = "a secret that is long enough for an example"
    done: list[tuple[str, str]] = []
    async with serving() as url, serving(token_secret=(secret,)) as guarded, Client(url) as client:
        token = create_token(secret, user="eve", rooms=["*"], grants=["join", "post", "watch", "admin"], lifetime=600)
        ids: dict[str, str] = {}
        for place in (url, guarded):
            api = f"{place}/api/v1/rooms/lobby/feed"
            headers = {"Authorization": f"Bearer {token}"}
            async with aiohttp.ClientSession(headers=headers) as http:
                async with http.post(api, json={"topic": "orders.1", "data": "one"}) as answer:
                    before = (await answer.json())["id"]
                async with http.post(api, json={"topic": "orders.1", "data": "the first"}) as answer:
                    assert answer.status == 201
            ids[place] = str(before)
        await client.join("lobby")
        environ = {**os.environ, "ID": ids[url], "PEER": client.id, "TOKEN": token}
        for line in (line for block in blocks for line in block.text.splitlines()):
            is_stream = " -N " in line
            line = line.replace(URL, guarded if "$TOKEN" in line else url)
            options = "--silent --show-error --fail-with-body --max-time " + ("3" if is_stream else "30")
            process = await asyncio.create_subprocess_exec(
                *("bash", "-c", f'curl() {{ command curl {options} "$@"; }}; {line}'),
                cwd=folder,
                env=environ,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            async with asyncio.timeout(DEADLINE):
                output, errors = await process.communicate()
            expected = CURL_TIMED_OUT if is_stream else 0
            assert process.returncode == expected, f"{line}: {output.decode()} {errors.decode()}"
            done.append((line, output.decode()))
    return done


# ---- shell


def commands(text: str) -> list[list[str]]:
    """The words of every simple command in a block of shell, without redirections."""
    found: list[list[str]] = []
    for line in text.splitlines():
        words: list[str] = []
        skip = False
        for token in tokens(line):
            if skip:
                skip = False
            elif token in ("|", "&&", ";", "&"):
                found.append(words)
                words = []
            elif token in ("<", ">", ">>"):
                skip = True
            else:
                words.append(token)
        found.append(words)
    return [words for words in found if words]


def tokens(line: str) -> list[str]:
    """The tokens of a line of shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


def check_eitherway(words: list[str]) -> None:
    """Whether the command exists and takes these options. Raises click.UsageError."""
    context = click.Context(command, info_name="eitherway")
    name, chosen, rest = command.resolve_command(context, words)
    if chosen is None:
        raise click.UsageError(f"there is no {name}")
    chosen.make_context(name, rest, parent=context)


def mentions(text: str) -> list[str]:
    """The commands that a page names in its prose, between backticks."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`(eitherway [a-z][^`]*)`", prose)
