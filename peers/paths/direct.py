"""The direct path: one WebRTC connection with a data channel for each lane.

This module imports no aiortc; `peers.paths.stack`, which does, is loaded when the first path gathers.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from peers.codec.frames import Lane
from peers.paths.ice_servers import IceServers
from peers.paths.loading import DirectUnavailable, direct_available, load_stack
from peers.paths.path import MAX_PATH_PACKET

if TYPE_CHECKING:
    from peers.paths.stack import Stack

__all__ = ["DirectPath", "DirectStats", "DirectUnavailable", "direct_available"]

log = logging.getLogger("eitherway.direct")

LOW_MARK = 16_384
"""Bytes waiting at which `on_drain` is called, so that the sender is back before SCTP runs dry."""


MAX_HELD_CANDIDATES = 64
"""Candidates of the peer's that wait for its description."""


class DirectStats(msgspec.Struct, frozen=True):
    """Which way a direct path goes. Types are ICE's: host, srflx, prflx, relay (through a TURN server)."""

    local_type: str
    local_address: str
    remote_type: str
    remote_address: str


class DirectPath:
    """One attempt at a direct path, and the path itself once it is open. See `peers.paths.path.Path`.

    The offering side calls `offer`, then `take_answer`; the other side `answer`. Both pass on what `on_candidate` gets
    (None: no more) and hand in the peer's candidates by `take_candidate`. The DTLS certificate that the peer proves
    must have the fingerprint of its description (K5), else the path ends.

    `on_open` comes once, before any packet. `on_ended` comes once, whether or not the path was ever open; the path
    then gives back its sockets by itself, and `close` waits for that.
    """

    def __init__(
        self,
        attempt: int,
        *,
        offers: bool,
        ice_servers: IceServers,
        on_open: Callable[[], None],
        on_packet: Callable[[Lane, bytes], None],
        on_drain: Callable[[], None],
        on_ended: Callable[[str], None],
        on_candidate: Callable[[dict[str, Any] | None], None],
    ) -> None:
        self.attempt = attempt
        self._offers = offers
        self._ice_servers = ice_servers
        self._on_open = on_open
        self._on_packet = on_packet
        self._on_drain = on_drain
        self._on_ended = on_ended
        self._on_candidate = on_candidate
        self._stack: Stack | None = None
        self._sends: list[Callable[[bytes], None]] | None = None
        self._waiting = 0
        self._early: list[tuple[Lane, bytes]] = []
        self._held: list[Any] | None = []
        self._reason: str | None = None
        self._stopping: asyncio.Task[None] | None = None

    # ---- connecting. What raises here has ended the path: `on_ended` has been called.

    async def offer(self) -> dict[str, str]:
        """Gather our candidates and write an offer.

        Raises:
            ConnectionError: the path has ended meanwhile, or there is no aiortc (`DirectUnavailable`).
        """
        with self._ending_on_error():
            stack = await self._make_stack()
            offer = await stack.offer()
        self._check_alive()
        return offer

    async def answer(self, offer: dict[str, Any]) -> dict[str, str]:
        """Gather our candidates, write the answer to an offer, and start connecting.

        Raises:
            ValueError: the offer is not one that we can take.
            ConnectionError: as for `offer`.
        """
        with self._ending_on_error():
            stack = await self._make_stack()
            answer = await stack.answer(offer)
        self._check_alive()
        self._release_candidates(stack)
        return answer

    async def take_answer(self, answer: dict[str, Any]) -> None:
        """Start connecting.

        Raises:
            ValueError: the answer is not one that we can take.
            ConnectionError: the path has ended.
        """
        self._check_alive()
        stack = self._stack
        if stack is None:
            raise RuntimeError("an answer comes after an offer")
        with self._ending_on_error():
            stack.take_answer(answer)
        self._release_candidates(stack)

    def take_candidate(self, candidate: dict[str, Any] | None) -> None:
        """Try a candidate of the peer's; None or an empty one: it has no more. One that is nonsense is left out."""
        if self._held is not None:
            if len(self._held) < MAX_HELD_CANDIDATES:
                self._held.append(candidate)
        elif self._stack is not None:
            self._stack.take_candidate(candidate)

    # ---- the path

    @property
    def waiting(self) -> int:
        """Bytes in the channels' send buffers. aiortc hands one packet after another to SCTP, which holds at most one
        that it has not begun to send; that one and what is on its way are not counted."""
        return self._waiting

    def send(self, lane: Lane, packet: bytes) -> None:
        """Queue one packet. Dropped if the path has ended or is not open yet.

        Raises:
            ValueError: the packet is empty or larger than `MAX_PATH_PACKET`.
        """
        if not 0 < len(packet) <= MAX_PATH_PACKET:
            raise ValueError(f"a packet has 1 to {MAX_PATH_PACKET} bytes, not {len(packet)}")
        if self._sends is None:
            return
        try:
            self._sends[lane](packet)
        # aiortc's InvalidStateError: the peer has begun to close the channel.
        except Exception as error:
            self._end(f"cannot send: {error!r}")

    async def close(self) -> None:
        """End the path, and wait until its sockets and tasks are gone."""
        self._end("closed")
        if self._stopping is not None:
            await asyncio.shield(self._stopping)

    def stats(self) -> DirectStats | None:
        """The candidates in use; None while there are none."""
        pair = self._stack.selected_pair() if self._stack is not None else None
        if pair is None:
            return None
        ours, theirs = pair
        return DirectStats(
            local_type=ours.type,
            local_address=f"{ours.ip}:{ours.port}",
            remote_type=theirs.type,
            remote_address=f"{theirs.ip}:{theirs.port}",
        )

    # ---- what the stack tells. aiortc closes DTLS when a handler raises, and still says open: none may.

    def _opened(self) -> None:
        if self._reason is not None or self._stack is None:
            return
        self._sends = [channel.send for channel in self._stack.channels]
        self._call(self._on_open)
        early, self._early = self._early, []
        for lane, packet in early:
            self._received(lane, packet)

    def _received(self, lane: Lane, packet: bytes) -> None:
        if self._reason is not None:
            return
        if self._sends is None:
            # The peer was open first, and its packet overtook the end of the handshake.
            self._early.append((lane, packet))
            return
        try:
            self._on_packet(lane, packet)
        except Exception:
            log.exception("on_packet raised")

    def _buffered(self, amount: int) -> None:
        before = self._waiting
        self._waiting = after = before + amount
        # At nothing too: with less than the low mark waiting, a sender may still have lacked room for a large packet.
        if amount < 0 and (after == 0 or before > LOW_MARK >= after) and self._reason is None:
            self._call(self._on_drain)

    def _found(self, candidate: dict[str, Any] | None) -> None:
        if self._reason is None:
            self._call(lambda: self._on_candidate(candidate))

    def _end(self, reason: str) -> None:
        if self._reason is not None:
            return
        self._reason = reason
        self._sends = None
        self._early.clear()
        if self._stack is not None:
            self._stopping = asyncio.create_task(self._stack.stop(), name=f"stop direct path {self.attempt}")
        self._call(lambda: self._on_ended(reason))

    # ---- helpers

    async def _make_stack(self) -> "Stack":
        self._check_alive()
        module = await load_stack()
        self._check_alive()
        callbacks = module.Callbacks(
            on_open=self._opened,
            on_packet=self._received,
            on_buffered=self._buffered,
            on_failed=self._end,
            on_candidate=self._found,
        )
        stack: Stack = module.Stack(offers=self._offers, ice_servers=self._ice_servers, callbacks=callbacks)
        self._stack = stack
        return stack

    def _release_candidates(self, stack: "Stack") -> None:
        held, self._held = self._held or [], None
        for candidate in held:
            stack.take_candidate(candidate)

    def _check_alive(self) -> None:
        if self._reason is not None:
            raise ConnectionError(f"the direct path has ended: {self._reason}")

    @contextmanager
    def _ending_on_error(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._end(str(error))
            raise

    def _call(self, callback: Callable[[], None]) -> None:
        try:
            callback()
        except Exception:
            log.exception("a callback of the direct path raised")
