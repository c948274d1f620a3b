"""Runs a bot's handlers: so many at a time, each for so long, and says what becomes of them."""

import asyncio
import inspect
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from traceback import walk_tb
from typing import Any, Final

from peers.complaints import Complaints
from peers.emitter import Handler

log = logging.getLogger("eitherway.bot")

STUBBORN: Final = 1.0
"""Seconds that a cancelled handler has to end before the bot goes on without it."""


class Handling:
    """Runs handlers for the bot `name`: at most `most` at a time, each for at most `timeout` seconds.

    One that raises is logged. One that takes too long is cancelled, and that is logged; if it does not end even then,
    it keeps its place among the `most` until it does, and who waited for it goes on.
    """

    def __init__(self, name: str, timeout: float, most: int) -> None:
        self._name, self._timeout, self._most = name, timeout, most
        self.complaints = Complaints(log, f"bot {name!r}: ")
        """Where it says what goes wrong."""
        self._places = asyncio.Semaphore(most)
        self._running: dict[asyncio.Task[None], str] = {}
        self._stuck: set[asyncio.Task[None]] = set()
        self._finishing = False
        self.done = 0
        """Handlers that ended well."""
        self.raised = 0
        """Handlers that raised."""
        self.late = 0
        """Handlers that took too long."""

    @property
    def running(self) -> int:
        """Handlers that run now."""
        return len(self._running)

    @property
    def stuck(self) -> int:
        """Handlers among them that were cancelled and do not end."""
        return len(self._stuck)

    @property
    def exhausted(self) -> bool:
        """Whether handlers that do not end have taken every place."""
        return len(self._stuck) >= self._most

    async def call(self, handler: Handler, args: tuple[Any, ...], about: str) -> bool:
        """Run a handler. False if it did not run or was stopped because the bot stops; else what it came to is logged.

        `about` says in the log what it was called for.
        """
        if self._finishing:
            return False
        await self._places.acquire()
        if self._finishing:
            self._places.release()
            return False
        return await self._run(handler, args, about, self._timeout, self._places.release)

    async def call_last(self, handler: Handler, args: tuple[Any, ...], about: str, timeout: float) -> None:
        """Run a handler of the bot's end, when the others have finished. It needs no place."""
        await self._run(handler, args, about, timeout, lambda: None)

    async def finish(self, timeout: float) -> None:
        """Run no more handlers but the last ones, and let those that run end within `timeout` seconds.

        The others are cancelled, and named in the log.
        """
        self._finishing = True
        running = set(self._running) - self._stuck
        if not running:
            return
        if timeout > 0:
            log.info("bot %r stops: %d handlers finish first", self._name, len(running))
            await asyncio.wait(running, timeout=timeout)
        for task in running:
            if not task.done():
                log.error("bot %r stops: %s was not done within %g s", self._name, self._running[task], timeout)
                task.cancel()
        if late := {task for task in running if not task.done()}:
            await asyncio.wait(late, timeout=STUBBORN)

    # ---- inside

    async def _run(
        self, handler: Handler, args: tuple[Any, ...], about: str, timeout: float, ended: Callable[[], None]
    ) -> bool:
        name = getattr(handler, "__qualname__", repr(handler))
        what = f"the handler {name} ({about})"
        complain = partial(self._complain, name, what)
        task = asyncio.get_running_loop().create_task(_invoke(handler, args), name=f"bot {self._name!r}: {what}")
        self._running[task] = what
        task.add_done_callback(partial(self._ended, ended))
        try:
            await asyncio.wait({task}, timeout=timeout)
            if not task.done():
                return await self._give_up(task, complain, timeout)
        except asyncio.CancelledError:
            if not task.done():
                complain("is cut off: the room is over", level=logging.WARNING)
                task.cancel()
            raise
        if task.cancelled():
            if task.cancelling():
                return False
            self.raised += 1
            complain("was cancelled by something that it waited for")
        elif (error := task.exception()) is not None:
            self.raised += 1
            complain(f"raised {type(error).__name__} ({_place_of(error)})", error=error)
        else:
            self.done += 1
        return True

    async def _give_up(self, task: asyncio.Task[None], complain: Callable[..., None], timeout: float) -> bool:
        self.late += 1
        complain(f"has not ended in {timeout:g} s: it is cancelled")
        task.cancel()
        await asyncio.wait({task}, timeout=STUBBORN)
        if not task.done():
            self._stuck.add(task)
            lost = f"; the bot goes on, {len(self._stuck)} of its {self._most} places are lost"
            complain("does not end although it was cancelled", lost)
        return True

    def _complain(
        self,
        name: str,
        what: str,
        happened: str,
        more: str = "",
        *,
        level: int = logging.ERROR,
        error: BaseException | None = None,
    ) -> None:
        """Of a handler's calls to which the same happened, the first few are told."""
        kind = f"{name} {happened}"
        self.complaints.say(kind, level, "bot %r: %s %s%s", self._name, what, happened, more, error=error)

    def _ended(self, ended: Callable[[], None], task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._stuck.discard(task)
        ended()
        if not task.cancelled():
            task.exception()  # told by who waited for it, if anybody still does


async def _invoke(handler: Handler, args: tuple[Any, ...]) -> None:
    result = handler(*args)
    if inspect.isawaitable(result):
        await result


def _place_of(error: BaseException) -> str:
    """Where it was raised: what is raised elsewhere is another mistake."""
    place = "nowhere"
    for frame, line in walk_tb(error.__traceback__):
        place = f"{Path(frame.f_code.co_filename).name}:{line}"
    return place
