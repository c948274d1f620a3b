"""ICE, DTLS, SCTP and three data channels of one attempt, on the ORTC objects that aiortc exports.

RTCPeerConnection does the same for media too, but cannot trickle its candidates, and gathers again for each section.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from aiortc import (
    RTCCertificate,
    RTCDataChannelParameters,
    RTCDtlsTransport,
    RTCIceCandidate,
    RTCIceTransport,
)

from peers.codec.frames import Lane
from peers.paths import aiortc_seam as seam
from peers.paths import description
from peers.paths.description import Remote
from peers.paths.gathering import Gathering
from peers.paths.ice_servers import IceServers

log = logging.getLogger("eitherway.direct")

CLOSING_TIMEOUT = 1.0
"""Seconds for a TURN server to confirm that it has freed an allocation."""
MAX_CANDIDATES = 64
"""Candidates of the peer's that are taken one by one."""


class Callbacks(msgspec.Struct, frozen=True):
    """What a stack tells its path. None of them may raise: aiortc would close DTLS under a channel that says open."""

    on_open: Callable[[], None]
    on_packet: Callable[[Lane, bytes], None]
    on_buffered: Callable[[int], None]
    """Bytes added to (or, below 0, taken from) the channels' send buffers."""
    on_failed: Callable[[str], None]
    on_candidate: Callable[[dict[str, Any] | None], None]


class Stack:
    """The transports of one attempt, from gathering to closing."""

    def __init__(self, *, offers: bool, ice_servers: IceServers, callbacks: Callbacks) -> None:
        self._offers = offers
        self._callbacks = callbacks
        self._mid = "0"
        self._gatherer = seam.Gatherer()
        self._gathering = Gathering(self._gatherer, ice_servers, self._found)
        self._ice = RTCIceTransport(self._gatherer)
        seam.set_ice_role(self._ice, controlling=offers)
        self._dtls = RTCDtlsTransport(self._ice, [RTCCertificate.generateCertificate()])
        self._sctp = seam.Association(self._dtls)
        self._dtls.on("statechange", self._dtls_changed)
        self._ice.on("statechange", self._ice_changed)
        self._sctp.on("datachannel", self._unexpected_channel)
        self._unopened = len(Lane)
        self.channels = [self._make_channel(lane) for lane in Lane]
        """One for each lane, in their order."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._candidates_taken = 0
        self._stopped = False

    # ---- descriptions

    async def offer(self) -> dict[str, str]:
        """Gather, and write an offer."""
        await self._gathering.start()
        return description.write("offer", self._local(), mid=self._mid, setup="actpass")

    async def answer(self, offer: Any) -> dict[str, str]:
        """Gather, write the answer to an offer, and start connecting. Raises `DescriptionError`."""
        remote = description.read(offer, "offer")
        self._mid = remote.mid
        await self._gathering.start()
        # RFC 8842 section 5.3: active unless the offer is, so that DTLS starts while the answer is on its way.
        client = remote.setup != "active"
        answer = description.write("answer", self._local(), mid=self._mid, setup="active" if client else "passive")
        self._connect(remote, client=client)
        return answer

    def take_answer(self, answer: Any) -> None:
        """Start connecting, as the answer says. Raises `DescriptionError`."""
        remote = description.read(answer, "answer")
        self._connect(remote, client=remote.setup == "passive")

    def take_candidate(self, init: Any) -> None:
        """Try a candidate of the peer's. One that cannot be parsed is left out.

        That there are no more is not passed on: aioice would give up when those it knows have failed, or at once if
        there are none, though the peer's own checks may be on their way (RFC 8863). An attempt has its deadline.
        """
        try:
            candidate = description.read_candidate(init)
        except description.DescriptionError as error:
            log.info("a candidate of the peer's is left out: %s", error)
        else:
            if candidate is not None:
                self._add(candidate)

    def _add(self, candidate: RTCIceCandidate) -> None:
        if self._stopped or self._candidates_taken >= MAX_CANDIDATES:
            return
        self._candidates_taken += 1
        # In a task of its own, since a `.local` name takes up to 1 s to resolve.
        self._spawn(self._add_candidate(candidate), "add remote candidate")

    def _local(self) -> description.Local:
        return description.Local(
            ice=self._gatherer.getLocalParameters(),
            fingerprint=description.fingerprint_of(self._dtls.getLocalParameters()),
            candidates=self._gatherer.getLocalCandidates(),
            complete=self._gathering.complete,
            sctp_port=self._sctp.port,
            max_message_size=self._sctp.getCapabilities().maxMessageSize,
        )

    def _found(self, candidate: RTCIceCandidate | None) -> None:
        init = None if candidate is None else description.write_candidate(candidate, self._mid)
        self._callbacks.on_candidate(init)

    # ---- connecting

    def _connect(self, remote: Remote, *, client: bool) -> None:
        if self._stopped:
            return
        seam.set_dtls_role(self._dtls, "client" if client else "server")
        for candidate in remote.candidates:
            self._add(candidate)
        self._spawn(self._run(remote), "connect")

    async def _run(self, remote: Remote) -> None:
        try:
            await self._ice.start(remote.ice)
            if self._ice.state != "completed":
                return
            # A pair works: what other servers would tell is of no use any more.
            await self._gathering.stop()
            await self._dtls.start(remote.dtls)
            if self._dtls.state == "connected":
                await self._sctp.start(remote.sctp, remote.sctp_port)
        # Whatever the peer made aiortc raise ends this attempt, and nothing else.
        except Exception as error:
            log.info("attempt failed", exc_info=True)
            self._callbacks.on_failed(f"{type(error).__name__}: {error}")

    async def _add_candidate(self, candidate: RTCIceCandidate) -> None:
        try:
            await self._ice.addRemoteCandidate(candidate)
        # An address that is none, no way to ask for a `.local` name: one candidate less.
        except (ValueError, OSError) as error:
            log.info("a candidate of the peer's is left out: %r", error)

    def _ice_changed(self) -> None:
        if self._ice.state == "failed":
            self._callbacks.on_failed("ICE found no way through, or lost it")

    def _dtls_changed(self) -> None:
        if self._dtls.state in ("failed", "closed"):
            self._callbacks.on_failed(f"DTLS {self._dtls.state}")
            seam.end_association(self._sctp)

    # ---- channels

    def _make_channel(self, lane: Lane) -> seam.Channel:
        datagram = lane is Lane.DATAGRAM
        parameters = RTCDataChannelParameters(
            label=lane.name.lower(),
            negotiated=True,
            id=int(lane),
            ordered=not datagram,
            maxRetransmits=0 if datagram else None,
        )
        channel = seam.Channel(self._sctp, parameters, self._callbacks.on_buffered)
        on_packet = self._callbacks.on_packet

        def received(data: bytes | str) -> None:
            # Text and empty messages are no packets.
            if data and type(data) is bytes:
                on_packet(lane, data)

        channel.on("message", received)
        channel.on("open", self._channel_opened)
        channel.on("close", self._channel_closed)
        return channel

    def _channel_opened(self) -> None:
        self._unopened -= 1
        if self._unopened == 0:
            self._callbacks.on_open()

    def _channel_closed(self) -> None:
        self._callbacks.on_failed("closed by the peer")

    def _unexpected_channel(self, channel: Any) -> None:
        # The peer could open 65,000 of them.
        self._callbacks.on_failed("the peer opened a channel that was not agreed on")

    # ---- closing

    def selected_pair(self) -> tuple[RTCIceCandidate, RTCIceCandidate] | None:
        """The candidates, ours and the peer's, that packets travel between."""
        return seam.selected_pair(self._ice)

    async def stop(self) -> None:
        """Close all of it. Returns when sockets and tasks are gone."""
        self._stopped = True
        await self._gathering.stop()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        with contextlib.suppress(ConnectionError):
            await self._sctp.stop()
        await self._dtls.stop()
        stopping = asyncio.create_task(self._ice.stop(), name="stop ICE")
        done, _ = await asyncio.wait([stopping], timeout=CLOSING_TIMEOUT)
        if not done:
            self._gatherer.abandon_allocations()
        await stopping

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
