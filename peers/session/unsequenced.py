"""What goes out without a number: acknowledgements, pings, pongs and datagrams (rules S4 and S5).

They never wait behind the ordered lanes: on the direct path they travel on the datagram channel, on the relay with any
packet that goes there anyhow.
"""

from collections import deque

from peers.codec.frames import HEADER_SIZE, Frame, FrameType, Lane
from peers.codec.payloads import encode_ack, encode_datagram, encode_pong
from peers.session.credit import SendChannel
from peers.session.receiver import Receiver
from peers.session.routing import FOREVER, Flight, Path, Routes
from peers.session.rules import Rules

NO_PING = 0
"""A number that no ping has."""


class Unsequenced:
    """What waits to go out this turn, and when the next acknowledgement is due (`ack_due`)."""

    def __init__(self, rules: Rules, routes: Routes, receiver: Receiver) -> None:
        self._rules = rules
        self._routes = routes
        self._receiver = receiver
        self._datagrams: deque[Frame] = deque()
        self._datagrams_size = 0
        self._received = 0
        self._last_ack = -FOREVER
        self.ack_due = FOREVER

    def received(self, path: Path, size: int, now: float) -> None:
        """So many bytes of sequenced frames came by `path`."""
        path.received += size
        path.ack_owed = True
        self._received += size
        rules = self._rules
        soon = max(now, self._last_ack + rules.ack_pause)
        self.ack_by(soon if self._received >= rules.ack_bytes else now + rules.ack_delay)

    def ack_by(self, due: float) -> None:
        """Acknowledge at the latest then."""
        if due < self.ack_due:
            self.ack_due = due

    def next_timeout(self) -> float:
        """When the next acknowledgement is to go; FOREVER while there is no path that it may take."""
        return self.ack_due if any(path.confirmed for path in self._routes.paths.values()) else FOREVER

    def last_word(self, now: float) -> None:
        """Tell what has arrived and what is handled before this side may leave, which cuts off its direct path.

        What an acknowledgement there still has to say is then lost; so the relay says all of it, as the answer to a
        ping that nobody sent.
        """
        self.ack_by(now)
        routes = self._routes
        if routes.relay is not None and routes.direct is not None:
            routes.relay.pongs_owed.append(NO_PING)

    def datagram(self, channel: SendChannel, kind: FrameType, payload: bytes, now: float) -> bool:
        """Take a datagram along this turn; False if no path has room for it."""
        path = self._routes.route(Lane.RELIABLE, now)
        size = len(payload) + 4 + HEADER_SIZE
        if path is None or self._routes.datagram_room(path, now) < self._datagrams_size + size:
            return False
        channel.datagrams += 1
        numbered = encode_datagram(channel.datagrams, payload)
        self._datagrams.append(Frame(kind, Lane.DATAGRAM, False, channel.number, 0, numbered))
        self._datagrams_size += size
        return True

    def fill(self, now: float, flights: list[Flight]) -> None:
        """Add what goes out now to `flights`."""
        if now >= self.ack_due:
            self._acknowledge(now)
        for path in self._routes.paths.values():
            if path.confirmed and (path.control or path.pongs_owed):
                self._control(path, flights)
        if self._datagrams:
            self._send_datagrams(now, flights)

    def _acknowledge(self, now: float) -> None:
        """By every path that brought a frame since the last time, and by the relay while direct is suspect."""
        routes = self._routes
        chosen = [path for path in routes.paths.values() if path.ack_owed and path.confirmed]
        relay = routes.relay
        if routes.suspect() is not None and relay is not None and relay.confirmed and relay not in chosen:
            chosen.append(relay)
        if not chosen:
            path = routes.route(Lane.RELIABLE, now)
            if path is None or not path.confirmed:
                self.ack_due = now + self._rules.ack_delay
                return
            chosen.append(path)
        frame = Frame(FrameType.ACK, Lane.DATAGRAM, False, 0, 0, self._acknowledgement(False))
        for path in chosen:
            path.ack_owed = False
            path.control.append(frame)
        self._receiver.dirty.clear()
        self.ack_due, self._received, self._last_ack = FOREVER, 0, now

    def _acknowledgement(self, every: bool) -> bytes:
        receiver = self._receiver
        reliable, bulk = receiver.lanes
        return encode_ack(reliable.next, bulk.next, receiver.credits(every))

    def _control(self, path: Path, flights: list[Flight]) -> None:
        """A path's acknowledgements, pings and pongs."""
        frames = path.control
        path.control = []
        if path.pongs_owed:
            told = self._acknowledgement(True)
            for number in path.pongs_owed:
                frames.append(Frame(FrameType.PONG, Lane.DATAGRAM, False, 0, 0, encode_pong(number, told)))
            path.pongs_owed.clear()
        self._pack(path, frames, flights)

    def _send_datagrams(self, now: float, flights: list[Flight]) -> None:
        path = self._routes.route(Lane.RELIABLE, now)
        if path is not None and path.confirmed:
            path.datagram(now)
            self._pack(path, list(self._datagrams), flights)
        self._datagrams.clear()
        self._datagrams_size = 0

    def _pack(self, path: Path, frames: list[Frame], flights: list[Flight]) -> None:
        """Into a packet that goes by the relay anyhow, or into packets of their own."""
        if path.is_relay:
            size = sum(len(frame.payload) + HEADER_SIZE for frame in frames)
            for flight in flights:
                if flight.instance == path.instance and flight.size + size <= path.packet:
                    flight.frames[:0] = frames
                    flight.size += size
                    path.gave(size)
                    return
        most = path.packet if path.is_relay else self._rules.datagram_packet
        packet: list[Frame] = []
        size = 0
        for frame in frames:
            cost = len(frame.payload) + HEADER_SIZE
            if packet and size + cost > most:
                flights.append(Flight(path.instance, Lane.DATAGRAM, packet, [], size))
                path.gave(size)
                packet, size = [], 0
            packet.append(frame)
            size += cost
        flights.append(Flight(path.instance, Lane.DATAGRAM, packet, [], size))
        path.gave(size)
