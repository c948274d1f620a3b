"""Standard input and output without holding up the event loop, whatever they are: terminals, pipes or files."""

import asyncio
import contextlib
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
    """Write all of it. Raises OSError: BrokenPipeError when nobody reads any more, EBADF if there is nowhere to write.

    By a daemon thread too: a reader that stands still must not keep the program from ending when it is told to.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def told(error: OSError | None) -> None:
        if not done.done():
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

    def work() -> None:
        failure: OSError | None = None
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
        except OSError as error:
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(told, failure)

    threading.Thread(target=work, name="eitherway-stdout", daemon=True).start()
    await done


def keep_standard_descriptors() -> None:
    """Give 0, 1 and 2 to nobody else: what is closed there is taken by the null device.

    Else a socket of ours could get the number of a standard output that was closed, and be written to. It is opened
    for reading, so that writing fails as it should.
    """
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            null = os.open(os.devnull, os.O_RDONLY if fd < 2 else os.O_WRONLY)
            if null != fd:
                os.dup2(null, fd)
                os.close(null)


def printable(text: object) -> str:
    """What others wrote, made harmless for a terminal: control characters and lone surrogates are replaced."""
    return "".join(c if c.isprintable() else "\ufffd" for c in str(text))
