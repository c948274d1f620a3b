"""The one place that knows private names of aiortc; those of aioice's connections are in `peers.paths.aioice_seam`.

Each does what the public API cannot; `tests/paths/test_aiortc_seam.py` notices when one changes, and `pyproject.toml`
bounds the versions. Importing this module imports aiortc (0.4 s): see `peers.paths.loading`.
"""

import asyncio
import contextlib
import ipaddress
import time
from collections.abc import Callable
from typing import Any

from aioice import Candidate, ice
from aioice.ice import StunProtocol
from aioice.stun import TransactionFailed
from aiortc import (
    RTCDataChannel,
    RTCDataChannelParameters,
    RTCDtlsTransport,
    RTCIceCandidate,
    RTCIceGatherer,
    RTCIceTransport,
    RTCSctpTransport,
)
from aiortc.rtcicetransport import candidate_from_aioice

from peers.paths.aioice_seam import Connection, Protocol
from peers.paths.congestion import DelayLimit
from peers.paths.ice_servers import Server

COMPONENT = 1
"""The only ICE component: data channels have no RTCP beside them."""

SACK_DELAY = 0.01
"""Seconds that an acknowledgement of SCTP waits for the packet after."""

__all__ = [
    "Association",
    "Candidate",
    "Channel",
    "Gatherer",
    "StunProtocol",
    "TransactionFailed",
    "end_association",
    "selected_pair",
    "set_dtls_role",
    "set_ice_role",
]


class Association(RTCSctpTransport):
    """An SCTP association that sends no more than the path's queues take without delay (`peers.paths.congestion`).

    It acknowledges every second packet of those that come in order (RFC 9260 section 6.2), or one after `SACK_DELAY`;
    aiortc acknowledges each, which costs both sides a fifth of their time.
    """

    def __init__(self, transport: RTCDtlsTransport) -> None:
        super().__init__(transport)
        self._delay = DelayLimit()
        self._owed: asyncio.TimerHandle | None = None
        """Set while one packet is not acknowledged yet."""
        self._paying: asyncio.Task[None] | None = None

    async def _send_sack(self) -> None:
        if self._owed is None and not self._sack_misordered and not self._sack_duplicates:
            self._sack_needed = False
            self._owed = asyncio.get_running_loop().call_later(SACK_DELAY, self._pay)
        else:
            self._forget_owed()
            await super()._send_sack()

    def _pay(self) -> None:
        self._paying = asyncio.get_running_loop().create_task(self._send_owed())

    async def _send_owed(self) -> None:
        if self._owed is not None:
            with contextlib.suppress(ConnectionError):  # DTLS has closed meanwhile
                await self._send_sack()

    def _forget_owed(self) -> None:
        if self._owed is not None:
            self._owed.cancel()
            self._owed = None

    def _set_state(self, state: RTCSctpTransport.State) -> None:
        if state == self.State.CLOSED:
            self._forget_owed()
        super()._set_state(state)

    def _update_rto(self, R: float) -> None:  # noqa: N803 - aiortc's name
        super()._update_rto(R)
        self._delay.measured(R, time.monotonic())

    async def _receive_sack_chunk(self, chunk: Any) -> None:
        # A window that isn't used causes no queue: what delays then is the peer, which may acknowledge late.
        used = self._flight_size * 2 > self._cwnd
        await super()._receive_sack_chunk(chunk)
        if used:
            self._cwnd, ends_slow_start = self._delay.limit(self._cwnd, time.monotonic())
            if ends_slow_start:
                self._ssthresh = self._cwnd


class Channel(RTCDataChannel):
    """A data channel that tells of every change of its `bufferedAmount`.

    `bufferedamountlow` tells of one threshold on one channel; a path needs the sum over its channels.
    """

    def __init__(
        self, sctp: RTCSctpTransport, parameters: RTCDataChannelParameters, on_buffered: Callable[[int], None]
    ) -> None:
        self._on_buffered = on_buffered
        super().__init__(sctp, parameters)

    def _addBufferedAmount(self, amount: int) -> None:  # noqa: N802 - aiortc's name
        super()._addBufferedAmount(amount)
        self._on_buffered(amount)


def set_ice_role(transport: RTCIceTransport, *, controlling: bool) -> None:
    """Say which side nominates (RFC 8445 section 6.1.1). Before `start`; there is no public setter."""
    transport._connection.ice_controlling = controlling


def set_dtls_role(transport: RTCDtlsTransport, role: str) -> None:
    """Say which side speaks first in DTLS: "client" or "server" (RFC 8842). Otherwise it follows from the ICE role."""
    transport._set_role(role)


def end_association(sctp: RTCSctpTransport) -> None:
    """Stop SCTP's timers and close its channels at once, without a word to the other side.

    When DTLS is gone, each timer that fires would raise in a task of its own.
    """
    sctp._set_state(RTCSctpTransport.State.CLOSED)


def selected_pair(transport: RTCIceTransport) -> tuple[RTCIceCandidate, RTCIceCandidate] | None:
    """The candidates, ours and theirs, that ICE has chosen."""
    pair = transport._connection._nominated.get(COMPONENT)
    if pair is None:
        return None
    return candidate_from_aioice(pair.local_candidate), candidate_from_aioice(pair.remote_candidate)


class Gatherer(RTCIceGatherer):
    """Gathers the host's candidates at once; ICE servers are asked beside, and what they tell is added (RFC 8838).

    aioice itself gathers in one go, and waits 5 s for a server that doesn't answer.
    """

    _connection: Connection

    def __init__(self) -> None:
        super().__init__([])  # None would mean a public STUN server
        self._connection = Connection(ice_controlling=False)

    def ipv4_sockets(self) -> list[StunProtocol]:
        """The sockets behind NATs, perhaps."""
        return [
            protocol
            for protocol in self._connection._protocols
            if ipaddress.ip_address(protocol.local_candidate.host).version == 4
            and protocol.local_candidate.type == "host"
        ]

    async def reflexive_candidate(self, protocol: StunProtocol, server: tuple[str, int]) -> Candidate:
        """Ask a STUN server for the address of a socket as it sees it."""
        candidate, _ = await ice.server_reflexive_candidate(protocol, server)
        return candidate

    async def allocate(self, server: Server) -> tuple[Candidate, StunProtocol]:
        """Ask a TURN server for an address. Cancelled, it leaves no socket."""
        connection = self._connection
        candidate, protocol = await ice.relayed_candidate(
            component=COMPONENT,
            hide_related_address=False,
            protocol_factory=lambda: Protocol(connection),
            turn_server=(server.host, server.port),
            turn_username=server.username,
            turn_password=server.credential,
            turn_ssl=server.tls,
            turn_transport=server.transport,
        )
        return candidate, protocol

    def add(self, candidate: Candidate, protocol: StunProtocol | None) -> RTCIceCandidate | None:
        """Add what a server told. None if there is a candidate of the same address already."""
        return candidate_from_aioice(candidate) if self._connection.add_local_candidate(candidate, protocol) else None

    def abandon_allocations(self) -> None:
        """Stop waiting for a TURN server to confirm that an allocation is deleted: one that is gone never will."""
        for protocol in self._connection._protocols:
            task = getattr(protocol.transport, "_TurnTransport__close_task", None)
            if task is not None:
                task.cancel()
