"""One program of a simulation: a session, what drives it, and an application that checks what it is given."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from peers.codec.frames import FrameType, Lane, decode_packet
from peers.session.events import (
    ByeDone,
    ChannelOpened,
    DatagramReceived,
    DirectAdopted,
    DirectInstance,
    Event,
    Flushed,
    MessageReceived,
    Outbound,
    RelayInstance,
    SendReady,
    SessionFailed,
)
from peers.session.routing import Flight
from peers.session.session import Session
from tests.session.asleep import Asleep
from tests.session.channels import Broken, Inlet, Outlet
from tests.session.network import Direct

if TYPE_CHECKING:
    from tests.session.simulation import World


class Side:
    """One program: a session, and what drives it."""

    def __init__(self, world: "World", index: int, session: Session) -> None:
        self.world, self.index, self.clock, self.session = world, index, world.clock, session
        self.outlets = {"": Outlet("", Lane.RELIABLE, 0)}
        self.inlets: dict[str, Inlet] = {}
        self._by_channel: dict[int, Inlet] = {}
        self.handlers: dict[str, Callable[[Inlet, MessageReceived], None]] = {}
        self.absent: dict[str, float] = {}
        """Labels that nothing listens to before this moment."""
        self.relay: RelayInstance | None = None
        self.log: list[tuple[float, Event]] = []
        self.flushes: dict[int, dict[str, int]] = {}
        self.datagrams: list[tuple[int, int]] = []
        self.undelivered: list[Outbound] = []
        self.ended = self.failed_ok = False
        self.asleep = Asleep(world.clock)
        self._wake_at = float("inf")
        self._inlet("", 0)

    @property
    def peer(self) -> "Side":
        """The other program."""
        return self.world.sides[1 - self.index]

    # ---- what the network calls

    def _awake(self, again: Callable[[], object]) -> bool:
        """Whether this program runs now; if it sleeps, the call comes when it wakes."""
        return not self.asleep.puts_off(again) and not self.ended

    def arrived(self, instance: DirectInstance | None, packet: bytes) -> None:
        """A packet came."""
        if self._awake(lambda: self.arrived(instance, packet)):
            found = instance or self.relay
            if found is not None:
                self.session.receive(found, decode_packet(packet), self.clock.now)
            self.turn()

    def drained(self) -> None:
        """A send buffer may have room again."""
        if self._awake(self.drained):
            self.turn()

    def direct_opened(self, direct: Direct) -> None:
        """A direct attempt has opened."""
        if direct.alive and self._awake(lambda: self.direct_opened(direct)):
            self.session.path_opened(direct.instance, self.clock.now)
            self.turn()

    def direct_ended(self, instance: DirectInstance) -> None:
        """A direct path has ended."""
        if self._awake(lambda: self.direct_ended(instance)):
            self.session.path_ended(instance, self.clock.now)
            self.turn()

    def relay_changed(self, mine: int | None, theirs: int | None) -> None:
        """Who is connected has changed."""
        if self._awake(lambda: self.relay_changed(mine, theirs)):
            new = None if mine is None or theirs is None else RelayInstance(mine, theirs)
            if new != self.relay:
                if self.relay is not None:
                    self.session.path_ended(self.relay, self.clock.now)
                self.relay = new
                if new is not None:
                    self.session.path_opened(new, self.clock.now)
            self.turn()

    def refused(self, flight: Flight, code: str) -> None:
        """The server did not pass a flight on."""
        if self._awake(lambda: self.refused(flight, code)):
            self.session.refused(flight, code, self.clock.now)
            self.turn()

    # ---- driving the session

    def turn(self) -> None:
        """Take the session's events, send what it gives, set the timer."""
        if self.ended:
            return
        while (event := self.session.next_event()) is not None:
            self._event(event)
        now = self.clock.now
        self._tell_waiting(now)
        for flight in self.session.frames_to_send(now):
            self.world.check(self, flight)
            self._send(flight)
        self._tell_waiting(now)
        while (event := self.session.next_event()) is not None:
            self._event(event)
        due = self.session.next_timeout()
        if due is not None and due < self._wake_at:
            self._wake_at = max(due, now)
            self.clock.at(self._wake_at, self._wake, self._wake_at)

    def _wake(self, when: float) -> None:
        if when != self._wake_at or not self._awake(lambda: self._wake(when)):
            return  # an earlier timer has taken this one's place, or the program sleeps
        self._wake_at = float("inf")
        due = self.session.next_timeout()
        if due is not None and due <= self.clock.now:
            self.session.handle_timeout(self.clock.now)
        self.turn()

    def _send(self, flight: Flight) -> None:
        if isinstance(flight.instance, RelayInstance):
            if flight.instance == self.relay:
                self.world.relay.send(self.index, flight)
        else:
            direct = self.world.attempts[flight.instance.attempt]
            direct.send(self.index, flight)

    def _tell_waiting(self, now: float) -> None:
        if self.relay is not None:
            self.session.path_waiting(self.relay, self.world.relay.waiting(self.index), now)
        for direct in self.world.attempts.values():
            if direct.alive:
                self.session.path_waiting(direct.instance, direct.wires[self.index].waiting, now)

    def _event(self, event: Event) -> None:
        match event:
            case MessageReceived():
                self._message(event)
                return
            case ChannelOpened(channel, label, lane):
                if lane is not Lane.DATAGRAM:
                    self._inlet(label, channel)
            case DatagramReceived(channel, number):
                if (channel, number) in self.datagrams:
                    raise Broken("a datagram came twice")
                self.datagrams.append((channel, number))
            case DirectAdopted(attempt):
                self.world.adopted(attempt)
            case Flushed(mark):
                for label, count in self.flushes.pop(mark).items():
                    if self.peer.inlets[label].count < count:
                        raise Broken(f"flush ended before {label!r} was handled")
            case SendReady() if self.world.on_ready is not None:
                self.world.on_ready(self, event.channel)
            case SessionFailed(reason) if not self.failed_ok:
                raise Broken(f"an honest session failed: {reason}")
            case ByeDone():
                self.clock.after(0.001, self.end)
        self.log.append((self.clock.now, event))

    def events(self, kind: type) -> list[Event]:
        """The events of a kind that have come so far (messages are not kept)."""
        return [event for _, event in self.log if isinstance(event, kind)]

    # ---- the application

    def open(self, label: str, lane: Lane = Lane.RELIABLE) -> Outlet:
        """Open our direction of a channel."""
        outlet = self.outlets[label] = Outlet(label, lane, self.session.open(label, lane))
        self.turn()
        return outlet

    def send(self, label: str, size: int) -> int:
        """Send a message; its number."""
        outlet = self.outlets[label]
        outlet.sizes.append(size)
        number = len(outlet.sizes) - 1
        payload = outlet.payload(number)
        self.session.send(outlet.channel, FrameType.BYTES, payload, self.clock.now, (label, number))
        self.turn()
        return number

    def send_if_room(self, label: str, size: int) -> bool:
        """Send a message unless the channel is full, as an application does."""
        if self.ended or not self.session.can_send(self.outlets[label].channel, size):
            return False
        self.send(label, size)
        return True

    def datagram(self, label: str) -> bool:
        """Send a datagram."""
        outlet = self.outlets.get(label)
        if outlet is None or self.ended:
            return False
        sent = self.session.send_datagram(outlet.channel, FrameType.BYTES, b"now", self.clock.now)
        self.turn()
        return sent

    def close_channel(self, label: str) -> None:
        """Close our direction of a channel."""
        self.session.close_channel(self.outlets[label].channel, self.clock.now)
        self.turn()

    def _inlet(self, label: str, channel: int) -> None:
        inlet = Inlet(label, channel, lambda inlet, _: self.handled(inlet))
        self.inlets[label] = self._by_channel[channel] = inlet
        since = self.absent.get(label, 0.0)
        if since > self.clock.now:
            self.clock.at(since, self.listen, inlet)
        elif self.world.listens:
            self.listen(inlet)

    def listen(self, inlet: Inlet) -> None:
        """Something listens from now on."""
        if not self.ended:
            inlet.handler = self.handlers.get(inlet.label, inlet.handler)
            inlet.listening = True
            self.session.listen(inlet.channel, self.clock.now)
            self._serve(inlet)
            self.turn()

    def _message(self, event: MessageReceived) -> None:
        inlet = self._by_channel[event.channel]
        sent = self.peer.outlets[inlet.label]
        if inlet.received >= len(sent.sizes) or event.payload != sent.payload(inlet.received):
            raise Broken(f"side {self.index}, channel {inlet.label!r}: message {inlet.received} is another one")
        inlet.received += 1
        inlet.queue.append(event)
        inlet.times.append(self.clock.now)
        self._serve(inlet)

    def _serve(self, inlet: Inlet) -> None:
        while inlet.queue and inlet.listening and not inlet.busy:
            inlet.busy = True
            inlet.handler(inlet, inlet.queue[0])

    def handled(self, inlet: Inlet) -> None:
        """The application has handled the oldest message."""
        event = inlet.queue.popleft()
        inlet.count += 1
        inlet.busy = False
        self.session.handled(event.channel, event.charge, self.clock.now)
        self.clock.at(self.clock.now, self.turn)
        self.clock.at(self.clock.now, self._serve, inlet)

    def flush(self) -> int:
        """Wait until everything sent so far is handled; checked when it ends."""
        mark = self.session.flush(self.clock.now)
        self.flushes[mark] = {label: len(outlet.sizes) for label, outlet in self.outlets.items() if outlet.sizes}
        self.turn()
        return mark

    def close(self) -> None:
        """Send our bye; give up after 5 s."""
        self.session.close(self.clock.now)
        self.turn()
        self.clock.after(5, self.end)

    def end(self) -> None:
        """The session is over."""
        if not self.ended:
            self.turn()
            self.ended = True
            self.undelivered = self.session.end()
