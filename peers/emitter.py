"""Events of clients, rooms, peers and channels: pyee keeps the listeners, the dispatch is ours.

Handlers of one emitter run one after another, in the order of the events; pyee's own asyncio emitter starts a task
for each handler, and so swaps events. A handler that raises is reported and stops nothing.
"""

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from pyee.base import EventEmitter

log = logging.getLogger("eitherway")

Handler = Callable[..., Any]
H = TypeVar("H", bound=Handler)
Report = Callable[[BaseException], None]

MAX_WAITING = 1_024
"""Events that wait for a slow handler or reader; beyond that the oldest is dropped, and the loss is logged."""


HANDLING: ContextVar["asyncio.Task[None] | None"] = ContextVar("HANDLING", default=None)
"""The task that runs handlers, within a handler and the tasks it starts: an end that a handler asks for can't wait for
that handler."""


class Listeners:
    """Who listens to which event: functions or coroutine functions, called in the order of registration."""

    def __init__(self, *names: str) -> None:
        self._names = frozenset(names)
        self._registry = EventEmitter()
        self._once: set[tuple[str, Handler]] = set()

    def check(self, event: str) -> None:
        """Raise ValueError if there is no such event: a typo in a name must not wait for ever in silence."""
        if event not in self._names:
            raise ValueError(f"there is no event {event!r} here; there is {', '.join(sorted(self._names))}")

    def add(self, event: str, handler: Handler, *, once: bool = False) -> None:
        """Register a handler; `once`: for the next event only."""
        self.check(event)
        if not callable(handler):
            raise TypeError(f"a handler of {event!r} must be callable, not {type(handler).__name__}")
        self._registry.add_listener(event, handler)
        if once:
            self._once.add((event, handler))

    def remove(self, event: str, handler: Handler) -> None:
        """Forget a handler; nothing happens if it is not registered."""
        self.check(event)
        if handler in self._registry.listeners(event):
            self._registry.remove_listener(event, handler)
        self._once.discard((event, handler))

    def take(self, event: str) -> list[Handler]:
        """The handlers to call for one event that happens now; those for once are forgotten."""
        handlers = self._registry.listeners(event)
        if self._once:
            for handler in handlers:
                if (event, handler) in self._once:
                    self.remove(event, handler)
        return handlers

    def any(self, event: str) -> bool:
        """Whether somebody listens."""
        return bool(self._registry.listeners(event))


class Emitter:
    """An object with events. Subclasses name them, and type their `on` by those names."""

    def __init__(self, *names: str, report: Report | None = None) -> None:
        self._listeners = Listeners(*names)
        self._reporter = report
        self._waiting: deque[tuple[Handler, tuple[Any, ...]]] = deque()
        self._runner: asyncio.Task[None] | None = None
        self._readers: dict[str, list[asyncio.Queue[Any]]] = {}
        self._ended = False

    def once(self, event: str, handler: Handler | None = None) -> Any:
        """Call `handler` at the next such event only; without it, a decorator. Raises ValueError for unknown events."""
        return self._register(event, handler, once=True)

    def off(self, event: str, handler: Handler) -> None:
        """No longer call `handler` at such events."""
        self._listeners.remove(event, handler)

    async def events(self, event: str) -> AsyncIterator[Any]:
        """The events of one name as they happen, to be read with `async for`.

        At most 1,024 wait for a slow reader; then the oldest is dropped. It ends when whoever has the event closes.
        """
        self._listeners.check(event)
        if self._ended:
            return
        queue: asyncio.Queue[Any] = asyncio.Queue()
        self._readers.setdefault(event, []).append(queue)
        try:
            while (item := await queue.get()) is not _END:
                yield item[0] if len(item) == 1 else item
        finally:
            self._readers[event].remove(queue)

    def _register(self, event: str, handler: Handler | None, *, once: bool = False) -> Any:
        if handler is not None:
            self._listeners.add(event, handler, once=once)
            return handler

        def decorate(handler: H) -> H:
            self._listeners.add(event, handler, once=once)
            return handler

        return decorate

    def _emit(self, event: str, *args: Any) -> None:
        """Tell everyone who listens, in turn, beginning with the next turn of the event loop."""
        for queue in self._readers.get(event, ()):
            if queue.qsize() >= MAX_WAITING:
                queue.get_nowait()
                log.warning("a reader of %r is slow: the oldest event was dropped", event)
            queue.put_nowait(args)
        for handler in self._listeners.take(event):
            if len(self._waiting) >= MAX_WAITING:
                self._waiting.popleft()
                log.warning("a handler of %r is slow: the oldest event was dropped", event)
            self._waiting.append((handler, args))
        if self._waiting and self._runner is None:
            self._runner = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        HANDLING.set(asyncio.current_task())
        try:
            while self._waiting:
                handler, args = self._waiting.popleft()
                await call(handler, args, self._reporter)
        finally:
            self._runner = None

    async def _end_events(self, timeout: float | None = 1.0) -> None:
        """Let the handlers of events that have happened finish, for `timeout` seconds, and end all readers."""
        self._ended = True
        for queues in self._readers.values():
            for queue in queues:
                queue.put_nowait(_END)
        runner = self._runner
        if runner is None or runner is HANDLING.get():
            return
        _, running = await asyncio.wait([runner], timeout=timeout)
        if running:
            runner.cancel()
            await asyncio.wait([runner])


_END: Any = object()


async def call(handler: Handler, args: tuple[Any, ...], report: Report | None) -> None:
    """Call a handler and wait for it; what it raises is logged and reported, and goes no further."""
    try:
        result = handler(*args)
        if inspect.isawaitable(result):
            await result
    except Exception as error:
        report_error(handler, error, report)
    except asyncio.CancelledError as error:
        if being_cancelled():
            raise
        report_error(handler, error, report)


def being_cancelled() -> bool:
    """Whether a CancelledError is meant for this task; else something that a handler waited for was cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def report_error(handler: Handler, error: BaseException, report: Report | None) -> None:
    """Log what a handler raised, and tell `report`."""
    name = getattr(handler, "__qualname__", repr(handler))
    log.error("the handler %s raised", name, exc_info=error)
    if report is not None:
        report(error)
