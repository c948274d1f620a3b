"""The peers of a room: they appear, change, are lost and go, as its presence tells."""

import asyncio
from typing import TYPE_CHECKING, Any, Literal

from peers.guests import Guest
from peers.links import LinkMaker
from peers.membership import read_profile
from peers.peer import Peer
from peers.roster import RosterMember
from signalling.protocol import events as wire

if TYPE_CHECKING:
    from peers.room import Room

P2P = Literal["auto", "eager", "never"]
EAGER_ROOM = 8
"""Up to so many members, `auto` tries a direct path to each at once; beyond that on first traffic to a peer alone."""
UNPROVED_SECONDS = 5.0
"""A peer that the server has lost is gone when its direct path is without proof for so long."""


class Members:
    """Who is in a room beside this program (`peers.presence.Audience`)."""

    def __init__(self, room: "Room", p2p: P2P, links: LinkMaker) -> None:
        self._room, self._p2p, self._links = room, p2p, links
        self.here: dict[str, Peer] = {}
        """By id, in join order."""
        self.lost: dict[str, Peer] = {}
        """Those of them that the server has lost, and their direct paths have not."""
        self.departing: set[Peer] = set()
        """Those who are gone, as long as handlers deal with what came of them."""
        self.arrivals = asyncio.Event()

    def traffic(self, peer: Peer) -> None:
        """Something was sent to this peer alone: from now on a direct path is worth trying."""
        if self._p2p == "auto":
            peer._link.want_direct()

    # ---- what the presence tells

    def appeared(self, member: RosterMember) -> None:
        """See `Audience`, as for all of these."""
        if (known := self.lost.get(member.id)) is not None:
            if known._incarnation == member.incarnation:  # it was only the server that had lost it (rule S1)
                del self.lost[member.id]
                if (known.profile, known.attributes) != (read_profile(member.profile), member.attributes):
                    self.changed(member.id, member.profile, member.attributes)
                return
            self._gone(known, "restarted")
        room = self._room
        peer = Peer(room, member, room.client._report)
        peer._link = self._links.make(room, peer, member.remote)
        self.here[peer.id] = peer
        for key in room._consumers:
            peer._stream(key)
        room._emit("peer_joined", peer)
        self.arrivals.set()
        if self._p2p == "eager" or (self._p2p == "auto" and len(self.here) < EAGER_ROOM):
            for other in self.here.values():
                other._link.want_direct()

    def vanished(self, id: str, reason: str) -> None:
        """A peer is off the roster."""
        if (peer := self.here.get(id)) is None:
            return
        if reason == "lost" and peer._link.core.session.direct_proved:
            # Off the roster past its grace time, but the direct path still proves that it lives (rule S1).
            self.lost[id] = peer
            peer.away = True
            peer._link.relay_changed(None, None)
            self._room._start(self._watch_lost(peer))
        else:
            self._gone(peer, reason)

    def changed(self, id: str, profile: str, attributes: dict[str, Any]) -> None:
        """A peer says something else of itself, or the server of it."""
        if (peer := self.here.get(id)) is not None:
            peer.profile = read_profile(profile)
            peer.attributes = attributes
            self._room._tell(peer, "peer_updated", peer)

    def relay(self, id: str, mine: int | None, theirs: int | None) -> None:
        """The connections between which a peer can be relayed to have changed."""
        if (peer := self.here.get(id)) is not None:
            if mine is not None:
                peer.away = theirs is None
            peer._link.relay_changed(mine, theirs)

    def guest_came(self, guest: Guest) -> None:
        """A guest is there."""
        self._room._emit("guest_joined", guest)

    def guest_left(self, guest: Guest, reason: str) -> None:
        """A guest is gone."""
        self._room._emit("guest_left", guest, reason)

    def packet(self, event: wire.RelayFrom | wire.SignalFrom) -> bool:
        """A packet has come of somebody."""
        if (peer := self.here.get(event.sender)) is None:
            return False
        if isinstance(event, wire.RelayFrom):
            peer._link.receive_relay(event.packet)
        elif isinstance(event.packet, bytes):
            peer._link.receive_signal(event.kind, event.attempt, event.packet)
        return True

    def over(self, reason: str) -> None:
        """The room is over."""
        self._room._over(reason)

    # ---- going

    async def _watch_lost(self, peer: Peer) -> None:
        """Until a peer that the server has lost is found again, or its direct path is without proof for good."""
        room = self._room
        proved = room._now()
        while self.lost.get(peer.id) is peer and room._closed is None:
            if peer._link.core.session.direct_proved:
                proved = room._now()
            elif room._now() - proved > UNPROVED_SECONDS or peer._link.path is None:
                self._gone(peer, "lost")
            await asyncio.sleep(0.25)

    def _gone(self, peer: Peer, reason: str) -> None:
        self.lost.pop(peer.id, None)
        del self.here[peer.id]
        gone = f"it is gone ({reason})"
        peer._link.cut(gone)
        for consumer in peer._consumers.values():
            consumer.close()
        self._room._tell(peer, "peer_left", peer, reason)
        self.departing.add(peer)
        self._room._start(self._depart(peer, gone))

    async def _depart(self, peer: Peer, reason: str) -> None:
        await peer._link.end(reason)
        await peer._end_events(None)
        await asyncio.gather(*(stream.depart() for stream in peer._streams.values()))
        self.departing.discard(peer)
