"""Makes the link to a peer: the cores, the paths and the callbacks between them, wired in one place."""

import logging
import os
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from peers.attempts import Attempts, Quota
from peers.channel import as_messages
from peers.errors import EitherwayError, Undelivered
from peers.link import Link
from peers.membership import Membership
from peers.negotiation import Negotiation
from peers.noise import KEY, PrivateKey
from peers.paths.direct import direct_available
from peers.paths.ice_servers import IceServers
from peers.paths.probing import Prober
from peers.paths.relay import RelayPath, Relays
from peers.session.binding import EndedHalves
from peers.session.credit import Budget
from peers.session.events import Outbound, PathName
from peers.session.handshake import Me, Remote
from peers.session.link_core import LinkCore
from peers.session.rules import Rules
from signalling.protocol.events import IceServer

if TYPE_CHECKING:
    from peers.peer import Peer
    from peers.room import Room

SendSignal = Callable[[str, str, str, int, bytes], None]
"""Sends a sealed signal: room, peer, kind, attempt, packet."""


class Ephemerals:
    """Ephemeral keys made ahead of time: when a peer is announced, so that what is first said to it need not wait."""

    KEPT = 2

    def __init__(self) -> None:
        self._keys: list[PrivateKey] = []

    def prepare(self) -> None:
        """Have some ready."""
        while len(self._keys) < self.KEPT:
            self._keys.append(_make_key())

    def take(self) -> PrivateKey:
        """One that nobody has had."""
        return self._keys.pop() if self._keys else _make_key()


def _make_key() -> PrivateKey:
    return PrivateKey(os.urandom(KEY))


class Shared:
    """What all links of one client share: numbers of halves, halves that ended, keys, and limits over all links."""

    def __init__(self) -> None:
        self.ended = EndedHalves()
        self.budget = Budget()
        self.quota = Quota(32)
        self.rng = random.Random()
        self.ephemerals = Ephemerals()
        self.prober = Prober()
        self._number = 0

    def next_number(self) -> int:
        """The number of the next half."""
        self._number += 1
        return self._number


class LinkMaker:
    """Makes the links of one room."""

    def __init__(
        self, membership: Membership, shared: Shared, relays: Relays, send_signal: SendSignal, *, direct: bool
    ) -> None:
        self._membership, self._shared, self._relays, self._send_signal = membership, shared, relays, send_signal
        self._static = PrivateKey(membership.static)
        self._direct = direct and direct_available()
        self._ice_servers = IceServers([], shared.prober.memory)

    def use_ice_servers(self, servers: list[IceServer]) -> None:
        """The STUN and TURN servers for attempts from now on."""
        if self._direct:
            self._ice_servers = IceServers(servers, self._shared.prober.memory)
            self._shared.prober.probe(self._ice_servers)

    async def sent(self) -> None:
        """Until what the links have given to the relay is on its way: a last acknowledgement before leaving."""
        await self._relays.sent()

    def make(self, room: "Room", peer: "Peer", remote: Remote) -> Link:
        """The link to a peer that has just been announced."""
        now = room._now()
        shared, me = self._shared, self._membership
        link: Link
        core = LinkCore(
            room=room.name,
            me=Me(me.identity.id, me.identity.key, me.incarnation, self._static, me.statement),
            peer=remote,
            ended=shared.ended,
            next_number=shared.next_number,
            random=os.urandom,
            settings={"direct": self._direct},
            rules=Rules(),
            budget=shared.budget,
            now=now,
            ephemeral=shared.ephemerals.take,
        )
        shared.ephemerals.prepare()
        negotiation = Negotiation(offers=me.identity.id < peer.id, rng=shared.rng, now=now)
        attempts = Attempts(
            negotiation,
            quota=shared.quota,
            ice_servers=lambda: self._ice_servers,
            send_signal=lambda kind, attempt, payload: link.signal(kind, attempt, payload),
            on_open=lambda attempt: link.direct_opened(attempt),
            on_packet=lambda attempt, packet: link.direct_packet(attempt, packet),
            on_drain=lambda attempt: link.direct_drained(attempt),
            on_ended=lambda attempt, reason: link.direct_ended(attempt, reason),
        )
        relay = RelayPath(
            self._relays,
            room.name,
            peer.id,
            on_drain=lambda: link.relay_drained(),
            on_refused=lambda outgoing, code: link.relay_refused(outgoing, code),
        )

        def path_changed(path: PathName) -> None:
            if path != peer._path:
                peer._path = path
                room._tell(peer, "path_changed", peer, path)

        def undelivered(outbound: list[Outbound], reason: str) -> None:
            room._tell(peer, "undelivered", Undelivered(peer, as_messages(peer, outbound), reason))

        def failed(reason: str) -> None:
            who = f"{peer} ({peer.id}) in room {room.name!r}"
            error = EitherwayError(f"{who} broke the protocol, and another session with it begins: {reason}")
            room.client._complaints.say(f"{peer.id} broke the protocol", logging.WARNING, "%s", error)
            room.client._report(error)

        link = Link(
            core,
            attempts,
            relay,
            direct=self._direct,
            on_message=peer._received,
            on_channel=peer._channel,
            on_path=path_changed,
            on_moved=room.client._reports.moved,
            on_undelivered=undelivered,
            on_failed=failed,
            send_signal=lambda kind, attempt, packet: self._send_signal(room.name, peer.id, kind, attempt, packet),
        )
        return link
