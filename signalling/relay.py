"""What happens on relay: sealed packets are passed on, acknowledged in bulk, refused one by one (V4)."""

import asyncio
import time
from typing import Final

from signalling.announcer import Announcer
from signalling.clients import Client, Clients, Seat
from signalling.engine.packets import Speller
from signalling.metrics import Metrics
from signalling.protocol.errors import Code, ProtocolError
from signalling.protocol.events import Refused, Relay
from signalling.protocol.limits import (
    MAX_INTEGER,
    MAX_PACKET,
    MAX_RECIPIENTS,
    RELAYED_EVERY_BYTES,
    RELAYED_EVERY_SECONDS,
)
from signalling.rooms.roster import Roster
from signalling.rooms.store import RoomStore

_TELL_AFTER: Final = RELAYED_EVERY_SECONDS / 2
"""Leaves as much again for the way through the loop and the network."""


class Relays:
    """Passes packets from member to members, and stores none."""

    def __init__(
        self, store: RoomStore, clients: Clients, announcer: Announcer, speller: Speller, metrics: Metrics
    ) -> None:
        self._store = store
        self._clients = clients
        self._announcer = announcer
        self._speller = speller
        self._metrics = metrics
        self.packets = 0
        """How many were passed on since the start, each to one member."""
        self.bytes = 0
        """Of them."""

    def relay(self, client: Client, relay: Relay) -> None:
        """Passes packets on; what cannot be is refused by an event. Raises ProtocolError `bad-request`."""
        self._check(client, relay)
        size = sum(map(len, relay.packets))
        if len(relay.packets) > len(relay.to):
            size += len(relay.packets[-1]) * (len(relay.to) - 1)
        client.relays.last = relay.n
        seat = client.seats.get(relay.room)
        roster = self._store.find(relay.room)
        if seat is None or roster is None:
            self._refuse_all(client, relay, "not-in-room")
        elif seat.is_guest or "relay" not in client.access.grants:
            self._refuse_all(client, relay, "forbidden")
        elif max(map(len, relay.packets)) > MAX_PACKET:
            self._refuse_all(client, relay, "too-large")
        elif client.relay_bytes.take(size, time.monotonic()):
            self._refuse_all(client, relay, "rate-limited")
        else:
            self._pass_on(client, relay, seat, roster)
        self._acknowledge(client, size)

    def rate_limited(self, client: Client, relay: Relay) -> None:
        """Refuses a relay that came too soon after others. Raises ProtocolError `bad-request`."""
        self._check(client, relay)
        client.relays.last = relay.n
        self._refuse_all(client, relay, "rate-limited")
        self._acknowledge(client, 0)

    def refuse(self, client: Client, relay: Relay) -> None:
        """Refuses a relay before those that it follows have been handled. The next one's acknowledgement covers it."""
        self._refuse_all(client, relay, "rate-limited")

    def gone(self, client: Client) -> None:
        """Stops the clock of a client that is gone."""
        if client.relays.timer is not None:
            client.relays.timer.cancel()
            client.relays.timer = None

    def _check(self, client: Client, relay: Relay) -> None:
        if not client.relays.last < relay.n <= MAX_INTEGER:
            raise ProtocolError("bad-request", f"n must be higher than the last one, which was {client.relays.last}")
        if not 0 < len(relay.to) <= MAX_RECIPIENTS:
            raise ProtocolError("bad-request", f"to: 1 to {MAX_RECIPIENTS} recipients")
        if not len(relay.to) <= len(relay.packets) <= len(relay.to) + 1:
            raise ProtocolError("bad-request", "packets: one for each recipient, then at most one body for all")

    def _pass_on(self, client: Client, relay: Relay, seat: Seat, roster: Roster) -> None:
        text, text_with_body = seat.relay_texts
        body = relay.packets[-1] if len(relay.packets) > len(relay.to) else None
        is_news = self._announcer.is_news(relay.room, seat.peer)
        for to, packet in zip(relay.to, relay.packets, strict=False):
            entry = roster.get(to)
            if entry is None:
                self._refuse(client, relay.n, to, "unknown-peer")
                continue
            if not entry.key:
                self._refuse(client, relay.n, to, "forbidden")  # a guest could not open it
                continue
            receiver = self._clients.get(entry.holder) if entry.holder is not None else None
            if receiver is None:
                self._refuse(client, relay.n, to, "away")
                continue
            if is_news:
                self._announcer.tell(relay.room, receiver)
            if not receiver.outbox.push((text, packet) if body is None else (text_with_body, packet, body)):
                self._refuse(client, relay.n, to, "busy")
                continue
            self.packets += 1
            self.bytes += len(packet) if body is None else len(packet) + len(body)

    def _refuse_all(self, client: Client, relay: Relay, code: Code) -> None:
        for to in relay.to:
            self._refuse(client, relay.n, to, code)

    def _refuse(self, client: Client, n: int, to: str, code: Code) -> None:
        self._metrics.refused("relay", code)
        client.outbox.push_urgent(self._speller.event("refused", Refused(n=n, to=to, code=code)))

    def _acknowledge(self, client: Client, size: int) -> None:
        count = client.relays
        count.untold_bytes += size
        if count.untold_bytes >= RELAYED_EVERY_BYTES:
            self._tell(client)
        elif count.timer is None:
            count.timer = asyncio.get_running_loop().call_later(_TELL_AFTER, self._tell, client)

    def _tell(self, client: Client) -> None:
        self.gone(client)
        client.relays.untold_bytes = 0
        client.outbox.push_relayed(client.relays.last)
