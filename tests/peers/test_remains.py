"""What remains of clients, paths and peers that stopped: nothing, and nobody else waits for them."""

import asyncio
import gc
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from peers import Client
from tests.serving import ServerProcess
from tests.waiting import eventually


@pytest.mark.timeout(180)
@pytest.mark.slow
async def test_200_connects_in_a_row_leave_nothing(url: str) -> None:
    process = psutil.Process()
    async with Client(url) as keeper:
        await keeper.join("r", p2p="never")

        async def visit() -> None:
            async with Client(url) as client, client.join("r", p2p="never") as room:
                await room.send("hello")

        for _ in range(20):
            await visit()
        gc.collect()
        before = (len(asyncio.all_tasks()), process.num_fds(), process.memory_info().rss)
        for _ in range(200):
            await visit()
        gc.collect()
        await eventually(lambda: len(asyncio.all_tasks()) <= before[0] and process.num_fds() <= before[1])
        grown = process.memory_info().rss - before[2]
        assert grown < 10_000_000, f"{grown} bytes more after 200 connects"


async def test_a_direct_path_leaves_nothing(url: str) -> None:
    process = psutil.Process()

    async def visit() -> None:
        async with Client(url) as one, Client(url) as two:
            a = await one.join("r", p2p="eager")
            await two.join("r", p2p="eager")
            peer = await a.wait_for_peer(timeout=10)
            await eventually(lambda: peer.path == "direct")

    await visit()
    before = (len(asyncio.all_tasks()), process.num_fds())
    for _ in range(5):
        await visit()
    await eventually(lambda: len(asyncio.all_tasks()) <= before[0] and process.num_fds() <= before[1])


@pytest.mark.timeout(150)
@pytest.mark.slow
async def test_a_stopped_peer_makes_its_senders_wait_and_nobody_else(tmp_path: Path) -> None:
    """SIGSTOP for a while: the server's memory does not grow, others go on, and everything arrives after SIGCONT."""
    program = tmp_path / "listener.py"
    program.write_text(
        "import asyncio, sys\n"
        "from peers import Client\n"
        "async def main():\n"
        "    async with Client(sys.argv[1]) as client:\n"
        "        room = await client.join('r', p2p='never', profile={'name': 'slow'})\n"
        "        async for message in room:\n"
        "            print(message.data['n'], flush=True)\n"
        "asyncio.run(main())\n"
    )
    async with ServerProcess() as server, Client(server.url) as one, Client(server.url) as two:
        with (tmp_path / "got").open("wb") as out:
            listener = await asyncio.create_subprocess_exec(sys.executable, str(program), server.url, stdout=out)
        try:
            a, b = await one.join("r", p2p="never"), await two.join("r", p2p="never")
            await eventually(lambda: len(a.peers) == 2 and len(b.peers) == 2)
            slow = next(p for p in a.peers.values() if p.name == "slow")
            other = a.peers[b.id]
            b.on("message", lambda m: None)
            assert server.process is not None
            memory = psutil.Process(server.process.pid)

            async def fill() -> None:
                for n in range(400):
                    await slow.send({"n": n, "fill": os.urandom(50_000)})

            await slow.ping(timeout=10)
            os.kill(listener.pid, signal.SIGSTOP)
            before = memory.memory_info().rss
            filling = asyncio.ensure_future(fill())
            most = 0.0
            loop = asyncio.get_running_loop()
            until = loop.time() + 20  # longer than the server takes to notice: it is away, and comes back
            while loop.time() < until:
                await other.send("x")
                start = loop.time()
                await other.flush()
                most = max(most, loop.time() - start)
            assert most < 2
            assert not filling.done()
            assert memory.memory_info().rss - before < 20_000_000
            os.kill(listener.pid, signal.SIGCONT)
            async with asyncio.timeout(60):
                await filling
                await slow.flush()
            assert (tmp_path / "got").read_text().split() == [str(n) for n in range(400)]
        finally:
            listener.kill()
            await listener.wait()
