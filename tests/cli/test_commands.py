"""The commands as a user types them: what they print, and how they end."""

import asyncio
import signal
from pathlib import Path

from peers import Client
from peers.cli.stdio import printable
from tests.programs import COMMAND, run
from tests.serving import ServerProcess
from tests.waiting import free_port


async def test_chat_between_two_processes(tmp_path: Path) -> None:
    async with ServerProcess() as server:
        one = run(tmp_path, "1", "chat", "lobby", "--name", "Ada", stdin=asyncio.subprocess.PIPE, url=server.url)
        two = run(tmp_path, "2", "chat", "lobby", "--name", "Grace", stdin=asyncio.subprocess.PIPE, url=server.url)
        async with one as a:
            await a.says("nobody else yet")
            async with two as b:
                await b.says("here: Ada")
                await a.says("* Grace joined")
                assert a.process.stdin is not None
                assert b.process.stdin is not None
                a.process.stdin.write("grüß dich\n".encode())
                await b.says("Ada: grüß dich")
                await a.says("* Grace is now reached directly")
                b.process.stdin.write(b"hello\nbye\n")
                b.process.stdin.close()
                await a.says("Grace: hello\nGrace: bye\n")
                assert await b.wait() == 0
                await a.says("* Grace left (left)")
            a.stop(signal.SIGTERM)
            assert await a.wait() == 128 + signal.SIGTERM
            assert a.err.read_text() == ""


async def test_ping_tells_round_trips_and_the_path(tmp_path: Path) -> None:
    async with ServerProcess() as server:
        async with run(tmp_path, "a", "chat", "lobby", "--name", "Ada", stdin=asyncio.subprocess.PIPE, url=server.url):
            async with run(tmp_path, "p", "ping", "lobby", "-c", "30", "-i", "0.1", url=server.url) as ping:
                output = await ping.says(" ms directly")
                assert "Ada" in output
                assert await ping.wait() == 0
                assert "30 answered" in ping.out.read_text()
        async with run(tmp_path, "e", "ping", "empty", "--wait", "0.1", url=server.url) as ping:
            assert await ping.wait() == 1
            assert "nobody else is in room" in ping.err.read_text()


async def test_errors_are_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    cases = [
        (("chat", "r"), nowhere, 1, "eitherway serve"),
        (("chat", "r", "--url", "ftp://x"), nowhere, 2, "looks like http://"),
        (("chat", ""), nowhere, 2, "1 to 128 bytes"),
        (("pipe", "r", "--identity", str(tmp_path)), nowhere, 2, "is a directory"),
        (("pipe", "r", "--p2p", "perhaps"), nowhere, 2, "perhaps"),
        (("juggle",), nowhere, 2, "juggle"),
    ]
    for arguments, url, code, text in cases:
        async with run(tmp_path, "x", *arguments, url=url) as program:
            assert await program.wait() == code, program.err.read_text()
            said = program.err.read_text()
            assert text in said
            assert "Traceback" not in said


async def test_a_taken_port_is_told(tmp_path: Path) -> None:
    async with ServerProcess() as server:
        async with run(tmp_path, "s", "serve", "--port", str(server.port), "--stun-port", "0") as second:
            assert await second.wait() == 1
            assert "already in use" in second.err.read_text()


async def test_serve_ends_with_0_on_sigterm_and_tells_its_clients(tmp_path: Path) -> None:
    async with (
        ServerProcess() as server,
        run(tmp_path, "a", "chat", "lobby", "--name", "Ada", stdin=asyncio.subprocess.PIPE, url=server.url) as a,
    ):
        await a.says("nobody else yet")
        process = server.process
        assert process is not None
        await server.stop(signal.SIGTERM)
        assert process.returncode == 0
        await a.says("* the server is gone")
        await server.start()
        await a.says("* the server is back")


async def test_chat_ends_when_nobody_reads_it(tmp_path: Path) -> None:
    async with ServerProcess() as server:
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "chat", "lobby", "--url", server.url, stdin=-1, stdout=-1, stderr=-1
        )
        assert process.stdout is not None
        assert process.stderr is not None
        assert b"nobody else yet" in await process.stdout.readline()
        process.stdout._transport.close()  # type: ignore[attr-defined]
        async with run(tmp_path, "b", "chat", "lobby", "--name", "Grace", url=server.url):
            async with asyncio.timeout(20):
                assert b"standard output" in await process.stderr.read()
                assert await process.wait() == 1
        process._transport.close()  # type: ignore[attr-defined]


async def test_what_others_write_is_harmless_for_a_terminal(tmp_path: Path) -> None:
    async with ServerProcess() as server:
        async with run(tmp_path, "a", "chat", "lobby", stdin=asyncio.subprocess.PIPE, url=server.url) as chat:
            await chat.says("nobody else yet")
            async with Client(server.url) as client:
                room = await client.join("lobby", profile={"name": "\x1b[2JEve"})
                await (await room.wait_for_peer(timeout=10)).send("\x1b]0;owned\x07hi")
                output = await chat.says("hi")
            assert "\x1b" not in output
            assert "\ufffd[2JEve" in output


def test_printable() -> None:
    assert printable("grüß 你好 \U0001f600") == "grüß 你好 \U0001f600"
    assert printable("a\x1b[0m\n\ud800") == "a\ufffd[0m\ufffd\ufffd"


async def test_leaving_is_not_told_as_a_lost_server(tmp_path: Path) -> None:
    async with ServerProcess() as server:
        async with run(tmp_path, "a", "chat", "lobby", url=server.url) as chat:
            assert await chat.wait() == 0
            assert "gone" not in chat.out.read_text()
