"""Hypothesis drives two sessions over two paths, step by step, and looks for steps that break a promise.

What is delivered is always a prefix of what was sent; all of it is once a path stays up; no window is exceeded; what is
sent twice is bounded; a flush ends only when all before it was handled; no datagram comes twice.
"""

import os
from dataclasses import dataclass, field

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from peers.codec.frames import FrameType, Lane, decode_packet
from peers.session.events import (
    ChannelOpened,
    DatagramReceived,
    DirectInstance,
    Flushed,
    Instance,
    MessageReceived,
    RelayInstance,
    SessionFailed,
)
from peers.session.routing import Flight
from peers.session.session import Session
from tests.session.simulation import SMALL

LABELS = ("", "r", "b")
"""The channels of both directions: the default one, a reliable and a bulk one."""


@dataclass
class Program:
    """A session, and what its application knows."""

    session: Session
    channels: dict[str, int] = field(default_factory=lambda: {"": 0})
    sent: dict[str, list[bytes]] = field(default_factory=lambda: {label: [] for label in LABELS})
    theirs: dict[int, str] = field(default_factory=lambda: {0: ""})
    got: dict[str, list[bytes]] = field(default_factory=lambda: {label: [] for label in LABELS})
    waiting: dict[str, list[MessageReceived]] = field(default_factory=lambda: {label: [] for label in LABELS})
    flushes: dict[int, dict[str, int]] = field(default_factory=dict)
    datagrams: set[int] = field(default_factory=set)
    alive: set[Instance] = field(default_factory=set)

    def handled(self, label: str) -> int:
        """How many messages of a channel were handled."""
        return len(self.got[label]) - len(self.waiting[label])


class Machine(RuleBasedStateMachine):
    """Two programs, and the packets between them."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.programs = tuple(Program(Session(self.now, rules=SMALL)) for _ in "ab")
        self.wires: dict[tuple[int, Instance, bool], list[Flight]] = {}
        """Packets on their way: to whom, by which path, and whether they have an order."""
        self.relays = self.attempts = self.failures = 0
        self.relay: RelayInstance | None = None
        self.open_relay()

    # ---- driving

    def turn(self, index: int) -> None:
        """What a program does after anything happened."""
        program, session = self.programs[index], self.programs[index].session
        self._events(index)
        for flight in session.frames_to_send(self.now):
            if flight.instance in program.alive:
                key = (1 - index, flight.instance, flight.lane is not Lane.DATAGRAM)
                self.wires.setdefault(key, []).append(flight)
        for instance in program.alive:
            session.path_waiting(instance, 0, self.now)
        self._events(index)

    def _events(self, index: int) -> None:
        program, other = self.programs[index], self.programs[1 - index]
        while (event := program.session.next_event()) is not None:
            match event:
                case MessageReceived():
                    label = program.theirs[event.channel]
                    program.got[label].append(event.payload)
                    program.waiting[label].append(event)
                    sent = other.sent[label]
                    assert program.got[label] == sent[: len(program.got[label])]
                case ChannelOpened():
                    program.theirs[event.channel] = event.label
                case Flushed():
                    for label, count in program.flushes.pop(event.mark).items():
                        assert other.handled(label) >= count
                case DatagramReceived():
                    assert event.number not in program.datagrams
                    program.datagrams.add(event.number)
                case SessionFailed():
                    raise AssertionError(event.reason)

    def both_turn(self) -> None:
        """Both programs run."""
        for index in (0, 1):
            self.turn(index)

    # ---- paths

    @rule()
    @precondition(lambda self: self.relay is None)
    def open_relay(self) -> None:
        """Both are connected to the server."""
        self.relays += 1
        self.relay = RelayInstance(self.relays, self.relays)
        self._open(self.relay)

    @rule()
    @precondition(lambda self: self.attempts < 5)
    def open_direct(self) -> None:
        """A direct attempt succeeds."""
        self.attempts += 1
        self._open(DirectInstance(self.attempts))

    def _open(self, instance: Instance) -> None:
        for program in self.programs:
            program.alive.add(instance)
            program.session.path_opened(instance, self.now)
        self.both_turn()

    @rule(index=st.integers(0, 1), data=st.data())
    @precondition(lambda self: any(program.alive for program in self.programs))
    def end_path(self, index: int, data: st.DataObject) -> None:
        """A side learns that a path has ended; what is on its way to it is lost."""
        alive = sorted(self.programs[index].alive)
        if alive:
            self._end(index, data.draw(st.sampled_from(alive)))
            self.turn(index)

    def _end(self, index: int, instance: Instance) -> None:
        self.failures += 1
        self.programs[index].alive.discard(instance)
        self.programs[index].session.path_ended(instance, self.now)
        if instance == self.relay and not any(instance in program.alive for program in self.programs):
            self.relay = None

    # ---- packets

    @rule(data=st.data(), count=st.integers(1, 8))
    @precondition(lambda self: any(self.wires.values()))
    def deliver(self, data: st.DataObject, count: int) -> None:
        """Some packets of a wire arrive; without an order, any of them."""
        key = data.draw(st.sampled_from(self.busy_wires()))
        for _ in range(min(count, len(self.wires[key]))):
            place = 0 if key[2] else data.draw(st.integers(0, len(self.wires[key]) - 1))
            self.arrive(key, self.wires[key].pop(place))

    def busy_wires(self) -> list[tuple[int, Instance, bool]]:
        """Wires with packets."""
        return sorted(key for key, flights in self.wires.items() if flights)

    def arrive(self, key: tuple[int, Instance, bool], flight: Flight) -> None:
        """A packet arrives, if the path still lives there."""
        index, instance, _ = key
        if instance in self.programs[index].alive:
            self.programs[index].session.receive(instance, decode_packet(flight.encode()), self.now)
        self.turn(index)

    @rule(data=st.data(), what=st.sampled_from(("drop", "double", "busy", "away")))
    @precondition(lambda self: any(self.wires.values()))
    def mishap(self, data: st.DataObject, what: str) -> None:
        """The server drops, doubles or refuses a packet; the direct path loses one without an order."""
        key = data.draw(st.sampled_from(self.busy_wires()))
        index, instance, ordered = key
        if isinstance(instance, DirectInstance) and (ordered or what != "drop"):
            return
        self.failures += 1
        flight = self.wires[key].pop(0)
        if what == "double":
            for _ in range(2):
                self.arrive(key, flight)
        elif what != "drop":
            self.programs[1 - index].session.refused(flight, what, self.now)
            self.turn(1 - index)

    @rule(seconds=st.sampled_from((0.001, 0.03, 0.2, 0.8, 3.5)))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        end = self.now + seconds
        for _ in range(1_000):
            dues = [program.session.next_timeout() for program in self.programs]
            due = min((d for d in dues if d is not None), default=end)
            if due >= end:
                break
            self.now = max(self.now, due)
            for program, d in zip(self.programs, dues, strict=True):
                if d is not None and d <= self.now:
                    program.session.handle_timeout(self.now)
            self.both_turn()
        self.now = end

    # ---- applications

    @rule(index=st.integers(0, 1), label=st.sampled_from(LABELS), size=st.sampled_from((0, 3, 400, 2_500, 20_000)))
    def send(self, index: int, label: str, size: int) -> None:
        """A program sends a message, if there is room."""
        program = self.programs[index]
        if label not in program.channels:
            lane = Lane.BULK if label == "b" else Lane.RELIABLE
            program.channels[label] = program.session.open(label, lane)
        if program.session.can_send(program.channels[label], size):
            payload = bytes([len(program.sent[label]) % 251]) * size
            program.sent[label].append(payload)
            program.session.send(program.channels[label], FrameType.BYTES, payload, self.now)
        self.turn(index)

    @rule(index=st.integers(0, 1))
    def send_datagram(self, index: int) -> None:
        """A program sends a datagram."""
        program = self.programs[index]
        if "d" not in program.channels:
            program.channels["d"] = program.session.open("d", Lane.DATAGRAM)
        program.session.send_datagram(program.channels["d"], FrameType.BYTES, b"", self.now)
        self.turn(index)

    @rule(index=st.integers(0, 1), label=st.sampled_from(LABELS))
    def listen(self, index: int, label: str) -> None:
        """A program listens."""
        for channel, name in self.programs[index].theirs.items():
            if name == label:
                self.programs[index].session.listen(channel, self.now)
        self.turn(index)

    @rule(index=st.integers(0, 1), label=st.sampled_from(LABELS), count=st.integers(1, 5))
    def handle(self, index: int, label: str, count: int) -> None:
        """A program handles messages."""
        program = self.programs[index]
        for _ in range(min(count, len(program.waiting[label]))):
            event = program.waiting[label].pop(0)
            program.session.handled(event.channel, event.charge, self.now)
        self.turn(index)

    @rule(index=st.integers(0, 1))
    def flush(self, index: int) -> None:
        """A program flushes."""
        program = self.programs[index]
        program.flushes[program.session.flush(self.now)] = {label: len(sent) for label, sent in program.sent.items()}
        self.turn(index)

    # ---- promises

    @invariant()
    def windows_hold(self) -> None:
        """Nothing exceeds its window, on either side."""
        for program in self.programs:
            reliable, bulk = program.session._sender.lanes
            assert reliable.bytes <= SMALL.reliable_window
            assert bulk.bytes <= SMALL.bulk_window
            for lane in (reliable, bulk):
                assert lane.bytes == sum(item.cost for item in lane.unacked)
                assert len(lane.unacked) <= SMALL.frame_window
            for channel in program.session._receiver.channels.values():
                assert channel.handled <= channel.received <= channel.limit
                assert channel.limit <= channel.handled + max(channel.window, SMALL.first_credit)
            assert program.session._sender._budget.used >= 0

    @invariant()
    def books_are_right(self) -> None:
        """What is counted as it goes is what a count from the beginning gives."""
        for program in self.programs:
            sender = program.session._sender
            for path in program.session._routes.paths.values():
                carried = (item.cost for lane in sender.lanes for item in lane.unacked if path in item.by)
                assert path.life.in_flight == sum(carried)
            for lane in sender.lanes:
                mine = [channel for channel in sender.channels.values() if channel.lane & 1 == lane.lane]
                assert lane.queued == sum(channel.promised - channel.used for channel in mine)
                starved = [channel for channel in mine if channel.starved]
                assert lane.starved == len(starved)
                assert lane.stuck == sum(channel.promised - channel.used for channel in starved)
                for channel in mine:
                    assert channel.ready == (channel in lane.ready)
                    assert bool(channel.queue) == (channel.ready or channel.starved)
                queued = lane.queued + sum(item.charge for item in lane.unacked)
                assert queued <= sender._budget.used

    @invariant()
    def little_is_sent_twice(self) -> None:
        """Both windows for each failure, at most; and a burst for each suspicion and each long silence."""
        for program in self.programs:
            stats = program.session.stats()
            most = (self.failures + 1) * (SMALL.reliable_window + SMALL.bulk_window)
            assert stats.sent_twice <= most + (stats.suspicions + self.now / 3) * SMALL.timeout_burst

    def teardown(self) -> None:
        """Once a path stays up, everything arrives, and every flush ends."""
        for index in (0, 1):
            for instance in list(self.programs[index].alive):
                self._end(index, instance)
        self.relay = None
        self.open_relay()
        for index in (0, 1):
            self.flush(index)
        for _ in range(400):
            for key in self.busy_wires():
                for flight in self.wires.pop(key):
                    self.arrive(key, flight)
            for index in (0, 1):
                for label in LABELS:
                    self.listen(index, label)
                    self.handle(index, label, 99)
            self.wait(0.1)
            if not any(program.flushes for program in self.programs):
                break
        for program, other in (self.programs, self.programs[::-1]):
            assert not program.flushes, "a flush never ended"
            for label in LABELS:
                assert other.handled(label) == len(program.sent[label])
        assert sum(program.session._sender._budget.used for program in self.programs) == 0


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=int(os.environ.get("EITHERWAY_EXAMPLES", "150")),
    stateful_step_count=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
