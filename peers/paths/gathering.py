"""Our candidates: the host's at once, those that servers tell of as they come.

aioice gathers in one go and waits up to 5 s for a server that doesn't answer. Here a description waits for those alone
that are known to be near, and what is found later is trickled (RFC 8838).
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from aiortc import RTCIceCandidate

from peers.paths import aiortc_seam as seam
from peers.paths.ice_servers import IceServers, Server

log = logging.getLogger("eitherway.direct")

NEAR = 0.02
"""A server that has answered within so many seconds is waited for: that saves a signal for each candidate."""
HEAD_START = 0.06
"""Seconds that a description waits for near servers at the most."""
LAST_WORD = 0.005
"""Seconds more for the answers that come right behind: to other sockets, and that these were all."""
STUN_PATIENCE = 0.5
"""Seconds that the best STUN server has, before the others are asked too."""
STUN_TIMEOUT = 5.0
"""Seconds after which a STUN server counts as silent."""
TURN_PATIENCE = 0.5
"""Seconds that one TURN server has, before the next is asked too: where UDP is blocked, one over TCP may answer."""
TURN_TIMEOUT = 5.0
"""Seconds after which a TURN server counts as silent."""
ASKED_FOR = 15.0
"""Seconds for which a server that is silent, or not to be reached, is asked anew, as long as no other has told: the
network may come back in the midst of an attempt, and without such a server many a peer is not to be reached."""
ASKED_ANEW = 1.0
"""Seconds between two such tries at the least: a server that is not there may say so at once."""

Ask = Callable[[Server, asyncio.Event], Coroutine[Any, Any, bool]]
"""Asks a server, and sets the event when it has told an address. False: it was silent, or not to be reached."""


class Gathering:
    """Gathers candidates for one attempt. `on_candidate` gets those found after `start` has returned, then None."""

    def __init__(
        self,
        gatherer: seam.Gatherer,
        servers: IceServers,
        on_candidate: Callable[[RTCIceCandidate | None], None],
    ) -> None:
        self._gatherer = gatherer
        now = asyncio.get_running_loop().time()
        self._memory = servers.memory
        self._stun = self._memory.best_first(servers.stun, now)
        self._turn = self._memory.best_first(servers.turn, now)
        self._on_candidate = on_candidate
        self._trickles = False
        self._hosts: asyncio.Task[None] | None = None
        self._queries: asyncio.Task[None] | None = None
        self._near = {server for server in (*self._stun[:1], *self._turn[:1]) if self._is_near(server, now)}
        """Servers that the description still waits for."""
        self._near_told = asyncio.Event()
        self.complete = False
        """Nothing more will be found."""

    async def start(self) -> None:
        """Open the sockets, ask the servers, and come back when the near ones have told: `HEAD_START` at the latest."""
        self._hosts = asyncio.create_task(self._gatherer.gather(), name="gather host candidates")
        # Shielded: a socket half made when its task is cancelled would be nobody's.
        await asyncio.shield(self._hosts)
        if self.complete or not (self._stun or self._turn):
            self.complete = True
            return
        self._queries = asyncio.create_task(self._ask(), name="ask ICE servers")
        if self._near:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEAD_START):
                    await self._near_told.wait()
                await asyncio.wait([self._queries], timeout=LAST_WORD)
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
        now = self._now()
        answered = [server for server in self._stun if self._memory.seconds(server, now) is not None]
        unknown = [server for server in self._stun if not self._memory.is_known(server, now)]
        first = answered[:1] or unknown
        rest = [server for server in self._stun if server not in first]
        try:
            async with asyncio.TaskGroup() as group:
                # Any STUN server tells the same: one that is known to answer, or all of which nothing is known.
                group.create_task(_in_turn([first, rest], self._reflexive, STUN_PATIENCE))
                by_one = [[server] for server in self._turn]
                group.create_task(_in_turn(by_one, self._relayed, TURN_PATIENCE, one_is_enough=True))
        finally:
            self.complete = True
        if self._trickles:
            self._on_candidate(None)

    async def _reflexive(self, server: Server, told: asyncio.Event) -> bool:
        """Ask a STUN server from every socket."""
        begun = self._now()

        async def query(protocol: seam.StunProtocol) -> bool:
            try:
                async with asyncio.timeout(STUN_TIMEOUT):
                    candidate = await self._gatherer.reflexive_candidate(protocol, (server.host, server.port))
            # A name that doesn't resolve, no answer, an answer of nonsense: each means no candidate from this server.
            except Exception as error:
                log.info("STUN server %s told no address: %r", server.url, error)
                return False
            self._memory.answered(server, self._now() - begun, self._now())
            self._found(server, candidate, None)
            told.set()
            return True

        answers = await asyncio.gather(*map(query, self._gatherer.ipv4_sockets()))
        if not answers or any(answers):
            return True
        self._failed(server)
        return False

    async def _relayed(self, server: Server, told: asyncio.Event) -> bool:
        """Ask a TURN server for an address."""
        begun = self._now()
        try:
            async with asyncio.timeout(TURN_TIMEOUT):
                candidate, protocol = await self._gatherer.allocate(server)
        except seam.TransactionFailed as error:
            # It won't change its mind: who runs the servers has to know, but not again and again.
            level = logging.INFO if self._memory.has_failed(server, self._now()) else logging.WARNING
            log.log(level, "TURN server %s refused to give an address: %s", server.url, error)
            self._failed(server)
            return True
        except Exception as error:
            log.info("TURN server %s gave no address: %r", server.url, error)
            self._failed(server)
            return False
        self._memory.answered(server, self._now() - begun, self._now())
        self._found(server, candidate, protocol)
        told.set()
        return True

    def _found(self, server: Server, found: seam.Candidate, protocol: seam.StunProtocol | None) -> None:
        candidate = self._gatherer.add(found, protocol)
        self._has_told(server)
        if candidate is not None and self._trickles:
            self._on_candidate(candidate)

    def _failed(self, server: Server) -> None:
        self._memory.failed(server, self._now())
        self._has_told(server)

    def _is_near(self, server: Server, now: float) -> bool:
        seconds = self._memory.seconds(server, now)
        return seconds is not None and seconds <= NEAR

    def _has_told(self, server: Server) -> None:
        self._near.discard(server)
        if not self._near:
            self._near_told.set()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


async def _in_turn(
    batches: Iterable[Sequence[Server]], ask: Ask, patience: float, *, one_is_enough: bool = False
) -> None:
    """Ask batch after batch of servers until one has told: the next when those before have had `patience`, or failed.
    As long as none has told, those that failed are asked anew.

    Returns when all that were asked are done, or, if one is enough, when one is.
    """
    told = asyncio.Event()
    now = asyncio.get_running_loop().time
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(told.wait())
        asking: set[asyncio.Task[Any]] = set()
        anew: set[asyncio.Task[Any]] = set()

        async def ask_first(server: Server) -> None:
            begun = now()
            if not await ask(server, told):
                anew.add(group.create_task(ask_anew(server, begun)))

        async def ask_anew(server: Server, begun: float) -> None:
            until, failed = begun + ASKED_FOR, True
            while failed:
                await asyncio.wait([waiting], timeout=max(0.0, begun + ASKED_ANEW - now()))
                begun = now()
                failed = begun < until and not told.is_set() and not await ask(server, told)

        async def wait(timeout: float | None) -> None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    while asking and not told.is_set():
                        done, _ = await asyncio.wait({waiting, *asking}, return_when=asyncio.FIRST_COMPLETED)
                        asking.difference_update(done)

        for batch in filter(None, batches):
            asking |= {group.create_task(ask_first(server)) for server in batch}
            await wait(patience)
            if told.is_set():
                break
        await wait(None)
        asking |= anew
        await wait(None)
        waiting.cancel()
        if one_is_enough:
            for task in asking | anew:
                task.cancel()
