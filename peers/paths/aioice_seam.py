"""The one place that knows private names of aioice: ICE that follows events, asks steadily, and knows what it prefers.

Both classes add to aioice's, and change nothing for who uses them as before; `tests/paths/test_aioice_seam.py` notices
when a name changes.
"""

import asyncio
import logging
import socket

from aioice import Candidate, ice, stun
from aioice.candidate import candidate_foundation, candidate_priority

log = logging.getLogger("eitherway.direct")

RECEIVE_BUFFER = 2 * 1024 * 1024
"""Bytes of a UDP socket's receive buffer, if the system allows so many (Linux: net.core.rmem_max)."""
ASK_EVERY = 1.0
"""Seconds between two packets of one STUN request at the most: a network may come back in the midst of an attempt."""
MOST_ASKED = 20
"""Packets of one STUN request: enough for the 15 s of an attempt."""
HOLD = 0.25
"""Seconds from the first check on in which no pair through a TURN server is checked by the side that nominates."""


class Protocol(ice.StunProtocol):
    """A socket of a connection's. Its requests go out again after 0.5 s, then every `ASK_EVERY`.

    aioice doubles that time, so that who gets its network back after 8 s is asked again after 15 (RFC 8489 section
    6.2.1 lets the interval be chosen, RFC 8445 section 14.3 says how small it may be).
    """

    receiver: "Connection"

    async def request(
        self,
        request: stun.Message,
        addr: tuple[str, int],
        integrity_key: bytes | None = None,
        retransmissions: int | None = None,
    ) -> tuple[stun.Message, tuple[str, int]]:
        """Send a request until it is answered, and return the answer and where it came from."""
        most = MOST_ASKED - 1 if retransmissions is None else retransmissions
        return await super().request(request, addr, integrity_key, most)

    def send_stun(self, message: stun.Message, addr: tuple[str, int]) -> None:
        """Send a STUN message."""
        super().send_stun(message, addr)
        transaction = self.transactions.get(message.transaction_id)
        if transaction is not None:
            wait: float = transaction._Transaction__timeout_delay  # type: ignore[attr-defined]
            transaction._Transaction__timeout_delay = min(wait, self.receiver.ask_every())  # type: ignore[attr-defined]

    def ask_again(self, addr: tuple[str, int]) -> None:
        """Send what is asked there, and not answered yet, once more."""
        for transaction in list(self.transactions.values()):
            if transaction._Transaction__addr == addr:  # type: ignore[attr-defined]
                self.send_stun(transaction._Transaction__request, addr)  # type: ignore[attr-defined]


class Connection(ice.Connection):
    """An ICE connection that starts a check when there is one to start, and takes local candidates late.

    aioice looks every 20 ms: a candidate that comes between waits, and so does the end of the checks. Here new pairs
    start them, one each `PACE` (RFC 8445 section 14.2), and the connection is made when a check has succeeded.
    """

    PACE = 0.02
    """Seconds between two checks that nothing else has triggered."""

    _pacing = False
    _next: asyncio.TimerHandle | None = None
    _held_until = 0.0

    def ask_every(self) -> float:
        """Seconds between two packets of one request at the most: with many pairs more, as between their checks."""
        return max(ASK_EVERY, len(self._check_list) * self.PACE)

    async def get_component_candidates(self, component: int, addresses: list[str], timeout: int = 5) -> list[Candidate]:
        """Open a socket at each address of this machine, with room for what comes while this program is busy.

        What overflows is lost, and costs SCTP a tenth of its packets on a fast path. ICE servers are asked elsewhere.
        """
        candidates = []
        for address in addresses:
            try:
                _, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
                    lambda: Protocol(self), local_addr=(address, 0)
                )
            except OSError as error:
                log.info("no candidate at %s: %r", address, error)
                continue
            opened = protocol.transport.get_extra_info("socket")
            if opened is not None:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            host, port = protocol.transport.get_extra_info("sockname")[:2]
            protocol.local_candidate = Candidate(
                foundation=candidate_foundation("host", "udp", host),
                component=component,
                transport="udp",
                priority=candidate_priority(component, "host"),
                host=host,
                port=port,
                type="host",
            )
            self._protocols.append(protocol)
            candidates.append(protocol.local_candidate)
        return candidates

    async def check_start(self, pair: ice.CandidatePair) -> None:
        """Check a pair. The first that works is nominated: one through a TURN server lets the others go before it."""
        types = (pair.local_candidate.type, pair.remote_candidate.type)
        now = asyncio.get_running_loop().time()
        if self.ice_controlling and "relay" in types and now < self._held_until:
            self.check_state(pair, ice.CandidatePair.State.IN_PROGRESS)  # it has had its turn
            await asyncio.sleep(self._held_until - now)
        await super().check_start(pair)

    def check_complete(self, pair: ice.CandidatePair) -> None:
        """A check has come to its end. Of several nominated pairs the best one is used, not the last.

        Candidates may come when one pair is already in use, and those of TURN servers are the last to come. Both sides
        see the priorities alike (RFC 8445 section 6.1.2.3).
        """
        used = self._nominated.get(pair.component)
        super().check_complete(pair)
        if used is not None and self._priority(used) > self._priority(pair):
            self._nominated[pair.component] = used

    def _priority(self, pair: ice.CandidatePair) -> int:
        return ice.candidate_pair_priority(pair.local_candidate, pair.remote_candidate, self.ice_controlling)

    def check_incoming(self, message: stun.Message, addr: tuple[str, int], protocol: ice.StunProtocol) -> None:
        """The peer has checked a pair. If our own check of it is under way, it goes out again at once.

        What we sent may have come to a router that did not let it in before the peer had sent something (RFC 8445
        section 7.3.1.4 asks for a new check here).
        """
        assert isinstance(protocol, Protocol)
        protocol.ask_again(addr)
        super().check_incoming(message, addr, protocol)

    def _check_periodic(self) -> bool:
        """Begin to pace the checks. When there is a pair, `connect` is told to wait for their outcome."""
        if not self._pacing:
            self._pacing = True
            self._held_until = asyncio.get_running_loop().time() + HOLD
        if not self._check_list or self._check_list_done:
            return bool(super()._check_periodic())
        if self._next is None:
            self._pace()
        return False

    def _pace(self) -> None:
        """Start the next check, and the one after it in time."""
        self._next = None
        unchecked = (ice.CandidatePair.State.WAITING, ice.CandidatePair.State.FROZEN)
        if not self._check_list_done and any(pair.state in unchecked for pair in self._check_list):
            super()._check_periodic()
            self._next = asyncio.get_running_loop().call_later(self.PACE, self._pace)

    def sort_check_list(self) -> None:
        """Called whenever pairs were added."""
        super().sort_check_list()
        if self._pacing and self._next is None:
            self._pace()

    async def close(self) -> None:
        """Close the connection."""
        if self._next is not None:
            self._next.cancel()
        await super().close()

    def add_local_candidate(self, candidate: Candidate, protocol: ice.StunProtocol | None) -> bool:
        """Add a candidate found after the host candidates. False if there is one of the same address already.

        `protocol`: that of a relayed candidate, which has a socket of its own, and so pairs of its own.
        """
        if self._closing:
            if protocol is not None:
                protocol.transport.close()
            return False
        if any((known.host, known.port) == (candidate.host, candidate.port) for known in self._local_candidates):
            return False
        self._local_candidates.append(candidate)
        if protocol is not None:
            self._protocols.append(protocol)
            for remote in self._remote_candidates:
                self._pair_remote_candidate(remote)
            self.sort_check_list()
        return True
