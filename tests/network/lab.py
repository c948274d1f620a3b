"""A small internet on one machine: a server and two peers, each peer behind a router of its own.

          server                   peer a            peer b
       10.200.0.10                10.1.0.2          10.2.0.2
            |                         |                 |
            |                     router a          router b
            |                   10.200.0.11       10.200.0.12
            +-------------------------+-----------------+

Each of them is a network namespace; nothing of it touches the machine's own network. Needs root, and the commands
`ip`, `tc` (iproute2) and `nft` (nftables).
"""

import contextlib
import ctypes
import itertools
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Literal, TypeVar

T = TypeVar("T")

Routers = Literal["none", "cone", "symmetric", "no-udp"]
"""What the routers do: `none` only route; `cone` keep a port for a socket wherever it sends; `symmetric` take another
for each destination, so that what a server sees is of no use to others; `no-udp` are `cone` and let no UDP through."""
Host = Literal["server", "a", "b"]
Side = Literal["a", "b"]

SPACES = "/run/netns"
SERVER = "10.200.0.10"
ADDRESS = {"server": SERVER, "a": "10.1.0.2", "b": "10.2.0.2"}
_OUTSIDE = {"a": "10.200.0.11", "b": "10.200.0.12"}
_INSIDE = {"a": "10.1.0.1", "b": "10.2.0.1"}
_MASQUERADE = {
    "none": "",
    "cone": "oifname eth0 masquerade",
    "symmetric": "oifname eth0 masquerade random,fully-random",
    "no-udp": "oifname eth0 masquerade",
}
_CLONE_NEWNET = 0x40000000
_labs = itertools.count()


def why_not() -> str | None:
    """Why there can be no lab here, as a reason to skip a test; None if there can."""
    if os.name != "posix" or os.geteuid() != 0:
        return "network namespaces need root: run these tests with sudo"
    missing = [command for command in ("ip", "tc", "nft") if shutil.which(command) is None]
    if missing:
        return f"install {', '.join(missing)}: on Debian, apt install iproute2 nftables"
    sweep()
    name = f"ew{os.getpid()}x-try"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        return f"this machine allows no network namespaces: {made.stderr.strip()}"
    _run("ip", "netns", "del", name)
    return None


def sweep() -> None:
    """Take down the labs of programs that were killed before they could."""
    for name in os.listdir(SPACES) if os.path.isdir(SPACES) else []:
        match = re.fullmatch(r"ew(\d+)x\d*-\w+", name)
        if match and not os.path.exists(f"/proc/{match[1]}"):
            _run("ip", "netns", "del", name)


class Lab:
    """One such network, for as long as its `with` lasts."""

    def __init__(self, routers: Routers) -> None:
        self.routers = routers
        self._name = f"ew{os.getpid()}x{next(_labs)}"
        self._made: list[str] = []

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
        for name in reversed(self._made):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        self._made.clear()

    # ---- being inside

    def command(self, host: Host | Literal["net"], *command: str) -> list[str]:
        """The command line that runs a command at a host (`net`: where all packets come by, on its bridge br0)."""
        return ["ip", "netns", "exec", self._space(host), *command]

    def inside(self, host: Host, work: Callable[[], T]) -> T:
        """Call a function at a host; the sockets that it opens stay there."""
        results: list[T] = []
        errors: list[BaseException] = []

        def enter() -> None:
            try:
                with open(f"{SPACES}/{self._space(host)}") as space:
                    libc = ctypes.CDLL(None, use_errno=True)
                    if libc.setns(space.fileno(), _CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                results.append(work())
            except BaseException as error:
                errors.append(error)

        # A namespace belongs to a thread; this one ends at once.
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
        return results[0]

    def socket(self, host: Host, kind: socket.SocketKind, port: int = 0) -> socket.socket:
        """A socket at a host, bound to that port of its address."""

        def make() -> socket.socket:
            made = socket.socket(socket.AF_INET, kind)
            with contextlib.ExitStack() as on_error:
                on_error.callback(made.close)
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                made.bind((ADDRESS[host], port))
                on_error.pop_all()
            return made

        return self.inside(host, make)

    # ---- weather

    def cut(self, *sides: Side) -> None:
        """From now on the routers drop all UDP that these sides send; of both, if none is named."""
        for side in sides or ("a", "b"):
            self._rules(side, "add rule ip lab cuts iifname eth1 ip protocol udp drop")

    def restore(self) -> None:
        """Let UDP through again."""
        for side in ("a", "b"):
            self._rules(side, "flush chain ip lab cuts")

    def limit(self, side: Side, rate: str, *, latency: str = "400ms") -> None:
        """Let no more than this rate (as in "1mbit") through a side's router, each way.

        `latency` bounds how long a packet waits in its queue before it is dropped.
        """
        for device in ("eth0", "eth1"):
            queue = ("root", "tbf", "rate", rate, "burst", "8kb", "latency", latency)
            _run(*self._at(f"r{side}"), "tc", "qdisc", "replace", "dev", device, *queue)

    # ---- building

    def _space(self, host: str) -> str:
        return f"{self._name}-{host}"

    def _at(self, host: str) -> list[str]:
        return ["ip", "netns", "exec", self._space(host)]

    def _ip(self, host: str, words: str) -> None:
        _run("ip", "-n", self._space(host), *words.split())

    def _rules(self, side: str, rules: str) -> None:
        _run(*self._at(f"r{side}"), "nft", "-f", "-", input=rules)

    def _build(self) -> None:
        for host in ("net", "server", "ra", "rb", "a", "b"):
            _run("ip", "netns", "add", self._space(host))
            self._made.append(self._space(host))
            self._ip(host, "link set lo up")
        self._ip("net", "link add br0 type bridge")
        self._ip("net", "link set br0 up")
        self._plug("server", SERVER)
        for side in ("a", "b"):
            self._plug(f"r{side}", _OUTSIDE[side])
            self._peer(side)
        if self.routers == "none":
            self._ip("server", f"route add 10.1.0.0/24 via {_OUTSIDE['a']}")
            self._ip("server", f"route add 10.2.0.0/24 via {_OUTSIDE['b']}")
            self._ip("ra", f"route add 10.2.0.0/24 via {_OUTSIDE['b']}")
            self._ip("rb", f"route add 10.1.0.0/24 via {_OUTSIDE['a']}")

    def _plug(self, host: str, address: str) -> None:
        _run(*f"ip link add to-{host} netns {self._space('net')} type veth peer eth0 netns {self._space(host)}".split())
        self._ip("net", f"link set to-{host} master br0 up")
        self._ip(host, f"addr add {address}/24 dev eth0")
        self._ip(host, "link set eth0 up")
        # A gateway that answers nobody: a destination without any route is an error, not a silence.
        self._ip(host, "route add default via 10.200.0.1")

    def _peer(self, side: Side) -> None:
        router = f"r{side}"
        spaces = f"netns {self._space(router)} type veth peer eth0 netns {self._space(side)}"
        _run(*f"ip link add eth1 {spaces}".split())
        self._ip(router, f"addr add {_INSIDE[side]}/24 dev eth1")
        self._ip(router, "link set eth1 up")
        self._ip(side, f"addr add {ADDRESS[side]}/24 dev eth0")
        self._ip(side, "link set eth0 up")
        self._ip(side, f"route add default via {_INSIDE[side]}")
        _run(*self._at(router), "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        # As at home, what nobody inside has asked for dies at the router; one that only routes lets it through.
        inbound = "" if self.routers == "none" else "iifname eth0 ct state new drop"
        no_udp = "ip protocol udp drop" if self.routers == "no-udp" else ""
        chains = {
            "after": f"type nat hook postrouting priority 100; {_MASQUERADE[self.routers]}",
            "cuts": "",
            "through": f"type filter hook forward priority 0; jump cuts; {no_udp}",
            "own": f"type filter hook input priority 0; {inbound}",
        }
        bodies = "\n".join(f"chain {name} {{\n{body}\n}}" for name, body in chains.items())
        self._rules(side, f"table ip lab {{\n{bodies}\n}}\n")


def _run(*command: str, input: str | None = None) -> str:
    done = subprocess.run(command, input=input, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}{input or ''}")
    return done.stdout
