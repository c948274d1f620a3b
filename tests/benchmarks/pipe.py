"""Whether `eitherway pipe` takes any number of bytes in the same memory."""

import asyncio
import os
import sys
import time
from functools import partial

import psutil

from tests.benchmarks.contest import Contest, Goal, Measure, Options, Samples
from tests.benchmarks.processes import our_server

MB = 1_000_000
SAMPLE_SECONDS = 0.1
SETTLED = 0.25
"""After this part of the bytes, memory is to grow no more."""


async def _pipe(size: int) -> Samples:
    async with our_server() as (url, server):
        room = f"pipe-{time.monotonic_ns()}"
        command = (sys.executable, "-m", "peers.cli", "pipe", room, "--url", url, "--p2p", "never")
        sink = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
        )
        source = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
        )
        assert sink.stdout is not None
        assert source.stdin is not None
        writing = asyncio.ensure_future(_write(source.stdin, size))
        processes = [psutil.Process(pid) for pid in (source.pid, sink.pid, server.pid)]
        early, late = [0, 0, 0], [0, 0, 0]
        read, start, sampled = 0, 0.0, 0.0
        while data := await sink.stdout.read(1024 * 1024):
            now = time.monotonic()
            start = start or now
            read += len(data)
            if now - sampled > SAMPLE_SECONDS and read < size:
                sampled = now
                peaks = early if read < SETTLED * size else late
                for place, process in enumerate(processes):
                    peaks[place] = max(peaks[place], process.memory_info().rss)
        seconds = time.monotonic() - start
        await writing
        codes = [await source.wait(), await sink.wait()]
        if any(codes) or read != size:
            raise RuntimeError(f"pipe ended with {codes}; {read} of {size} bytes came")
    grown = [max(0, after - before) / MB for before, after in zip(early, late, strict=True)]
    return {
        "rate": [size / MB / seconds],
        "source": [late[0] / MB],
        "sink": [late[1] / MB],
        "server": [late[2] / MB],
        "grown": [max(grown)],
    }


async def _write(pipe: asyncio.StreamWriter, size: int) -> None:
    block = os.urandom(MB)
    for _ in range(size // MB):
        pipe.write(block)
        await pipe.drain()
    pipe.close()


def contest(options: Options) -> Contest:
    """See the module."""
    return Contest(
        name="pipe",
        title=f"{options.size:,} MB through `eitherway pipe`",
        how=(
            "Random bytes from one process to another through the server. Peaks of resident memory after the first "
            "quarter of the bytes, and by how much the largest of the three is above its peak before."
        ),
        ours=partial(_pipe, options.size * MB),
        rivals={},
        measures=(
            Measure("rate", "speed", "MB/s", better="higher"),
            Measure("source", "memory of the sending pipe", "MB"),
            Measure("sink", "memory of the receiving pipe", "MB"),
            Measure("server", "memory of the server", "MB"),
            Measure("grown", "growth after the first quarter", "MB", goal=Goal("under 10", lambda o, _: o < 10)),
        ),
        rounds=1,
    )
