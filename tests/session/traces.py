"""Session traces: every call of one session, what it was given and what it gave, for replay in any language.

`make()` records a few simulated runs; a failing one can be recorded the same way (`recorded`). A trace is a list of
steps `[what, at, ...]` in order, `at` being the `now` that was passed:

    ["send", at, channel, type, payload]     ["frames_to_send", at, [[path, lane, packet], ...]]

tests/vectors/README.md lists them all.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec

from peers.codec.frames import Frame, FrameType, Lane, decode_packet, encode_packet
from peers.session.events import DirectInstance, Event, Instance, Outbound, RelayInstance
from peers.session.routing import Flight
from peers.session.rules import Rules
from peers.session.session import Session
from tests.session.simulation import SMALL, World

Step = list[Any]


def path_of(instance: Instance) -> list[Any]:
    """An instance as a trace names it."""
    return ["relay" if isinstance(instance, RelayInstance) else "direct", *instance]


def instance_of(path: list[Any]) -> Instance:
    """And back."""
    return RelayInstance(*path[1:]) if path[0] == "relay" else DirectInstance(*path[1:])


def event_of(event: Event) -> dict[str, Any]:
    """An event as a trace tells it."""
    fields = {
        name: value.hex() if isinstance(value, bytes) else value
        for name, value in msgspec.structs.asdict(event).items()
    }
    return {"event": type(event).__name__, **fields}


class Recorded(Session):
    """A session that writes down what happens to it."""

    def __init__(self, now: float, *, rules: Rules | None = None) -> None:
        super().__init__(now, rules=rules)
        self.steps: list[Step] = []
        self._flights: list[Flight] = []

    def path_opened(self, instance: Instance, now: float, most: int | None = None) -> None:
        self.steps.append(["path_opened", now, path_of(instance), most])
        super().path_opened(instance, now, most)

    def path_ended(self, instance: Instance, now: float) -> None:
        self.steps.append(["path_ended", now, path_of(instance)])
        super().path_ended(instance, now)

    def path_waiting(self, instance: Instance, waiting: int, now: float) -> None:
        path = self._routes.paths.get(instance)
        if path is not None and path.waiting != waiting:
            self.steps.append(["path_waiting", now, path_of(instance), waiting])
        super().path_waiting(instance, waiting, now)

    def refused(self, flight: Flight, code: str, now: float) -> None:
        self.steps.append(["refused", now, self._flights.index(flight), code])
        super().refused(flight, code, now)

    def receive(self, instance: Instance, frames: Iterable[Frame], now: float) -> None:
        frames = list(frames)
        self.steps.append(["receive", now, path_of(instance), encode_packet(frames).hex()])
        super().receive(instance, frames, now)

    def frames_to_send(self, now: float) -> list[Flight]:
        flights = super().frames_to_send(now)
        self._flights += flights
        given = [[path_of(flight.instance), int(flight.lane), flight.encode().hex()] for flight in flights]
        self.steps.append(["frames_to_send", now, given])
        return flights

    def next_timeout(self) -> float | None:
        due = super().next_timeout()
        self.steps.append(["next_timeout", self._now, due])
        return due

    def handle_timeout(self, now: float) -> None:
        self.steps.append(["handle_timeout", now])
        super().handle_timeout(now)

    def next_event(self) -> Event | None:
        event = super().next_event()
        if event is not None:
            self.steps.append(["next_event", self._now, event_of(event)])
        return event

    def open(self, label: str, lane: Lane, kind: str = "", settings: dict[str, Any] | None = None) -> int:
        channel = super().open(label, lane, kind, settings)
        self.steps.append(["open", self._now, label, int(lane), channel])
        return channel

    def can_send(self, channel: int, size: int) -> bool:
        can = super().can_send(channel, size)
        self.steps.append(["can_send", self._now, channel, size, can])
        return can

    def send(self, channel: int, kind: FrameType, payload: bytes, now: float, context: object = None) -> Outbound:
        self.steps.append(["send", now, channel, int(kind), payload.hex()])
        return super().send(channel, kind, payload, now, context)

    def send_datagram(self, channel: int, kind: FrameType, payload: bytes, now: float) -> bool:
        sent = super().send_datagram(channel, kind, payload, now)
        self.steps.append(["send_datagram", now, channel, int(kind), payload.hex(), sent])
        return sent

    def close_channel(self, channel: int, now: float) -> None:
        self.steps.append(["close_channel", now, channel])
        super().close_channel(channel, now)

    def listen(self, channel: int, now: float) -> None:
        self.steps.append(["listen", now, channel])
        super().listen(channel, now)

    def handled(self, channel: int, charge: int, now: float) -> None:
        self.steps.append(["handled", now, channel, charge])
        super().handled(channel, charge, now)

    def flush(self, now: float) -> int:
        mark = super().flush(now)
        self.steps.append(["flush", now, mark])
        return mark

    def close(self, now: float) -> None:
        self.steps.append(["close", now])
        super().close(now)

    def ping(self, now: float) -> int | None:
        number = super().ping(now)
        self.steps.append(["ping", now, number])
        return number


def replay(steps: list[Step], rules: Rules) -> list[Step]:
    """What a session gives now for the calls of a trace: the same steps, if nothing has changed."""
    session = Recorded(0.0, rules=rules)
    flights: list[Flight] = []
    for what, at, *given in steps:
        match what, given:
            case ("path_opened", [path, most]):
                session.path_opened(instance_of(path), at, most)
            case ("path_ended", [path]):
                session.path_ended(instance_of(path), at)
            case ("path_waiting", [path, waiting]):
                session.path_waiting(instance_of(path), waiting, at)
            case ("receive", [path, packet]):
                session.receive(instance_of(path), decode_packet(bytes.fromhex(packet)), at)
            case ("refused", [flight, code]):
                session.refused(flights[flight], code, at)
            case ("frames_to_send", _):
                flights += session.frames_to_send(at)
            case ("open", [label, lane, _]):
                session.open(label, Lane(lane))
            case ("can_send", [channel, size, _]):
                session.can_send(channel, size)
            case ("send", [channel, kind, payload]):
                session.send(channel, FrameType(kind), bytes.fromhex(payload), at)
            case ("send_datagram", [channel, kind, payload, _]):
                session.send_datagram(channel, FrameType(kind), bytes.fromhex(payload), at)
            case ("next_timeout" | "next_event", _):
                getattr(session, what)()
            case ("handle_timeout" | "flush" | "close" | "ping", _):
                getattr(session, what)(at)
            case ("close_channel" | "listen" | "handled", [*arguments]):
                getattr(session, what)(*arguments[:2], at)
            case _:
                raise ValueError(f"no such step: {what}")
    return session.steps


class Recording(World):
    """A world whose sessions are recorded."""

    def make_session(self) -> Session:
        return Recorded(self.clock.now, rules=self.rules)


def recorded(run: Callable[[World], None], seed: int = 1) -> list[list[Step]]:
    """Both sides' traces of a run."""
    world = Recording(seed)
    run(world)
    return [side.session.steps for side in world.sides if isinstance(side.session, Recorded)]


# ---- the runs


def relay_alone(world: World) -> None:
    """Messages of all sizes on both lanes over the relay, a flush, a channel closed, a bye."""
    a, b = world.sides
    world.connect()
    a.open("bulk", Lane.BULK)
    for size in (0, 10, 2_100):
        a.send("", size)
        a.send("bulk", size)
        b.send("", size)
        world.run(0.2)
    a.close_channel("bulk")
    a.flush()
    a.session.ping(world.clock.now)
    world.run(1)
    a.close()
    world.run(1)


def direct_comes_and_dies(world: World) -> None:
    """Relay, direct, silence, relay, direct: a message every 0.4 s both ways, and a datagram now and then."""
    a, b = world.sides
    world.connect()
    a.open("d", Lane.DATAGRAM)
    for side in (a, b):
        world.every(0.4, partial(side.send, "", 20), 6)
    world.every(0.9, lambda: a.datagram("d"), 6)
    world.run(0.5)
    direct = world.attempt()
    world.run(1.5)
    direct.cut()
    world.run(1.5)
    direct.restore()
    world.run(2.5)
    direct.end()
    world.run(1)


def the_server_refuses(world: World) -> None:
    """The server is busy, the peer is away and comes back, a packet vanishes."""
    a, _ = world.sides
    world.connect()
    world.run(0.3)
    world.relay.refusing = 1.0
    a.send("", 1_200)
    world.run(0.4)
    world.relay.refusing = 0.0
    world.run(0.5)
    world.relay.disconnect(1)
    a.send("", 500)
    world.run(0.5)
    world.relay.connect(1)
    world.run(0.5)
    world.relay.dropping = 1.0
    a.send("", 100)
    world.run(0.2)
    world.relay.dropping = 0.0
    world.run(4)


def nobody_listens(world: World) -> None:
    """A channel without a listener fills up while another goes on; then somebody listens."""
    a, b = world.sides
    b.absent = {"unheard": 2.0}
    world.connect()
    world.run(0.2)
    a.open("unheard")
    for _ in range(12):
        a.send_if_room("unheard", 500)
        a.send("", 30)
        world.run(0.1)
    world.run(2)


RUNS = (relay_alone, direct_comes_and_dies, the_server_refuses, nobody_listens)


def make() -> dict[str, Any]:
    """The traces that tests/vectors/session.json keeps."""
    traces = []
    for run in RUNS:
        for name, steps in zip(("first", "second"), recorded(run), strict=True):
            about = " ".join((run.__doc__ or "").split())
            traces.append({"name": f"{run.__name__}, the {name} side", "about": about, "steps": steps})
    return {
        "about": "Every call of a session and what it gave, in order; tests/session/traces.py says how to read it.",
        "rules": msgspec.structs.asdict(SMALL),
        "traces": traces,
    }
