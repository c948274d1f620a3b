"""What may happen to a lab: cuts (nftables), slow and lossy wires, another network for a host."""

from typing import Any

from tests.network import spaces
from tests.network.routers import Routers
from tests.network.spaces import configure, rules, run
from tests.network.wires import Wires


class Weather:
    """The half of a `Lab` that changes while programs run in it. Sides are peers: `a`, `b`, ..."""

    kinds: dict[str, Routers]

    def __init__(self) -> None:
        self._wires: Wires | None = None
        self._routers: dict[str, str] = {}
        """The namespaces of the routers, by their side."""

    def space(self, host: str) -> str:
        """The namespace of a host."""
        raise NotImplementedError

    def cut(self, *sides: str) -> None:
        """From now on the routers drop all UDP that these sides send; of all, if none is named."""
        for side in sides or self.kinds:
            self._rule(side, f"add rule FAMILY lab cuts_{side} meta l4proto udp drop")

    def isolate(self, *sides: str) -> None:
        """From now on nothing gets to these sides or from them; of all, if none is named."""
        for side in sides or self.kinds:
            self._rule(side, *(f"add rule FAMILY lab {chain}_{side} drop" for chain in ("cuts", "heard")))

    def restore(self, *sides: str) -> None:
        """Let everything through again that was cut; of all sides, if none is named."""
        for side in sides or self.kinds:
            self._rule(side, *(f"flush chain FAMILY lab {chain}_{side}" for chain in ("cuts", "heard")))

    def wire(self, *sides: str, **what: Any) -> None:
        """What is to hold from now on between these sides and the internet (all, if none is named).

        `delay` in seconds of one way, `loss`, `reorder`, `rate` in bits a second and so on: see `wire_program.py`.
        """
        assert self._wires is not None, "this lab has no wires: Lab(..., wires=True)"
        for side in sides or self.kinds:
            for name in self._wires.names:
                if name.startswith(side):
                    self._wires.change(name, **what)

    def limit(self, side: str, rate: str, *, latency: str = "400ms") -> None:
        """Let no more than this rate (as in "1mbit") through a side's router, each way, by the kernel's own queue.

        `latency` bounds how long a packet waits in its queue before it is dropped.
        """
        for device in ("eth0", "eth1"):
            queue = ("root", "tbf", "rate", rate, "burst", "8kb", "latency", latency)
            run(*spaces.at(self._router(side), "tc", "qdisc", "replace", "dev", device, *queue))

    def roam(self, side: str) -> None:
        """A side leaves its network, as when Wi-Fi is out of reach, and has another one with another address."""
        number = ord(side) - ord("a") + 1
        left = ["addr flush dev eth0", "link set eth0 down"]
        found = ["link set eth1 up", f"route add default via 10.{100 + number}.0.1"]
        configure(self.space(side), left + found)

    def come_home(self, side: str) -> None:
        """The way back from `roam`."""
        number = ord(side) - ord("a") + 1
        found = ["link set eth0 up", f"addr add 10.{number}.0.2/24 dev eth0", f"route add default via 10.{number}.0.1"]
        configure(self.space(side), ["link set eth1 down", *found])

    def _router(self, side: str) -> str:
        return self._routers["a" if self.kinds[side] == "hairpin" else side]

    def _rule(self, side: str, *lines: str) -> None:
        families = ("ip", "ip6") if self.kinds[side] == "ipv6" else ("ip",)
        rules(self._router(side), "\n".join(line.replace("FAMILY", family) for family in families for line in lines))
