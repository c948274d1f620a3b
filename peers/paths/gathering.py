"""Our candidates: the host's at once, those that servers tell of as they come.

aioice gathers in one go and waits up to 5 s for a server that doesn't answer. Here a description goes out with what is
there after `HEAD_START`, and what is found later is trickled (RFC 8838).
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from aiortc import RTCIceCandidate

from peers.paths import aiortc_seam as seam
from signalling.protocol.events import IceServer

log = logging.getLogger("eitherway.direct")

HEAD_START = 0.1
"""Seconds that a description waits for the servers' answers: a near one saves a signal for each candidate."""
STUN_TIMEOUT = 5.0
"""Seconds after which a STUN server is given up."""
TURN_TIMEOUT = 2.0
"""Seconds that one TURN server has before the next is asked: where UDP is blocked, the one over TCP comes second."""
MAX_SERVERS = 4
"""STUN servers, and as many TURN servers, that are asked."""
TURN_KINDS = {("turn", "udp"), ("turn", "tcp"), ("turns", "tcp")}

Uri = dict[str, Any]


def parse_servers(servers: Sequence[IceServer]) -> tuple[list[Uri], list[tuple[Uri, IceServer]]]:
    """The STUN and TURN servers that can be used, in the order given.

    Left out, with a word in the log: malformed URLs, `stuns:`, and TURN without a credential.
    """
    stun: list[Uri] = []
    turn: list[tuple[Uri, IceServer]] = []
    for server in servers:
        for url in server.urls:
            try:
                uri = seam.parse_stun_turn_uri(url)
            except ValueError as error:
                log.warning("ICE server %r is left out: %s", url, error)
                continue
            if uri["scheme"] == "stun":
                stun.append(uri)
            elif (uri["scheme"], uri.get("transport")) not in TURN_KINDS:
                log.warning("ICE server %r is left out: not supported", url)
            elif server.username is None or server.credential is None:
                log.warning("ICE server %r is left out: the signalling server gave no credential for it", url)
            else:
                turn.append((uri, server))
    return stun[:MAX_SERVERS], turn[:MAX_SERVERS]


class Gathering:
    """Gathers candidates for one attempt. `on_candidate` gets those found after `start` has returned, then None."""

    def __init__(
        self,
        gatherer: seam.Gatherer,
        servers: Sequence[IceServer],
        on_candidate: Callable[[RTCIceCandidate | None], None],
    ) -> None:
        self._gatherer = gatherer
        self._stun, self._turn = parse_servers(servers)
        self._on_candidate = on_candidate
        self._trickles = False
        self._hosts: asyncio.Task[None] | None = None
        self._queries: asyncio.Task[None] | None = None
        self.complete = False
        """Nothing more will be found."""

    async def start(self) -> None:
        """Open the sockets, ask the servers, and come back after `HEAD_START` at the latest."""
        self._hosts = asyncio.create_task(self._gatherer.gather(), name="gather host candidates")
        # Shielded: a socket half made when its task is cancelled would be nobody's.
        await asyncio.shield(self._hosts)
        if self._queries is None and (self._stun or self._turn):
            self._queries = asyncio.create_task(self._ask(), name="ask ICE servers")
            await asyncio.wait([self._queries], timeout=HEAD_START)
        else:
            self.complete = True
        self._trickles = not self.complete

    async def stop(self) -> None:
        """Ask no further. Sockets that are open belong to the gatherer's transport, which closes them."""
        if self._hosts is not None:
            await asyncio.wait([self._hosts])
        self._stun, self._turn = [], []
        self._trickles = False
        self.complete = True
        if self._queries is not None:
            self._queries.cancel()
            await asyncio.wait([self._queries])

    async def _ask(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for uri in self._stun:
                    for query in self._gatherer.reflexive_queries((uri["host"], uri["port"])):
                        group.create_task(self._reflexive(uri, query))
                if self._turn:
                    group.create_task(self._relayed())
        finally:
            self.complete = True
        if self._trickles:
            self._on_candidate(None)

    async def _reflexive(self, uri: Uri, query: Any) -> None:
        try:
            async with asyncio.timeout(STUN_TIMEOUT):
                candidate, _ = await query
        # A name that doesn't resolve, no answer, an answer of nonsense: each means no candidate from this server.
        except Exception as error:
            log.info("STUN server %s:%s told no address: %r", uri["host"], uri["port"], error)
        else:
            self._found(candidate, None)

    async def _relayed(self) -> None:
        for uri, server in self._turn:
            try:
                async with asyncio.timeout(TURN_TIMEOUT):
                    candidate, protocol = await self._gatherer.allocate(
                        (uri["host"], uri["port"]),
                        transport=uri["transport"],
                        tls=uri["scheme"] == "turns",
                        username=server.username,
                        credential=server.credential,
                    )
            except seam.TransactionFailed as error:
                # It has answered, and will not change its mind: who runs the servers has to know.
                log.warning("TURN server %s:%s refused to give an address: %s", uri["host"], uri["port"], error)
            except Exception as error:
                log.info("TURN server %s:%s gave no address: %r", uri["host"], uri["port"], error)
            else:
                self._found(candidate, protocol)
                return

    def _found(self, found: Any, protocol: Any) -> None:
        candidate = self._gatherer.add(found, protocol)
        if candidate is not None and self._trickles:
            self._on_candidate(candidate)
