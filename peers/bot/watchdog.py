"""Says when a handler blocks the whole process, and which tasks handlers leave behind.

A handler that computes or waits without `await` stops everything, this process's own timeouts too: only a thread beside
the event loop can tell.
"""

import asyncio
import logging
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

log = logging.getLogger("eitherway.bot")

BLOCKED: Final = 2.0
"""Seconds that the event loop may stand still before that is told."""
CHECKED: Final = 0.5
"""Seconds between looks."""
TASKS_CHECKED: Final = 5.0
"""Seconds between looks at the tasks that there are."""
MANY: Final = 100
"""Tasks of one coroutine function that are told; and again whenever there are twice as many."""
GRACE: Final = 1.0
"""Seconds for tasks that are about to end when everything else has."""
DEPTH: Final = 6
"""Lines of a stack that are told."""


BENEATH: Final = ("aiohttp", "aioice", "aiortc", "engineio", "socketio")
"""Packages whose tasks are nobody's leak."""


@contextmanager
def watching() -> Iterator[None]:
    """Watch this thread's event loop from another thread, and its tasks from a task."""
    loop, over = asyncio.get_running_loop(), threading.Event()
    thread = threading.Thread(
        target=_watch, args=(loop, threading.get_ident(), over), name="eitherway-watchdog", daemon=True
    )
    thread.start()
    looking = loop.create_task(_look(), name="eitherway-watchdog")
    try:
        yield
    finally:
        looking.cancel()
        over.set()


def _watch(loop: asyncio.AbstractEventLoop, thread: int, over: threading.Event) -> None:
    while not over.wait(CHECKED):
        beat = threading.Event()
        try:
            loop.call_soon_threadsafe(beat.set)
            if beat.wait(BLOCKED) or over.is_set():
                continue
            log.error(
                "nothing is handled any more: the event loop has stood still for %g s. What computes or waits without "
                "`await` goes into asyncio.to_thread(...). It is here:\n%s",
                BLOCKED,
                stack_of(sys._current_frames().get(thread)),
            )
            while not beat.wait(CHECKED) and not over.is_set():
                pass
        except RuntimeError:  # the loop is closed
            return
        if beat.is_set():
            log.warning("the event loop goes on")


def stack_of(frame: FrameType | None) -> str:
    """The innermost lines of a thread's stack."""
    return "".join(traceback.format_stack(frame)[-DEPTH:]).rstrip() if frame is not None else "(unknown)"


async def _look() -> None:
    told: dict[str, int] = {}
    while True:
        await asyncio.sleep(TASKS_CHECKED)
        for place, count in Counter(map(place_of, strangers(asyncio.all_tasks()))).items():
            if count >= max(MANY, 2 * told.get(place, 0)):
                told[place] = count
                log.warning("%d tasks run in %s: do handlers leave them behind?", count, place)


def strangers(tasks: Iterable["asyncio.Task[Any]"]) -> list["asyncio.Task[Any]"]:
    """The tasks among them that are neither this library's own nor of what it stands on."""
    return [task for task in tasks if not _ours(task)]


def _ours(task: "asyncio.Task[Any]") -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and not {"peers", *BENEATH}.isdisjoint(Path(code.co_filename).parts)


def place_of(task: "asyncio.Task[Any]") -> str:
    """The coroutine function that a task runs, and where it was written."""
    coroutine: Any = task.get_coro()
    code = getattr(coroutine, "cr_code", None)
    where = f" ({code.co_filename}:{code.co_firstlineno})" if code is not None else ""
    return f"{getattr(coroutine, '__qualname__', repr(coroutine))}{where}"


async def end_leaked(before: "set[asyncio.Task[Any]]") -> bool:
    """When all that was begun since there were only the tasks `before` has ended: name what is left, and cancel it.

    False if one of them does not end even so.
    """
    left = asyncio.all_tasks() - before
    if left:
        _, left = await asyncio.wait(left, timeout=GRACE)
    for place, count in Counter(map(place_of, left)).items():  # there may be a great many
        log.error(
            "tasks were left behind and are cancelled (%d): %s; keep such tasks and end them at 'cleanup'", count, place
        )
    for task in left:
        task.cancel()
    if left:
        _, left = await asyncio.wait(left, timeout=GRACE)
    for place, count in Counter(map(place_of, left)).items():
        log.error("tasks do not end although they were cancelled (%d): %s", count, place)
    return not left
