"""A process with bots: signals, health address, watchdog, and an end that nothing can hold up."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any, Final

from peers.bot.bot import STOP_SECONDS, Bot
from peers.bot.health import serving_health
from peers.bot.watchdog import end_leaked, stack_of, watching

log = logging.getLogger("eitherway.bot")

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
LEAVING: Final = 10.0
"""Seconds to leave every room and disconnect, beside those for handlers."""
LOOKS: Final = 0.25
"""Seconds between looks whether the process should have ended."""
THREADS: Final = 1.0
"""Seconds for threads that handlers have started to end."""


async def serve(
    bots: Sequence[Bot],
    url: str,
    rooms: Sequence[str],
    *,
    health: tuple[str, int] | None = None,
    stop_timeout: float = STOP_SECONDS,
    **options: Any,
) -> None:
    """Run bots until SIGINT or SIGTERM; when one of them ends, all do. This is the whole program: it may end it.

    `health` is the host and port of the health address; the other options are those of `Bot.run`. Raises what `run`
    raises; CannotListen.
    """
    loop = asyncio.get_running_loop()
    executor = ThreadPoolExecutor(thread_name_prefix="eitherway-bot")
    loop.set_default_executor(executor)
    deadline, before = _Deadline(2 * stop_timeout + LEAVING), asyncio.all_tasks()
    try:
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(watching())
            if health is not None:
                where = await stack.enter_async_context(serving_health(bots, *health))
                log.info("health is told at %s", where)
            stack.enter_context(_signals(loop, deadline, bots))
            await _run(bots, url, rooms, deadline, stop_timeout=stop_timeout, **options)
    finally:
        deadline.start()
        ended = await end_leaked(before)
        if not await _threads_end(executor) or not ended:
            if (error := sys.exception()) is not None:
                log.error("%s", error)
            leave(0 if error is None else 1)
        deadline.over()


async def _run(bots: Sequence[Bot], url: str, rooms: Sequence[str], deadline: "_Deadline", **options: Any) -> None:
    running = [asyncio.create_task(bot.run(url, rooms, **options)) for bot in bots]
    try:
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        deadline.start()
        for bot in bots:
            bot.stop()
        await asyncio.wait(running)
    except asyncio.CancelledError:
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        raise
    errors = [error for task in running if not task.cancelled() and (error := task.exception()) is not None]
    for other in errors[1:]:
        log.error("and: %s", other)
    if errors:
        raise errors[0]


@contextlib.contextmanager
def _signals(loop: asyncio.AbstractEventLoop, deadline: "_Deadline", bots: Sequence[Bot]) -> Iterator[None]:
    """Stop the bots when the process is told to end.

    By handlers of Python, not of the event loop: that may stand still in a handler that blocks it, and the deadline
    has to run all the same.
    """

    def stop() -> None:
        for bot in bots:
            bot.stop()

    def told(number: int, _: FrameType | None) -> None:
        deadline.start()
        loop.call_soon_threadsafe(stop)

    for number in SIGNALS:
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.remove_signal_handler(number)
    before = {number: signal.signal(number, told) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Deadline:
    """Ends the process when it has not ended by itself so many seconds after it began to.

    A thread that looks: where a signal finds the main thread, no lock can be taken.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun: float | None = None
        self._over = threading.Event()
        threading.Thread(
            target=self._watch, args=(threading.get_ident(),), name="eitherway-deadline", daemon=True
        ).start()

    def start(self) -> None:
        """It begins to end now."""
        if self._begun is None:
            self._begun = time.monotonic()

    def over(self) -> None:
        """It has ended by itself."""
        self._over.set()

    def _watch(self, thread: int) -> None:
        while not self._over.wait(LOOKS):
            if self._begun is not None and time.monotonic() - self._begun > self._seconds:
                where = stack_of(sys._current_frames().get(thread))
                log.critical("not ended after %g s: ended as it is. It is here:\n%s", self._seconds, where)
                leave(1)


def leave(code: int) -> None:
    """End the process now, without waiting for what does not end."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


async def _threads_end(executor: ThreadPoolExecutor) -> bool:
    """Whether the threads of `asyncio.to_thread` end. Who is left is named."""
    executor.shutdown(wait=False, cancel_futures=True)
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def wait() -> None:
        executor.shutdown()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait, name="eitherway-threads", daemon=True).start()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(THREADS):
            await ended.wait()
            return True
    frames = sys._current_frames()
    for thread in threading.enumerate():
        if thread.name.startswith("eitherway-bot") and thread.ident is not None:
            log.error(
                "a thread of a handler does not end, it is not waited for:\n%s", stack_of(frames.get(thread.ident))
            )
    return False
