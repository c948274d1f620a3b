"""Two programs over a server that drops, doubles, reorders and replays, while sessions are discarded, programs
restart and connections change: what S1, S2 and K3 are for, with real handshakes and seals.

`run(seed)` raises Broken if a message is delivered twice, out of order or with a gap, if one is neither delivered nor
reported as undelivered, or if the two do not find together once the server behaves.
"""

import random

from peers.session.session import Session
from tests.session.pair import Program, Side

WEIGHTS = {
    "deliver": 53,
    "send": 20,
    "wait": 10,
    "replay": 5,
    "roster": 5,
    "discard": 3,
    "restart": 2,
    "reconnect": 2,
}
"""How often what happens."""
STEPS = 150
SECONDS = 120
"""So long the two have, at the end, to find together."""


class Broken(AssertionError):
    """A promise was broken."""


class World:
    """Both programs, the server between them, and what became of every message."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        # Each world has its own temper: mishaps that are rare in most of them are common in some.
        self.temper = {what: weight * self.rng.choice((0.3, 1, 1, 4)) for what, weight in WEIGHTS.items()}
        self.now = 1_000.0
        self.refuses = self.rng.choice((0.0, 0.05, 0.3))
        """How often the server does not pass a packet on, and says so."""
        self.forgetful = self.rng.random() < 0.2
        """Nobody remembers what ended: then a message may come twice, but in two sessions of its receiver."""
        remembered = 0 if self.forgetful else 65_536
        self.programs = {name: Program(f"{name} {seed}", remembered=remembered) for name in "ab"}
        self.connections = {"a": 1, "b": 1}
        self.known = dict(self.connections)
        """The connections as the roster shows them: it may lag behind."""
        self.sides = {name: self.link(name) for name in "ab"}
        self.flying: list[tuple[str, bytes]] = []
        self.history: list[tuple[str, bytes]] = []
        """First messages, which the server may deliver again at any time."""
        self.sent: dict[bytes, None] = {}
        self.delivered: dict[bytes, None] = {}
        self.reported: set[bytes] = set()
        self.sessions: dict[Session, int] = {}
        self.counts: dict[str, int] = {}
        self.arrivals: dict[tuple[bytes, Session | None], None] = {}
        self.prefixes: dict[tuple[bytes, Session | None], int] = {}

    # ---- what happens

    def link(self, name: str) -> Side:
        """A new link, to the peer as it is now."""
        side = Side(self.programs[name], self.programs[other(name)], self.now)
        side.core.relay_changed(self.connections[name], self.known[other(name)], self.now)
        return side

    def send(self, name: str) -> None:
        """The application sends a message that says who, in which session, the how-manieth."""
        side, program = self.sides[name], self.programs[name]
        session = side.core.session
        if session not in self.sessions:
            self.sessions[session] = len(self.sessions)
        label = f"{name} {program.incarnation} {self.sessions[session]}"
        number = self.counts[label] = self.counts.get(label, 0) + 1
        text = f"{label}: {number}: "
        uid = text.encode() + b"x" * self.rng.choice((0, 0, 0, 20_000))
        self.sent[uid] = None
        side.send(uid, self.now)

    def discard(self, name: str) -> None:
        """The link is given up, say because the peer left; and then there it is again."""
        self.finish(name)
        self.sides[name] = self.link(name)

    def finish(self, name: str) -> None:
        side = self.sides[name]
        self.poll(name)
        self.reported |= {message.payload for message in side.core.end(self.now)}

    def restart(self, name: str) -> None:
        """The program is restarted. What it had not got acknowledged is lost with it."""
        self.finish(name)
        self.programs[name].restart()
        self.connections[name] += 1
        self.sides[name] = self.link(name)

    def reconnect(self, name: str) -> None:
        """The program's connection to the server is another one."""
        self.connections[name] += 1
        self.tell(name)

    def roster(self) -> None:
        """Each hears how the other is."""
        self.known = dict(self.connections)
        for name, side in self.sides.items():
            if side.core._peer.incarnation != self.programs[other(name)].incarnation:
                self.discard(name)
            else:
                self.tell(name)

    def tell(self, name: str) -> None:
        self.sides[name].core.relay_changed(self.connections[name], self.known[other(name)], self.now)

    # ---- what travels

    def pump(self, name: str) -> None:
        """The side does what is due and sends what it has."""
        side = self.sides[name]
        due = side.core.next_timeout()
        if due is not None and due <= self.now:
            side.core.handle_timeout(self.now)
        for outgoing in side.core.packets_to_send(self.now):
            side.core.relay_waiting(0, self.now)
            if self.rng.random() < self.refuses:
                side.core.relay_refused(outgoing, self.rng.choice(("busy", "away", "unknown-peer")), self.now)
                continue
            self.flying.append((other(name), outgoing.packet))
            if outgoing.packet[0] == 1:
                self.history.append((other(name), outgoing.packet))
        self.poll(name)

    def deliver(self, name: str, packet: bytes) -> None:
        side = self.sides[name]
        side.core.receive_relay(packet, self.now)
        self.poll(name)

    def poll(self, name: str) -> None:
        """Check what arrived, and note what was given up."""
        side = self.sides[name]
        side.poll(self.now)
        receiver = side.core.session if self.forgetful else None
        for uid in side.received:
            if uid not in self.sent:
                raise Broken(f"never sent: {uid[:40]!r}")
            if (uid, receiver) in self.arrivals:
                raise Broken(f"twice: {uid[:40]!r}")
            self.arrivals[uid, receiver] = None
            self.delivered[uid] = None
            label, number = uid.split(b": ")[:2]
            before = self.prefixes.get((label, receiver), 0)
            if int(number) != before + 1:
                raise Broken(f"after {before} came {uid[:40]!r}")
            self.prefixes[label, receiver] = before + 1
        side.received.clear()
        self.reported |= set(side.undelivered)

    # ---- a run

    def misbehave(self) -> None:
        """One step of a hostile world."""
        rng = self.rng
        name = rng.choice("ab")
        match rng.choices(tuple(self.temper), tuple(self.temper.values()))[0]:
            case "send":
                self.send(name)
            case "discard":
                self.discard(name)
            case "restart":
                self.restart(name)
            case "reconnect":
                self.reconnect(name)
            case "roster":
                self.roster()
            case "wait":
                self.now += rng.choice((0.05, 0.3, 1.5))
            case "replay" if self.history:
                self.deliver(*rng.choice(self.history))
            case _ if self.flying:
                at = rng.randrange(len(self.flying))
                flying = self.flying.pop(at) if rng.random() < 0.8 else self.flying[at]
                if rng.random() < 0.8:
                    self.deliver(*flying)
        self.pump(name)
        while len(self.flying) > 60:
            self.flying.pop(rng.randrange(len(self.flying)))
        while len(self.history) > 40:
            self.history.pop(rng.randrange(len(self.history)))

    def behave(self, seconds: float) -> None:
        """From now on everything arrives, in order, until both have sent a last message and nothing is open."""
        self.roster()
        self.refuses = 0.0
        end = self.now + seconds
        last: list[bytes] = []
        while self.now < end:
            for name in "ab":
                self.pump(name)
            flying, self.flying = self.flying, []
            for name, packet in flying:
                self.deliver(name, packet)
            if not self.flying and not flying:
                self.now += 0.05
            if len(last) < 2 and all(side.core.bound and self.idle(side) for side in self.sides.values()):
                for name in "ab":
                    self.send(name)
                last = list(self.sent)[-2:]
            elif len(last) == 2 and all(self.idle(side) for side in self.sides.values()):
                if all(uid in self.delivered for uid in last):
                    return
                last = []  # the session ended meanwhile, and reported them
        raise Broken("the two do not find together")

    def idle(self, side: Side) -> bool:
        stats = side.core.session.stats()
        return not stats.queued and not stats.unacknowledged

    def account(self) -> None:
        """Every message was delivered, or its sender knows that it may not have been."""
        for uid in self.sent:
            if uid not in self.delivered and uid not in self.reported:
                raise Broken(f"unaccounted: {uid[:40]!r}")


def other(name: str) -> str:
    """The other side's name."""
    return "b" if name == "a" else "a"


def run(seed: int) -> World:
    """One run. Raises Broken."""
    world = World(seed)
    for _ in range(STEPS):
        world.misbehave()
    for name in "ab":
        world.send(name)
    world.behave(SECONDS)
    world.account()
    return world
