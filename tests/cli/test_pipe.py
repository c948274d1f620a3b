"""`eitherway pipe` between processes: any number of bytes, whole, whatever happens to the server."""

import asyncio
import hashlib
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from peers import Identity
from tests.programs import COMMAND, run
from tests.serving import ServerProcess
from tests.waiting import eventually

MB = 1_000_000


def fill(path: Path, size: int) -> str:
    """A file of random bytes; gives its SHA-256."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(0, size, MB):
            data = os.urandom(MB)
            digest.update(data)
            file.write(data)
    return digest.hexdigest()


def sha256(path: Path) -> str:
    """What a file hashes to."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.mark.parametrize("p2p", ["eager", "never"])
@pytest.mark.parametrize("restart", [False, True], ids=["", "server-restarted"])
@pytest.mark.timeout(300)
async def test_200_megabytes_arrive_whole(tmp_path: Path, p2p: str, restart: bool) -> None:
    digest = fill(tmp_path / "data", 200 * MB)
    async with ServerProcess() as server:
        there = run(tmp_path, "there", "pipe", "p", "--p2p", p2p, url=server.url)
        here = run(tmp_path, "here", "pipe", "p", "--p2p", p2p, stdin=tmp_path / "data", url=server.url)
        async with there as receiver, here as sender:
            if restart:
                async with asyncio.timeout(120):
                    while receiver.out.stat().st_size < 60 * MB:
                        await asyncio.sleep(0.02)
                await server.stop(signal.SIGKILL)
                await server.start()
            assert await sender.wait(200) == 0, sender.err.read_text()
            assert await receiver.wait(30) == 0, receiver.err.read_text()
        assert sha256(receiver.out) == digest
        assert sender.out.read_bytes() == b""
        assert (sender.err.read_text(), receiver.err.read_text()) == ("", "")


@pytest.mark.parametrize("p2p", ["eager", "never"])
async def test_both_directions_at_once(tmp_path: Path, p2p: str) -> None:
    digests = [fill(tmp_path / name, 10 * MB) for name in ("one", "two")]
    async with ServerProcess() as server:
        one = run(tmp_path, "1", "pipe", "p", "--p2p", p2p, stdin=tmp_path / "one", url=server.url)
        two = run(tmp_path, "2", "pipe", "p", "--p2p", p2p, stdin=tmp_path / "two", url=server.url)
        async with one as a, two as b:
            assert [await a.wait(100), await b.wait(100)] == [0, 0], a.err.read_text() + b.err.read_text()
    assert [sha256(b.out), sha256(a.out)] == digests


async def test_long_polling_only(tmp_path: Path) -> None:
    digest = fill(tmp_path / "data", 5 * MB)
    options = ("--p2p", "never", "--transport", "polling")
    async with ServerProcess() as server:
        there = run(tmp_path, "there", "pipe", "p", *options, url=server.url)
        here = run(tmp_path, "here", "pipe", "p", *options, stdin=tmp_path / "data", url=server.url)
        async with there as receiver, here as sender:
            assert await sender.wait(100) == 0, sender.err.read_text()
            assert await receiver.wait(30) == 0, receiver.err.read_text()
    assert sha256(receiver.out) == digest


async def test_a_third_is_refused_and_the_pair_goes_on(tmp_path: Path) -> None:
    async with ServerProcess() as server:
        one = run(tmp_path, "1", "pipe", "p", stdin=asyncio.subprocess.PIPE, url=server.url)
        two = run(tmp_path, "2", "pipe", "p", stdin=asyncio.subprocess.PIPE, url=server.url)
        async with one as a, two as b:
            assert a.process.stdin is not None
            assert b.process.stdin is not None
            a.process.stdin.write(b"hello")
            await b.says("hello")
            async with run(tmp_path, "3", "pipe", "p", url=server.url) as third:
                assert await third.wait() == 3
                assert third.err.read_text().count("\n") == 1
                assert "two pipes already" in third.err.read_text()
            a.process.stdin.write(b", world")
            await b.says("hello, world")
            a.process.stdin.close()
            b.process.stdin.close()
            assert [await a.wait(), await b.wait()] == [0, 0]


async def test_a_third_is_refused_though_it_hears_of_the_pair_bit_by_bit(tmp_path: Path) -> None:
    """As on a busy machine, where even a small roster takes several slices."""
    slowly = "import peers.presence\npeers.presence.SLICE = -1.0\nfrom peers.cli import main\nmain()"
    async with ServerProcess() as server:
        one = run(tmp_path, "1", "pipe", "p", stdin=asyncio.subprocess.PIPE, url=server.url)
        two = run(tmp_path, "2", "pipe", "p", stdin=asyncio.subprocess.PIPE, url=server.url)
        async with one as a, two as b:
            assert a.process.stdin is not None
            a.process.stdin.write(b"hello")
            await b.says("hello")
            third = await asyncio.create_subprocess_exec(
                sys.executable, "-c", slowly, "pipe", "p", "--url", server.url, stdin=-3, stdout=-3, stderr=-1
            )
            try:
                async with asyncio.timeout(20):
                    _, said = await third.communicate()
            finally:
                if third.returncode is None:
                    third.kill()
                    await third.wait()
            assert (third.returncode, b"two pipes already" in said) == (3, True)


@pytest.mark.parametrize("by_id", [False, True], ids=["any", "by-id"])
async def test_a_pipe_that_waits_says_so_once(tmp_path: Path, by_id: bool) -> None:
    identity = Identity.generate()
    identity.store(tmp_path / "id.pem")
    options = ("--peer", identity.id) if by_id else ()
    says = f"the peer {identity.id} is not in room 'p' yet: waiting for it"
    hastily = "import peers.cli.pipe\npeers.cli.pipe.PATIENCE = 0.1\nfrom peers.cli import main\nmain()"
    async with ServerProcess() as server:
        waiting = await asyncio.create_subprocess_exec(
            sys.executable, "-c", hastily, "pipe", "p", *options, "--url", server.url, stdin=-3, stdout=-1, stderr=-1
        )
        try:
            assert waiting.stderr is not None
            async with asyncio.timeout(20):
                said = (await waiting.stderr.readline()).decode()
            assert said == f"eitherway: {says if by_id else 'waiting for another `eitherway pipe p`'}\n"
            (tmp_path / "data").write_bytes(b"hello")
            other = ("--identity", str(tmp_path / "id.pem"))
            async with run(tmp_path, "other", "pipe", "p", *other, stdin=tmp_path / "data", url=server.url) as there:
                assert await there.wait() == 0
                assert there.err.read_text() == ""
            async with asyncio.timeout(20):
                assert await waiting.communicate() == (b"hello", b"")
        finally:
            if waiting.returncode is None:
                waiting.kill()
                await waiting.wait()
        assert waiting.returncode == 0


async def test_a_peer_by_its_id(tmp_path: Path) -> None:
    async with ServerProcess() as server:
        first = run(
            tmp_path,
            "1",
            "pipe",
            "p",
            "--identity",
            str(tmp_path / "id.pem"),
            stdin=asyncio.subprocess.PIPE,
            url=server.url,
        )
        async with first as a:
            from peers import Client

            async with Client(server.url) as client, client.join("p") as room:
                peer = await room.wait_for_peer(timeout=10)
                id = peer.id
            async with run(
                tmp_path, "2", "pipe", "p", "--peer", id, stdin=asyncio.subprocess.PIPE, url=server.url
            ) as b:
                assert a.process.stdin is not None
                assert b.process.stdin is not None
                b.process.stdin.write(b"x")
                b.process.stdin.close()
                await a.says("x")
                a.process.stdin.close()
                assert [await a.wait(), await b.wait()] == [0, 0]


async def test_a_killed_partner_is_no_success(tmp_path: Path) -> None:
    fill(tmp_path / "data", 50 * MB)
    async with ServerProcess("--grace", "1") as server:
        there = run(tmp_path, "there", "pipe", "p", stdin=asyncio.subprocess.PIPE, url=server.url)
        here = run(tmp_path, "here", "pipe", "p", stdin=tmp_path / "data", url=server.url)
        async with there as receiver, here as sender:
            async with asyncio.timeout(30):
                while receiver.out.stat().st_size == 0:
                    await asyncio.sleep(0.01)
            receiver.stop(signal.SIGKILL)
            assert await sender.wait() == 1
            assert sender.err.read_text().count("\n") == 1


async def test_nobody_reads_the_output(tmp_path: Path) -> None:
    fill(tmp_path / "data", 5 * MB)
    async with ServerProcess() as server:
        async with run(tmp_path, "here", "pipe", "p", stdin=tmp_path / "data", url=server.url) as sender:
            process = await asyncio.create_subprocess_exec(
                *COMMAND, "pipe", "p", "--url", server.url, stdin=-3, stdout=-1, stderr=-1
            )
            assert process.stdout is not None
            assert process.stderr is not None
            await process.stdout.read(10)
            process.stdout._transport.close()  # type: ignore[attr-defined]
            assert (await process.stderr.read()).count(b"\n") == 1
            assert await process.wait() == 1
            process._transport.close()  # type: ignore[attr-defined]
            assert await sender.wait() == 1


@pytest.mark.timeout(200)
async def test_a_long_pipe_takes_constant_memory(tmp_path: Path) -> None:
    fill(tmp_path / "data", 150 * MB)
    async with ServerProcess() as server:
        there = run(tmp_path, "there", "pipe", "p", "--p2p", "never", url=server.url)
        here = run(tmp_path, "here", "pipe", "p", "--p2p", "never", stdin=tmp_path / "data", url=server.url)
        async with there as receiver, here as sender:
            assert server.process is not None
            processes = [psutil.Process(p.pid) for p in (sender.process, receiver.process, server.process)]
            first, most = 0, 0
            waiting = asyncio.ensure_future(sender.process.wait())
            while not waiting.done():
                try:
                    size = sum(p.memory_info().rss for p in processes)
                except psutil.Error:
                    break
                if receiver.out.stat().st_size > 40 * MB:
                    first, most = first or size, max(most, size)
                await asyncio.wait([waiting], timeout=0.1)
            assert await sender.wait(100) == 0
            assert await receiver.wait(30) == 0
        assert first
        assert most - first < 20 * MB


async def shell(command: str, url: str) -> tuple[int, str]:
    """Run a line of shell; its exit code and standard error."""
    process = await asyncio.create_subprocess_shell(
        command,
        env={**os.environ, "EITHERWAY": f"{sys.executable} -W error -m peers.cli", "EITHERWAY_URL": url},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        _, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, err.decode()


async def test_standard_output_that_is_closed_is_no_one_else_s(tmp_path: Path) -> None:
    fill(tmp_path / "data", MB)
    async with ServerProcess() as server:
        async with run(tmp_path, "here", "pipe", "p", stdin=tmp_path / "data", url=server.url) as sender:
            code, err = await shell("$EITHERWAY pipe p >&-", server.url)
            assert code == 1
            assert err.count("\n") == 1
            assert "standard input or output" in err
            assert await sender.wait() == 1


async def test_standard_input_that_is_closed_is_empty(tmp_path: Path) -> None:
    async with ServerProcess() as server:
        async with run(tmp_path, "here", "pipe", "p", url=server.url) as other:
            assert await shell("$EITHERWAY pipe p <&-", server.url) == (0, "")
            assert await other.wait() == 0


async def test_sigterm_ends_it_though_nobody_reads_its_output(tmp_path: Path) -> None:
    fill(tmp_path / "data", 5 * MB)
    async with ServerProcess() as server:
        async with run(tmp_path, "here", "pipe", "p", stdin=tmp_path / "data", url=server.url):
            process = await asyncio.create_subprocess_exec(
                *COMMAND, "pipe", "p", "--url", server.url, stdin=-3, stdout=-1, stderr=-3, limit=1000
            )
            assert process.stdout is not None
            await process.stdout.read(10)  # and then no more
            process.send_signal(signal.SIGTERM)
            await eventually(lambda: process.returncode is not None)  # `wait` would wait for the unread output too
            assert process.returncode == 128 + signal.SIGTERM
            process._transport.close()  # type: ignore[attr-defined]
