"""Two peers of a plan of chaos in the simulator, and what a trouble is to their cores.

A cut or a dead TURN server loses what one side sends directly. Isolated, neither path carries anything, and if that
lasts the server takes the client for gone. Loss and reordering are those of datagrams; the ordered lanes are held up.
What comes for a stopped program, its timers too, comes when it goes on. Who roams loses its connection, and its direct
paths for good. A killed server loses every connection and all that it held.
"""

import math
from collections.abc import Callable, Sequence

from peers.codec.frames import Lane
from tests.network.plan import SIDES, Plan, Trouble, narrow
from tests.network.routers import Routers
from tests.network.stage import Way
from tests.session.network import Wire
from tests.session.tries import GIVEN_UP, Try
from tests.session.whole import RATE, World

EVERY = 2.0
"""Seconds between two moments in which a side sends something, on average."""
SIZES = (10, 10, 200, 3_000, 40_000)
SILENCE = (7.0, 14.0)
"""Seconds after which a server takes a client that does not answer for gone (its ping interval and timeout)."""
AGAIN = (0.2, 2.0)
"""Seconds until a client tries to connect again."""
NOTICE = (0.05, 3.0)
"""Seconds until a program notices that its address is another one."""
GRACE, UNPROVED = 30.0, 5.0
"""Seconds that a peer may be off the roster, and beyond that without direct proof (S1)."""
NO_UDP = ("no-udp", "tcp-443")


def road(one: Routers, other: Routers, way: Way) -> str | None:
    """By what a direct path between these routers leads: `direct`, `turn`, or None: there is none."""
    kinds = {one, other}
    punched = not kinds & set(NO_UDP) and ("symmetric" not in kinds or "none" in kinds)
    if way == "none":
        punched = punched and "none" in kinds
    if punched:
        return "direct"
    if way == "turn-udp":
        return None if kinds & set(NO_UDP) else "turn"
    return "turn" if way in ("turn-tcp", "turn-tls") else None


class Host:
    """How one peer's network is at present."""

    def __init__(self, kind: Routers, delay: float) -> None:
        self.kind, self.delay = kind, delay
        self.cut = self.isolated = False
        self.loss = self.reorder = self.slower = 0.0
        self.rate = RATE


class Pair(World):
    """Two peers of a plan, and what happens to them."""

    def __init__(self, chosen: Plan, seed: int, pair: tuple[int, int]) -> None:
        names = (SIDES[pair[0]], SIDES[pair[1]])
        kinds = (chosen.kinds[pair[0]], chosen.kinds[pair[1]])
        delays = (chosen.delays[pair[0]], chosen.delays[pair[1]])
        self.road, self.way = road(*kinds, chosen.way), chosen.way
        super().__init__(f"{seed} {names}", names, delays)
        self.hosts = (Host(kinds[0], delays[0]), Host(kinds[1], delays[1]))
        self.names = names
        self.server_up = self.turn_up = True
        self.since = [0.0, 0.0]
        """When each side was last on the roster, or a new server began."""
        self.unproved = [0.0, 0.0]
        for index in (0, 1):
            self.clock.after(self.rng.random(), self.connect, index)
        self.clock.after(1.0, self._rosters)
        for trouble in chosen.troubles:
            if trouble.whom in (*names, "server", "turn"):
                self.clock.at(trouble.at, self._happens, trouble)

    # ---- what the network is like

    def tune(self) -> None:
        """Bring all wires in line with how the hosts are."""
        for index, host in enumerate(self.hosts):
            for wire in self.relay.wires(index):
                _set(wire, (host,), host.isolated)
        for each in self.tries:
            if not each.is_over:
                lost = any(host.isolated for host in self.hosts) or each.dead
                lost = lost or (self.road == "turn" and not self.turn_up) or self.road is None
                for wire, host in zip(each.wires, self.hosts, strict=True):
                    by_tcp = self.road == "turn" and self.way != "turn-udp" and host.kind in NO_UDP
                    _set(wire, self.hosts, lost or (host.cut and not by_tcp))

    def passable(self, attempt: Try) -> bool:
        """Whether there is a road at all, and it is open both ways."""
        return self.road is not None and super().passable(attempt)

    def connect(self, index: int) -> None:
        """A side connects to the server, now or when it can."""
        if self.relay.connection[index] is not None:
            return
        side = self.sides[index]
        if not side.asleep and self.server_up and not self.hosts[index].isolated:
            self.relay.connect(index)
            self.tune()
        else:
            self.clock.after(self.rng.uniform(*AGAIN), self.connect, index)

    def disconnect(self, index: int, notice: float) -> None:
        """A side's connection is gone; it notices later, and connects again."""
        if self.relay.connection[index] is not None:
            self.relay.disconnect(index, notice)
            self.clock.after(notice + self.rng.uniform(*AGAIN), self.connect, index)

    def _rosters(self) -> None:
        """Who is off the roster past its grace time is lost to the other, unless the direct path proves it lives."""
        now = self.clock.now
        for index, side in enumerate(self.sides):
            core = side.core
            if core is None or core.session.direct_proved:
                self.unproved[index] = now
            there = self.relay.connection[1 - index] is not None
            if there or self.relay.connection[index] is None:
                self.since[1 - index] = max(self.since[1 - index], now if there else 0.0)
            elif now > self.since[1 - index] + GRACE and now > self.unproved[index] + UNPROVED:
                side.lost()
        self.clock.after(1.0, self._rosters)

    # ---- troubles

    def _happens(self, trouble: Trouble) -> None:
        begin, end = ACTS[trouble.what]
        begin(self, trouble)
        self.tune()
        self.clock.after(trouble.seconds, self._ends, end, trouble)

    def _ends(self, end: "Act", trouble: Trouble) -> None:
        end(self, trouble)
        self.tune()

    def change(self, trouble: Trouble, **what: float) -> None:
        """A host's network is like this from now on."""
        for name, value in what.items():
            setattr(self.hosts[self.names.index(trouble.whom)], name, value)

    def isolate(self, trouble: Trouble) -> None:
        """Nothing gets to a host or from it."""
        self.change(trouble, isolated=True)
        self._unheard(trouble)

    def stop(self, trouble: Trouble) -> None:
        """A program is stopped."""
        self.sides[self.names.index(trouble.whom)].asleep.sleep(trouble.seconds)
        self._unheard(trouble)

    def _unheard(self, trouble: Trouble) -> None:
        """The server does not hear a client for so long."""
        patience = self.rng.uniform(*SILENCE)
        if patience < trouble.seconds:
            index, notice = self.names.index(trouble.whom), trouble.seconds - patience
            self.clock.after(patience, self.disconnect, index, notice)

    def stall(self, trouble: Trouble, seconds: float) -> None:
        """All of a host's traffic stands still for so long."""
        index = self.names.index(trouble.whom)
        for wires in (self.relay.wires(index), *(each.wires for each in self.tries if not each.is_over)):
            for wire in wires:
                wire.hold(seconds)

    def roam(self, trouble: Trouble) -> None:
        """A host has another address."""
        self.disconnect(self.names.index(trouble.whom), self.rng.uniform(*NOTICE))
        self._dead()

    def serve(self, up: bool) -> None:
        """The server is killed, or another one serves in its place."""
        self.server_up = up
        self.since = [self.clock.now, self.clock.now]
        for side in () if up else (0, 1):
            self.disconnect(side, self.rng.uniform(0.0, 0.1))

    def turn(self, up: bool) -> None:
        """The TURN server is killed, or another one is in its place."""
        self.turn_up = up
        if self.road == "turn" and not up:
            self._dead()

    def _dead(self) -> None:
        """No direct path that there is will ever work again; both sides give it up in the end."""
        for each in self.tries:
            if not each.is_over and not each.dead:
                each.dead = True
                for side in self.sides:
                    self.clock.after(self.rng.uniform(*GIVEN_UP), side.path_gone, each)

    # ---- what they say

    def talk(self, seconds: float) -> None:
        """Both send now and then, until then."""
        for side in self.sides:
            self.clock.after(self.rng.expovariate(1 / EVERY), self._say, side.index, seconds)

    def _say(self, index: int, until: float) -> None:
        rng = self.rng
        for _ in range(rng.choice((1, 1, 2, 5))):
            self.sides[index].send(rng.choice((Lane.RELIABLE, Lane.RELIABLE, Lane.BULK)), rng.choice(SIZES))
        if self.clock.now < until:
            self.clock.after(rng.expovariate(1 / EVERY), self._say, index, until)


def _set(wire: Wire, hosts: Sequence[Host], cut: bool) -> None:
    """What holds on a wire that these hosts' networks lead over."""
    wire.delay = sum(host.delay + host.slower for host in hosts)
    wire.rate = min(host.rate for host in hosts)
    wire.lose = wire.late = 1 - math.prod(1 - host.loss for host in hosts)
    wire.overtake = 1 - math.prod(1 - host.reorder for host in hosts)
    if cut:
        wire.cut()
    else:
        wire.restore()


Act = Callable[[Pair, Trouble], None]


def nothing(pair: Pair, trouble: Trouble) -> None:
    """It ends by itself."""


ACTS: dict[str, tuple[Act, Act]] = {
    "cut": (lambda p, t: p.change(t, cut=True), lambda p, t: p.change(t, cut=False)),
    "isolate": (Pair.isolate, lambda p, t: p.change(t, isolated=False)),
    "lose": (lambda p, t: p.change(t, loss=0.2 * t.much), lambda p, t: p.change(t, loss=0.0)),
    "reorder": (lambda p, t: p.change(t, reorder=0.3 * t.much), lambda p, t: p.change(t, reorder=0.0)),
    "slow": (lambda p, t: p.change(t, slower=0.05 + 0.2 * t.much), lambda p, t: p.change(t, slower=0.0)),
    "stall": (lambda p, t: p.stall(t, 0.1 + 0.4 * t.much), nothing),
    "stop": (Pair.stop, nothing),
    "roam": (Pair.roam, Pair.roam),
    "narrow": (lambda p, t: p.change(t, rate=narrow(t.much) / 8), lambda p, t: p.change(t, rate=RATE)),
    "kill server": (lambda p, t: p.serve(False), lambda p, t: p.serve(True)),
    "kill TURN": (lambda p, t: p.turn(False), lambda p, t: p.turn(True)),
}
"""The troubles of a plan, by their names, as in `chaos.py`: how each begins, and how it ends."""
