"""What happens on a request, an offer, an answer, a candidate: it is passed on, whatever it says."""

from collections import Counter

import msgspec

from signalling.admission import check_number
from signalling.announcer import Announcer
from signalling.clients import Client, Clients
from signalling.engine.packets import Speller
from signalling.protocol.errors import ProtocolError
from signalling.protocol.events import Signal, SignalFrom, SignalKind
from signalling.protocol.limits import MAX_SIGNAL
from signalling.rooms.store import RoomStore


class Signals:
    """Passes signals from member to member."""

    def __init__(self, store: RoomStore, clients: Clients, announcer: Announcer, speller: Speller) -> None:
        self._store = store
        self._clients = clients
        self._announcer = announcer
        self._speller = speller
        self.passed_on: Counter[SignalKind] = Counter()
        """Since the start."""

    def signal(self, client: Client, signal: Signal) -> None:
        """Passes one signal on.

        Raises ProtocolError: `bad-request`, `too-large`, `not-in-room`, `unknown-peer`, `away`, `busy`.
        """
        check_number(signal.attempt, "attempt")
        _check_size(signal.packet)
        seat = client.seats.get(signal.room)
        roster = self._store.find(signal.room)
        if seat is None or roster is None:
            raise ProtocolError("not-in-room", "join the room first")
        entry = roster.get(signal.to)
        if entry is None:
            raise ProtocolError("unknown-peer", "nobody of that id is in the room")
        receiver = self._clients.get(entry.holder) if entry.holder is not None else None
        if receiver is None:
            raise ProtocolError("away", "that peer has lost its connection and may come back")
        event = SignalFrom(
            room=signal.room, sender=seat.peer, kind=signal.kind, attempt=signal.attempt, packet=signal.packet
        )
        if self._announcer.is_news(signal.room, seat.peer):
            self._announcer.tell(signal.room, receiver)
        if not receiver.outbox.push(self._speller.any_event("signal", event)):
            raise ProtocolError("busy", "too much waits for that peer already", retry_after=0.1)
        self.passed_on[signal.kind] += 1


def _check_size(packet: object) -> None:
    try:
        size = len(packet) if isinstance(packet, bytes) else len(msgspec.json.encode(packet))
    except (ValueError, OverflowError, TypeError, RecursionError):
        raise ProtocolError("bad-request", "packet: neither bytes nor JSON that can be passed on") from None
    if size > MAX_SIGNAL:
        raise ProtocolError("too-large", f"a signal has at most {MAX_SIGNAL} bytes; this one has {size}")
