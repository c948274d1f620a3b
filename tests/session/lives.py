"""One random life of two sessions: channels of all kinds, failures of all kinds, then peace, flush and close.

`live(seed)` raises Broken if a promise is not kept. The same seed gives the same life.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from peers.codec.frames import Lane
from peers.session.events import MessageReceived
from peers.session.rules import Rules
from tests.session.channels import Broken, Inlet
from tests.session.side import Side
from tests.session.simulation import World

BUSY = 12.0
"""Seconds of sending and failing."""


@dataclass
class Result:
    """Figures of one life."""

    failures: int
    suspicions: int
    sent: int
    twice: int
    settled: float


def live(seed: int, rules: Rules | None = None) -> Result:
    """One life. Raises Broken, or whatever the session raises."""
    rng = random.Random(seed)
    world = World(seed, rules, rate=rng.choice((6e4, 2e5, 1e6)), delay=rng.uniform(0.002, 0.08))
    world.jitter = rng.choice((0.0, 0.0, 0.05))
    world.relay.outbox = rng.choice((16, 64)) * 1024
    life = Life(world, rng)
    for side in world.sides:
        life.applications(side)
        life.calls(side)
        life.flushes(side)
    trouble = Trouble(world, rng)
    trouble.plan()
    world.run(BUSY)
    kind = rng.choice(("direct", "relay", "both", "suspect"))
    trouble.peace(kind)
    try:
        world.settle(45)
        settled = world.clock.now - BUSY
        _all_flush(world)
    except Broken as error:
        raise Broken(f"{kind}: {error}") from None
    _close(world, rng)
    twice = sum(side.session.stats().sent_twice for side in world.sides)
    suspicions = sum(side.session.stats().suspicions for side in world.sides)
    check_twice(world, twice, trouble.failures, suspicions)
    sent = sum(flight.size for _, _, flight in world.flights)
    return Result(trouble.failures, suspicions, sent, twice, settled)


def check_twice(world: World, twice: int, failures: int, suspicions: int) -> None:
    """What is sent again is bounded: both windows of both sides for each failure, and a burst for each suspicion."""
    rules = world.rules
    most = (failures + 1) * 2 * (rules.reliable_window + rules.bulk_window) + suspicions * rules.timeout_burst
    if twice > most:
        raise Broken(f"{twice} bytes sent twice in {failures} failures and {suspicions} suspicions")


class Life:
    """What the applications do."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self._world, self._rng = world, rng
        self._budget = [world.rate * BUSY * 0.15] * 2

    def applications(self, side: Side) -> None:
        """Some channels, each with a way of sending and a way of handling."""
        rng, world, rules = self._rng, self._world, self._world.rules
        for number in range(rng.randint(1, 3)):
            label, lane = f"{number}", rng.choice((Lane.RELIABLE, Lane.RELIABLE, Lane.BULK))
            if rng.random() < 0.3:
                side.peer.absent[label] = rng.uniform(0, BUSY)
            if rng.random() < 0.5:
                side.peer.handlers[label] = self._slow(side.peer, rng.choice((0.05, 0.5)))
            sizes = self._sizes(rules.bulk_message if lane is Lane.BULK else rules.reliable_message)
            world.clock.at(rng.uniform(0, 2), side.open, label, lane)
            begin = rng.uniform(2, BUSY)
            interval = rng.choice((0.02, 0.1, 0.3))
            end = min(BUSY, begin + rng.uniform(1, 8))
            world.clock.at(begin, world.every, interval, lambda s=side, n=label, z=sizes: self._more(s, n, z()), end)
        world.clock.at(0.5, side.open, "datagrams", Lane.DATAGRAM)
        world.every(0.2, lambda: side.datagram("datagrams"), BUSY)

    def _sizes(self, largest: int) -> Callable[[], int]:
        rng = self._rng
        return rng.choice(
            (
                lambda: rng.randint(0, 5),
                lambda: rng.randint(20, 300),
                lambda: rng.randint(500, 6_000),
                lambda: rng.choice((0, 50, largest // 3, largest)),
            )
        )

    def _more(self, side: Side, label: str, size: int) -> None:
        budget = self._budget
        if budget[side.index] > size and not side.flushes and side.send_if_room(label, size):
            budget[side.index] -= size + 50

    def _slow(self, side: Side, most: float) -> Callable[[Inlet, MessageReceived], None]:
        """A handler that takes its time, until peace has come."""

        def handle(inlet: Inlet, message: MessageReceived) -> None:
            clock = self._world.clock
            wait = self._rng.random() ** 3 * (most if clock.now < BUSY else 0.005)
            clock.after(wait, side.handled, inlet)

        return handle

    def calls(self, side: Side) -> None:
        """A handler that ends only when an answer to its own question has come on another channel."""
        set_up_calls(side)
        if self._rng.random() < 0.6:
            interval, size = self._rng.choice((0.05, 0.5)), self._rng.choice((0, 900))
            self._world.clock.at(1.0, self._world.every, interval, lambda: self._call(side, size), BUSY)

    def _call(self, side: Side, size: int) -> None:
        inlet = side.peer.inlets.get("call")
        waiting = len(side.outlets["call"].sizes) - (inlet.count if inlet is not None else 0)
        if waiting < 50:
            self._more(side, "call", size)

    def flushes(self, side: Side) -> None:
        """Perhaps a flush somewhere in between; what it promises is checked when it ends."""
        if self._rng.random() < 0.5:
            self._world.clock.at(self._rng.uniform(0, BUSY), side.flush)


def set_up_calls(side: Side) -> None:
    """`side` calls on "call"; its peer asks back on "ask", and the call is handled when "answer" has come."""
    peer = side.peer
    asked: dict[int, Inlet] = {}

    def call(inlet: Inlet, _: MessageReceived) -> None:
        asked[peer.send("ask", 10)] = inlet

    def answer(inlet: Inlet, _: MessageReceived) -> None:
        side.handled(inlet)
        side.send("answer", 10)

    def answered(inlet: Inlet, _: MessageReceived) -> None:
        asker = asked.pop(inlet.count, None)
        peer.handled(inlet)
        if asker is not None:
            peer.handled(asker)

    peer.handlers |= {"call": call, "answer": answered}
    side.handlers["ask"] = answer
    for who, label in ((side, "call"), (peer, "ask"), (side, "answer")):
        if label not in who.outlets:
            who.open(label)


class Trouble:
    """What happens to the paths."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self._world, self._rng = world, rng
        self.failures = 0

    def plan(self) -> None:
        """Connect, perhaps go direct, and fail now and then."""
        world, rng = self._world, self._rng
        for index in (0, 1):
            world.clock.at(rng.uniform(0, 1), world.relay.connect, index)
        if rng.random() < 0.85:
            world.clock.at(rng.uniform(0, 3), world.attempt)
        gap = rng.choice((1, 2, 5))
        moment = rng.uniform(0.5, gap)
        while moment < BUSY:
            world.clock.at(moment, self._fail)
            moment += rng.expovariate(1 / gap)

    def _fail(self) -> None:
        self.failures += 1
        paths = (self._cut, self._cut, self._end, self._freeze, self._world.attempt)
        self._rng.choice((*paths, self._offline, self._lie, self._sleep))()

    def _cut(self) -> None:
        rng, clock, direct = self._rng, self._world.clock, self._world.direct
        if direct is None:
            return
        direct.cut(*rng.choice(((True, True), (True, False), (False, True))))
        if rng.random() < 0.6:
            clock.after(rng.choice((rng.uniform(0.1, 1), rng.uniform(1, 8))), direct.restore)
        else:
            clock.after(rng.uniform(3, 10), direct.end)
            if rng.random() < 0.7:
                clock.after(rng.uniform(1, 6), self._world.attempt)

    def _end(self) -> None:
        if self._world.direct is not None:
            self._world.direct.end()
            if self._rng.random() < 0.8:
                self._world.clock.after(self._rng.uniform(0.5, 4), self._world.attempt)

    def _freeze(self) -> None:
        if self._world.direct is not None:
            self._world.direct.cut()
            self._world.clock.after(self._rng.uniform(0.05, 0.5), self._world.direct.restore)

    def _offline(self) -> None:
        rng, world = self._rng, self._world
        back = rng.choice((0.1, 1, 4)) * rng.uniform(0.5, 2)
        for index in rng.choice(((0,), (1,), (0, 1))):
            world.relay.disconnect(index, rng.uniform(0, min(back, 2)))
            world.clock.after(back * rng.uniform(1, 1.5), world.relay.connect, index)

    def _lie(self) -> None:
        """The server drops, refuses or doubles for a while."""
        rng, world = self._rng, self._world
        name = rng.choice(("dropping", "refusing", "doubling"))
        setattr(world.relay, name, rng.uniform(0.05, 0.5))
        world.clock.after(rng.uniform(0.5, 3), setattr, world.relay, name, 0.0)

    def _sleep(self) -> None:
        """A program stalls."""
        side = self._rng.choice(self._world.sides)
        side.asleep.sleep(self._rng.choice((0.2, 1, 4)))

    def peace(self, kind: str) -> None:
        """From now on a path stays up: direct, relay, both, or a relay beside a direct path that is dead in silence."""
        world, clock = self._world, self._world.clock
        world.relay.dropping = world.relay.refusing = world.relay.doubling = 0.0
        if kind == "suspect" and world.direct is not None:
            world.direct.cut()
            world.direct.stays_cut = True
        if kind in ("direct", "both"):
            world.attempt()
        for second in range(12):
            clock.after(second, self._keep, kind)

    def _keep(self, kind: str) -> None:
        world = self._world
        for index in (0, 1):
            if kind == "direct":
                world.relay.disconnect(index, 0.1)
            else:
                world.relay.connect(index)
        if kind in ("direct", "both") and (world.direct is None or world.direct.wires[0].is_cut):
            world.attempt()


def _all_flush(world: World) -> None:
    """A flush at peace ends, and so does every earlier one."""
    for side in world.sides:
        side.flush()
    world.run(8)
    if any(side.flushes for side in world.sides):
        raise Broken("a flush never ends")


def _close(world: World, rng: random.Random) -> None:
    """A close at any moment: every message is handled or reported, and none is both lost and unreported."""
    closer = rng.choice(world.sides)
    for _ in range(rng.randint(0, 20)):
        label = rng.choice([label for label in closer.outlets if label.isdigit() or not label])
        closer.send(label, rng.choice((0, 40, 3_000)))
    world.run(rng.choice((0.0, 0.03, 0.3)))
    closer.close()
    world.run(10)
    if not closer.ended:
        raise Broken("close did not end")
    closer.peer.end()
    world.run(5)
    for side in world.sides:
        reported = {message.context for message in side.undelivered}
        for label, outlet in side.outlets.items():
            received = side.peer.inlets[label].count if label in side.peer.inlets else 0
            for number in range(received, len(outlet.sizes)):
                if (label, number) not in reported:
                    raise Broken(f"neither handled nor reported: side {side.index}, {label!r} {number}")
