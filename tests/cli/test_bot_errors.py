"""`eitherway bot` told nonsense, or where something is missing: one line that says what to do, and its exit code."""

import asyncio
import json
import os
import socket
import sys
from pathlib import Path

MINE = """
from peers import Bot

echo, other, nothing = Bot("echo"), Bot("other"), "no bot"
"""
STARTS = """
from peers import Bot

bot = Bot("b")

@bot.on("startup")
def open_it():
    raise OSError("no disk")
"""
MODULES = {
    "mine": MINE,
    "starts": STARTS,
    "broken": "1 / 0\n",
    "needs": "import a_thing_that_is_not_there\n",
    "plain": "x = 1\n",
}

FORKING = """
import json, os, sys
import peers.cli.bot
from peers.cli import main

for number, arguments in enumerate(json.load(sys.stdin)):
    child = os.fork()
    if not child:
        os.dup2(os.open(f"{number}.err", os.O_WRONLY | os.O_CREAT), 2)
        sys.exit(main(["bot", *arguments], prog_name="eitherway"))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Runs the command once for each list of arguments, each in a process of its own, with one start of Python for all."""


async def run_each(folder: Path, commands: list[tuple[str, ...]]) -> list[tuple[int, str]]:
    """Exit codes, and what was said on standard error, of `eitherway bot` with each of these arguments."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-c", FORKING),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=folder,
        env={**os.environ, "EITHERWAY_URL": "http://127.0.0.1:1"},
    )
    try:
        async with asyncio.timeout(60):
            out, _ = await process.communicate(json.dumps(commands).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    codes = [int(line) for line in out.split()]
    assert len(codes) == len(commands)
    return [(code, (folder / f"{number}.err").read_text()) for number, code in enumerate(codes)]


async def test_errors_are_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        room = ("--room", "r")
        cases: list[tuple[tuple[str, ...], int, str, bool]] = [
            (("mine:echo",), 2, "--room", False),
            (room, 2, "MODULE:BOT", False),
            (("mine:echo", "--room", ""), 2, "1 to 128 bytes", False),
            (("nowhere:bot", *room), 2, "there is no module 'nowhere'", False),
            (("mine.py:echo", *room), 2, "named by its module, mine:echo", False),
            (("./mine.py", *room), 2, "named by its module, mine:bot", False),
            ((":bot", *room), 2, "named as module:bot", False),
            (("mine", *room), 2, "mine:bot is not there: name one of mine:echo, mine:other", False),
            (("mine:nothing", *room), 2, "mine:nothing is a str, not a Bot", False),
            (("plain:bot", *room), 2, "it has no bot", False),
            (("mine:echo", "mine:echo", *room), 2, "name it once", False),
            (("needs:bot", *room), 2, "needs the module 'a_thing_that_is_not_there'", True),
            (("broken:bot", *room), 2, "broken cannot be imported: ZeroDivisionError", True),
            (("starts:bot", *room), 1, "its open_it raised OSError: no disk", True),
            (("mine:echo", *room, "--health", "9000"), 2, "looks like 127.0.0.1:9000", False),
            (("mine:echo", *room, "--health", address), 1, "already in use", False),
            (("mine:echo", "mine:other", *room, "--identity", "x.pem"), 2, "is for one bot", False),
            (("mine:echo", *room, "--url", "ftp://x"), 2, "looks like http://", False),
        ]
        results = await run_each(tmp_path, [arguments for arguments, *_ in cases])
    for (arguments, code, text, traceback), (exit_code, said) in zip(cases, results, strict=True):
        assert exit_code == code, (arguments, said)
        assert text in said, (arguments, said)
        assert ("Traceback" in said) == traceback, (arguments, said)
