"""Attempts at a direct path, carried out: what the negotiation decides, done with real connections."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from peers.negotiation import Abandon, MakeAnswer, MakeOffer, Negotiation, SendSignal, TakeAnswer, TakeCandidate
from peers.paths.direct import DirectPath
from peers.paths.ice_servers import IceServers
from peers.paths.loading import DirectUnavailable, load_stack

log = logging.getLogger("eitherway.direct")


class Quota:
    """How many direct paths one client may hold at a time."""

    def __init__(self, most: int) -> None:
        self.left = most


class Attempts:
    """The direct paths of one link: usually one, two while a new attempt takes over from an old path.

    `send_signal(kind, attempt, payload)` seals a signal and sends it; the other callbacks tell what a path did.
    """

    def __init__(
        self,
        negotiation: Negotiation,
        *,
        quota: Quota,
        ice_servers: Callable[[], IceServers],
        send_signal: Callable[[str, int, dict[str, Any] | None], None],
        on_open: Callable[[int], None],
        on_packet: Callable[[int, bytes], None],
        on_drain: Callable[[int], None],
        on_ended: Callable[[int, str], None],
    ) -> None:
        self.negotiation = negotiation
        self.paths: dict[int, DirectPath] = {}
        self.made = 0
        """Attempts begun, for statistics."""
        self._quota, self._ice_servers, self._send_signal = quota, ice_servers, send_signal
        self._on_open, self._on_packet, self._on_drain, self._on_ended = on_open, on_packet, on_drain, on_ended
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def prepare(self) -> None:
        """Load what a direct path needs while the other side does so: who answers would begin when the offer comes."""
        self._start(self._load())

    def run(self, now: float) -> None:
        """Carry out what the negotiation has decided."""
        while (event := self.negotiation.next_event()) is not None:
            match event:
                case MakeOffer(attempt):
                    self._start(self._offer(attempt))
                case MakeAnswer(attempt, offer):
                    self._start(self._answer(attempt, offer))
                case TakeAnswer(attempt, answer):
                    self._start(self._take_answer(attempt, answer))
                case TakeCandidate(attempt, candidate):
                    if (path := self.paths.get(attempt)) is not None:
                        path.take_candidate(candidate)
                case SendSignal(kind, attempt, payload):
                    self._send_signal(kind, attempt, payload)
                case Abandon(attempt, reason):
                    log.info("attempt %d is given up: %s", attempt, reason)
                    self.end(attempt)

    def end(self, attempt: int) -> None:
        """Close one direct path; its end is told by `on_ended`."""
        if (path := self.paths.get(attempt)) is not None:
            self._start(path.close())

    def end_older(self, adopted: int) -> None:
        """Close the paths that an adopted one replaces."""
        for attempt in [a for a in self.paths if a < adopted]:
            self.end(attempt)

    async def close(self) -> None:
        """Close every path, and leave no task behind."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(path.close() for path in list(self.paths.values())), return_exceptions=True)
        while self._tasks:
            await asyncio.wait(self._tasks)

    # ---- what takes time

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _load(self) -> None:
        with contextlib.suppress(DirectUnavailable):  # the first attempt says so
            await load_stack()

    def _path(self, attempt: int, *, offers: bool) -> DirectPath | None:
        if self._closed or attempt in self.paths or self.negotiation.in_progress != attempt:
            return None  # given up before it was begun
        if self._quota.left <= 0:
            log.info("this client holds as many direct paths as it may; the relay carries on")
            return None
        self._quota.left -= 1
        self.made += 1
        path = self.paths[attempt] = DirectPath(
            attempt,
            offers=offers,
            ice_servers=self._ice_servers(),
            on_open=lambda: self._on_open(attempt),
            on_packet=lambda lane, packet: self._on_packet(attempt, packet),
            on_drain=lambda: self._on_drain(attempt),
            on_ended=lambda reason: self._ended(attempt, reason),
            on_candidate=lambda candidate: self._candidate(attempt, candidate),
        )
        return path

    async def _offer(self, attempt: int) -> None:
        path = self._path(attempt, offers=True)
        if path is None:
            return self._failed(attempt, "no direct path to be had")
        try:
            description = await path.offer()
        except Exception as error:
            return self._broken(attempt, error)
        self.negotiation.offer_ready(attempt, description, self._now())
        return self.run(self._now())

    async def _answer(self, attempt: int, offer: dict[str, Any]) -> None:
        path = self._path(attempt, offers=False)
        if path is None:
            return self._failed(attempt, "no direct path to be had")
        try:
            description = await path.answer(offer)
        except Exception as error:
            return self._broken(attempt, error)
        self.negotiation.answer_ready(attempt, description, self._now())
        return self.run(self._now())

    async def _take_answer(self, attempt: int, answer: dict[str, Any]) -> None:
        if (path := self.paths.get(attempt)) is None:
            return
        try:
            await path.take_answer(answer)
        except Exception as error:
            self._broken(attempt, error)

    def _broken(self, attempt: int, error: Exception) -> None:
        # A description that makes no sense, or an engine that cannot: the path has told its end, the relay carries on.
        log.warning("attempt %d at a direct path failed: %r", attempt, error)
        self.run(self._now())

    def _failed(self, attempt: int, reason: str) -> None:
        self.negotiation.ended(attempt, self._now())
        self._on_ended(attempt, reason)

    def _ended(self, attempt: int, reason: str) -> None:
        if self.paths.pop(attempt, None) is not None:
            self._quota.left += 1
            self.negotiation.ended(attempt, self._now())
            self._on_ended(attempt, reason)

    def _candidate(self, attempt: int, candidate: dict[str, Any] | None) -> None:
        self.negotiation.candidate_found(attempt, candidate, self._now())
        self.run(self._now())

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
