"""One session, and a peer played by the test: frames by hand."""

from peers.codec.frames import Frame, FrameType, Lane
from peers.codec.payloads import decode_ping, encode_ack, encode_pong
from peers.session.events import DirectInstance, Event, MessageReceived, RelayInstance, SessionFailed
from peers.session.routing import Flight
from peers.session.rules import Rules
from peers.session.session import Session

RELAY = RelayInstance(1, 1)
DIRECT = DirectInstance(1)


class Single:
    """A session with its clock; it has a relay, a direct path, or both."""

    def __init__(self, *, relay: bool = True, direct: bool = False, rules: Rules | None = None) -> None:
        self.now = 100.0
        self.session = Session(self.now, rules=rules)
        self.seq = {Lane.RELIABLE: 1, Lane.BULK: 1}
        if relay:
            self.session.path_opened(RELAY, self.now)
        if direct:
            self.session.path_opened(DIRECT, self.now)
            self.pong(DIRECT)
        self.events()

    # ---- what the session gives

    def flights(self) -> list[Flight]:
        """What goes out now; the send buffers take it at once."""
        flights = self.session.frames_to_send(self.now)
        for instance in (RELAY, DIRECT):
            self.session.path_waiting(instance, 0, self.now)
        return flights

    def frames(self, *kinds: FrameType) -> list[Frame]:
        """The frames of these types (or all) that go out now."""
        return [frame for flight in self.flights() for frame in flight.frames if not kinds or frame.type in kinds]

    def events(self) -> list[Event]:
        """The events that have come."""
        found = []
        while (event := self.session.next_event()) is not None:
            found.append(event)
        return found

    def messages(self) -> list[bytes]:
        """The messages that have come."""
        return [event.payload for event in self.events() if isinstance(event, MessageReceived)]

    def failure(self) -> str | None:
        """Why the session failed, if it did."""
        return next((event.reason for event in self.events() if isinstance(event, SessionFailed)), None)

    # ---- what the application does

    def send(self, payload: bytes, channel: int = 0) -> None:
        """Send a message."""
        self.session.send(channel, FrameType.BYTES, payload, self.now)

    def wait(self, seconds: float) -> list[Flight]:
        """Time passes, and timers are called when they are due; what went out meanwhile."""
        end, flights = self.now + seconds, []
        for _ in range(100_000):
            due = self.session.next_timeout()
            if due is None or due > end:
                break
            self.now = max(self.now, due)
            self.session.handle_timeout(self.now)
            flights += self.flights()
        self.now = end
        return flights

    # ---- what the peer does

    def receive(self, *frames: Frame, by: RelayInstance | DirectInstance = RELAY) -> None:
        """A packet comes."""
        self.session.receive(by, frames, self.now)

    def data(
        self,
        payload: bytes,
        *,
        channel: int = 0,
        lane: Lane = Lane.RELIABLE,
        more: bool = False,
        kind: FrameType = FrameType.BYTES,
        seq: int | None = None,
    ) -> Frame:
        """The peer's next frame on a lane, or that with a given number."""
        if seq is None:
            seq = self.seq[lane]
            self.seq[lane] += 1
        return Frame(kind, lane, more, channel, seq, payload)

    def ack(
        self,
        reliable: int = 1,
        bulk: int = 1,
        *credits: tuple[int, int, int],
        by: RelayInstance | DirectInstance = RELAY,
    ) -> None:
        """An acknowledgement comes."""
        self.receive(Frame(FrameType.ACK, Lane.DATAGRAM, False, 0, 0, encode_ack(reliable, bulk, credits)), by=by)

    def pong(self, by: RelayInstance | DirectInstance, reliable: int = 1, bulk: int = 1) -> int:
        """The peer answers the pings that go out by a path now; how many they were."""
        pings = [
            decode_ping(frame.payload)[0]
            for flight in self.flights()
            for frame in flight.frames
            if frame.type is FrameType.PING and flight.instance == by
        ]
        for number in pings:
            payload = encode_pong(number, encode_ack(reliable, bulk, []))
            self.receive(Frame(FrameType.PONG, Lane.DATAGRAM, False, 0, 0, payload), by=by)
        return len(pings)
