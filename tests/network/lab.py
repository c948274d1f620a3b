"""A small internet on one machine: a server, a TURN server, and peers, each peer behind a router of its own.

       server         turn                   a                 b
     10.200.0.10  10.200.0.20            10.1.0.2          10.2.0.2
          |             |                    |                 |
          |             |                router ra         router rb       (and a carrier's router, or one for mobile)
          |             |               10.200.0.11       10.200.0.12
          +-------------+--------------------+-----------------+

Each of them is a network namespace. A lab is put together here; what may happen to it is in `weather.py`.
"""

import contextlib
import itertools
import os
import socket
import subprocess
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TypeVar

from tests.network import routers as kinds
from tests.network import spaces
from tests.network.routers import Routers
from tests.network.spaces import configure
from tests.network.weather import Weather
from tests.network.wires import Wire, Wires

T = TypeVar("T")

Host = str
"""`server`, `turn`, or a side."""
Side = str
"""`a`, `b`, ...: a peer's."""

SERVER, SERVER6 = "10.200.0.10", "fd00:200::10"
TURN, TURN6 = "10.200.0.20", "fd00:200::20"
_NAMES = "abcdef"
_labs = itertools.count()


class Lab(Weather):
    """One such network, for as long as its `with` lasts.

    `routers`: what each peer is behind, in the order of their sides `a`, `b`, ...; one alone stands for two. `wires`:
    whether the links between routers and the internet can be given a delay, a loss and so on. `mobile`: sides that
    have a second way out, to which they can change.
    """

    def __init__(self, *routers: Routers, wires: bool = False, mobile: Sequence[Side] = ()) -> None:
        chosen = routers * 2 if len(routers) == 1 else routers
        self.kinds: dict[Side, Routers] = dict(zip(_NAMES, chosen, strict=False))
        super().__init__()
        self._name = f"ew{os.getpid()}x{next(_labs)}"
        self._made: list[str] = []
        self._wired, self._mobile = wires, tuple(mobile)

    @property
    def sides(self) -> tuple[Side, ...]:
        """The peers."""
        return tuple(self.kinds)

    def __enter__(self) -> "Lab":
        try:
            self._build()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.remove()

    def remove(self) -> None:
        """Take it all down. Programs that still run inside keep their namespace, but no way out of it."""
        if self._wires is not None:
            self._wires.close()
            self._wires = None
        for name in reversed(self._made):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        self._made.clear()

    # ---- being inside

    def space(self, host: Host) -> str:
        """The namespace of a host; `net` is where all packets come by, on its bridge br0."""
        return f"{self._name}-{host}"

    def address(self, host: Host) -> str:
        """A host's own address."""
        if host in ("server", "turn"):
            return SERVER if host == "server" else TURN
        number = self._number(host)
        return f"fd00:{number}::2" if self.kinds[host] == "ipv6" else f"10.{number}.0.2"

    def outside(self, side: Side) -> str:
        """The address that others see of a side behind a NAT."""
        return f"10.200.0.{10 + self._number(self._shares(side))}"

    def url(self, side: Side, port: int) -> str:
        """Where the server is, for a side."""
        host = f"[{SERVER6}]" if self.kinds[side] == "ipv6" else SERVER
        return f"http://{host}:{port}"

    def command(self, host: Host, *command: str) -> list[str]:
        """The command line that runs a command at a host."""
        return spaces.at(self.space(host), *command)

    def inside(self, host: Host, work: Callable[[], T]) -> T:
        """Call a function at a host; the sockets that it opens stay there."""
        return spaces.inside(self.space(host), work)

    def socket(self, host: Host, kind: socket.SocketKind, port: int = 0) -> socket.socket:
        """A socket at a host, bound to that port of its address."""
        address = self.address(host)

        def make() -> socket.socket:
            made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
            with contextlib.ExitStack() as on_error:
                on_error.callback(made.close)
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                made.bind((address, port))
                on_error.pop_all()
            return made

        return self.inside(host, make)

    def listens(self, host: Host, port: int) -> bool:
        """Whether a program listens on a TCP port of a host."""
        address = self.address(host)

        def connects() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex((address, port)) == 0

        return self.inside(host, connects)

    # ---- building

    def _number(self, side: Side) -> int:
        return 1 + _NAMES.index(side)

    def _shares(self, side: Side) -> Side:
        """The side whose router this one is behind."""
        return "a" if self.kinds[side] == "hairpin" else side

    def _build(self) -> None:
        self._add("net")
        configure(self.space("net"), ["link add br0 type bridge", "link set br0 up"])
        homes = [side for side in self.sides if self._shares(side) == side]
        outermost = {side: f"c{side}" if self.kinds[side] == "double" else f"r{side}" for side in homes}
        for host in ("server", "turn", *outermost.values(), *(f"m{side}" for side in self._mobile)):
            self._add(host)
        wired = {side: outermost[side] for side in homes} | {f"{side}m": f"m{side}" for side in self._mobile}
        if self._wired:
            net = self.space("net")
            ends = [Wire(name, self.space(host), "eth0", net, f"to-{host}") for name, host in wired.items()]
            self._wires = Wires(ends)
        self._plug("server", SERVER, SERVER6)
        self._plug("turn", TURN, TURN6)
        for side in homes:
            number = self._number(side)
            self._plug(outermost[side], f"10.200.0.{10 + number}", f"fd00:200::{10 + number}")
            if self.kinds[side] == "double":
                self._add(f"r{side}")
                self._join(f"c{side}", 1, f"r{side}", "eth0", f"100.64.{number}")
                self._route(f"c{side}", "cone", self.outside(side), ["home"])
        for side in self.sides:
            router = f"r{self._shares(side)}"
            place = 1 + self._number(side) - self._number(self._shares(side))
            number = self._number(side)
            self._add(side)
            self._join(router, place, side, "eth0", f"10.{number}.0", f"fd00:{number}:", self.kinds[side])
        for side in homes:
            behind = [other for other in self.sides if self._shares(other) == side]
            self._route(f"r{side}", self.kinds[side], self.outside(side), behind)
            self._routers[side] = self.space(f"r{side}")
        for side in self._mobile:
            number = self._number(side)
            self._plug(f"m{side}", f"10.200.0.{30 + number}", f"fd00:200::{30 + number}")
            self._join(f"m{side}", 1, side, "eth1", f"10.{100 + number}.0")
            self._route(f"m{side}", "cone", f"10.200.0.{30 + number}", [side])
            configure(self.space(side), ["link set eth1 down"])
        self._tell_ways([*outermost.values(), *(f"m{side}" for side in self._mobile)])

    def _add(self, host: str) -> None:
        spaces.run("ip", "netns", "add", self.space(host))
        self._made.append(self.space(host))
        configure(self.space(host), ["link set lo up"])
        # An IPv6 address is to be of use at once: nobody else can have it.
        dad = "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad"
        spaces.run(*spaces.at(self.space(host), "sh", "-c", dad))

    def _plug(self, host: str, address: str, address6: str) -> None:
        """Connect a host to the internet, by the wire that is there already, or a plain one."""
        net = self.space("net")
        if not self._wired or host in ("server", "turn"):
            configure(net, [f"link add to-{host} type veth peer eth0 netns {self.space(host)}"])
        configure(net, [f"link set to-{host} master br0 up"])
        # A gateway that answers nobody: a destination without any route is an error, not a silence.
        lines = [f"addr add {address}/24 dev eth0", f"addr add {address6}/64 dev eth0 nodad", "link set eth0 up"]
        configure(self.space(host), [*lines, "route add default via 10.200.0.1"])

    def _join(
        self, router: str, place: int, host: str, device: str, net: str, net6: str = "", kind: Routers = "cone"
    ) -> None:
        """Put a host behind a router."""
        inner = f"eth{place}"
        gateway, own = (f"{net6}:1/64", f"{net6}:2/64") if kind == "ipv6" else (f"{net}.1/24", f"{net}.2/24")
        nodad = " nodad" if kind == "ipv6" else ""
        made = f"link add {inner} type veth peer {device} netns {self.space(host)}"
        configure(self.space(router), [made, f"addr add {gateway} dev {inner}{nodad}", f"link set {inner} up"])
        lines = [f"addr add {own} dev {device}{nodad}", f"link set {device} up"]
        if device == "eth0":
            lines.append(f"route add default via {gateway.partition('/')[0]}")
        configure(self.space(host), lines)

    def _route(self, router: str, kind: Routers, outside: str, names: list[str]) -> None:
        switches = ("/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding")
        script = "; ".join(f"echo 1 > {switch}" for switch in switches)
        spaces.run(*spaces.at(self.space(router), "sh", "-c", script))
        spaces.rules(self.space(router), kinds.ruleset(kind, outside, names))

    def _tell_ways(self, outermost: list[str]) -> None:
        """Where addresses are that no NAT hides: the server and the outermost routers need to know."""
        lines: list[str] = []
        for side, kind in self.kinds.items():
            number = self._number(side)
            if kind == "none":
                lines.append(f"route add 10.{number}.0.0/24 via 10.200.0.{10 + number}")
            elif kind == "ipv6":
                lines.append(f"route add fd00:{number}::/64 via fd00:200::{10 + number}")
        for host in ("server", "turn", *outermost):
            own = self._number(host[1]) if host[0] == "r" else 0
            others = [line for line in lines if f" 10.{own}." not in line and f" fd00:{own}:" not in line]
            if others:
                configure(self.space(host), others)
