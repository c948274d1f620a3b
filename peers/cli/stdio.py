"""Standard input and output without holding up the event loop, whatever they are: terminals, pipes or files."""

import asyncio
import os
import queue
import threading
from collections.abc import AsyncIterator, Callable

AHEAD = 4
"""Pieces that are read ahead of who takes them."""


async def read_chunks(fd: int, size: int) -> AsyncIterator[bytes]:
    """What comes from a file descriptor, in pieces of at most `size` bytes, until it ends."""
    async for piece in _read(lambda: os.read(fd, size)):
        yield piece


async def read_lines(fd: int) -> AsyncIterator[str]:
    """The lines that come from a file descriptor, without their ends. What is not UTF-8 is replaced."""
    rest = b""
    async for piece in read_chunks(fd, 65_536):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace").rstrip("\r")
    if rest:
        yield rest.decode(errors="replace")


async def _read(read: Callable[[], bytes]) -> AsyncIterator[bytes]:
    # A thread of its own, and a daemon: a read from a terminal can't be interrupted, and must not keep the program.
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[bytes | Exception] = asyncio.Queue()
    tickets: queue.Queue[bool] = queue.Queue()
    for _ in range(AHEAD):
        tickets.put(True)

    def work() -> None:
        while tickets.get():
            piece: bytes | Exception
            try:
                piece = read()
            except Exception as error:
                piece = error
            try:
                loop.call_soon_threadsafe(pieces.put_nowait, piece)
            except RuntimeError:  # the loop is closed
                return
            if not piece or isinstance(piece, Exception):
                return

    threading.Thread(target=work, name="eitherway-stdin", daemon=True).start()
    try:
        while piece := await pieces.get():
            if isinstance(piece, Exception):
                raise piece
            yield piece
            tickets.put(True)
    finally:
        tickets.put(False)


async def write(fd: int, data: bytes) -> None:
    """Write all of it. Raises BrokenPipeError when nobody reads any more."""
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, _write_all, fd, data)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
