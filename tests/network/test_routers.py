"""Every kind of router lets through what it says, and nothing else; wires delay, lose and reorder as they are told."""

import contextlib
import socket
import time
from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.network.lab import SERVER6, TURN, Lab
from tests.network.routers import KINDS, Routers
from tests.network.test_lab import arrives

pytestmark = pytest.mark.network

MakeLab = Callable[..., Lab]


class Gets(NamedTuple):
    """What gets to the server: UDP, TCP to port 443, TCP to another port."""

    udp: bool = True
    port_443: bool = True
    other_port: bool = True


REACH: dict[Routers, Gets] = dict.fromkeys(KINDS, Gets()) | {
    "no-udp": Gets(udp=False),
    "tcp-443": Gets(udp=False, other_port=False),
}


def server_address(kind: Routers) -> str:
    return SERVER6 if kind == "ipv6" else "10.200.0.10"


def listening(lab: Lab, kind: Routers, port: int, type: socket.SocketKind) -> socket.socket:
    """A socket at the server, in the family that a side speaks."""

    def make() -> socket.socket:
        made = socket.socket(socket.AF_INET6 if kind == "ipv6" else socket.AF_INET, type)
        made.bind((server_address(kind), port))
        if type is socket.SOCK_STREAM:
            made.listen()
        return made

    return lab.inside("server", make)


@pytest.mark.parametrize("kind", KINDS)
def test_what_gets_through_to_the_server(make_lab: MakeLab, kind: Routers) -> None:
    lab = make_lab(kind)
    got = {}
    for port, name in ((443, "port_443"), (8080, "other_port")):
        with listening(lab, kind, port, socket.SOCK_STREAM), lab.socket("b", socket.SOCK_STREAM) as peer:
            peer.settimeout(0.5)
            got[name] = peer.connect_ex((server_address(kind), port)) == 0
    with listening(lab, kind, 5000, socket.SOCK_DGRAM) as server, lab.socket("b", socket.SOCK_DGRAM) as peer:
        got["udp"] = arrives(peer, server, (server_address(kind), 5000)) is not None
    assert Gets(**got) == REACH[kind]


@pytest.mark.parametrize(("kind", "opens"), [("cone", True), ("double", True), ("hairpin", True), ("symmetric", False)])
def test_holes_are_punched_where_routers_allow_it(make_lab: MakeLab, kind: Routers, opens: bool) -> None:
    """Both send to where the other's packets come from, as a server sees it."""
    lab = make_lab(kind)
    with (
        lab.socket("server", socket.SOCK_DGRAM, 5000) as server,
        lab.socket("a", socket.SOCK_DGRAM) as a,
        lab.socket("b", socket.SOCK_DGRAM) as b,
    ):
        seen_a, seen_b = (arrives(peer, server, ("10.200.0.10", 5000)) for peer in (a, b))
        assert seen_a is not None
        assert seen_b is not None
        assert (seen_a[0], seen_b[0]) == (lab.outside("a"), lab.outside("b"))
        a.sendto(b"knock", seen_b)
        through = arrives(b, a, seen_a) is not None
        a.setblocking(False)
        assert through == opens


def test_behind_one_router_peers_do_not_reach_each_other_inside(make_lab: MakeLab) -> None:
    lab = make_lab("hairpin")
    with lab.socket("a", socket.SOCK_DGRAM, 5000) as a, lab.socket("b", socket.SOCK_DGRAM) as b:
        assert arrives(b, a, (lab.address("a"), 5000)) is None


def test_a_cut_off_side_hears_nothing_and_is_not_heard(make_lab: MakeLab) -> None:
    lab = make_lab("none")
    with lab.socket("a", socket.SOCK_DGRAM, 5000) as a, lab.socket("b", socket.SOCK_DGRAM, 5000) as b:
        lab.isolate("a")
        assert arrives(a, b, (lab.address("b"), 5000)) is None
        assert arrives(b, a, (lab.address("a"), 5000)) is None
        lab.restore()
        assert arrives(b, a, (lab.address("a"), 5000)) is not None


def test_another_network_is_another_address(make_lab: MakeLab) -> None:
    lab = make_lab("cone", mobile="a")
    with lab.socket("server", socket.SOCK_DGRAM, 5000) as server:
        for move, outside in ((None, "10.200.0.11"), (lab.roam, "10.200.0.31"), (lab.come_home, "10.200.0.11")):
            if move is not None:
                move("a")
            with lab.inside("a", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as peer:
                source = arrives(peer, server, ("10.200.0.10", 5000))
                assert source is not None
                assert source[0] == outside


class Trip(NamedTuple):
    """Datagrams from peer a to the TURN host: the numbers as they arrived, and how long the first took."""

    numbers: list[int]
    seconds: float
    all_seconds: float


def send(lab: Lab, count: int, size: int = 100) -> Trip:
    with lab.socket("turn", socket.SOCK_DGRAM, 5000) as server, lab.socket("a", socket.SOCK_DGRAM) as peer:
        server.settimeout(0.5)
        begun = time.monotonic()
        for number in range(count):
            peer.sendto(number.to_bytes(4, "big") + bytes(size - 4), (TURN, 5000))
        numbers: list[int] = []
        first = last = 0.0
        try:
            while len(numbers) < count:
                numbers.append(int.from_bytes(server.recv(2_000)[:4], "big"))
                last = time.monotonic() - begun
                first = first or last
        except TimeoutError:
            pass
        return Trip(numbers, first, last)


def test_wires(make_lab: MakeLab) -> None:
    """One lab for all of it: making one takes a third of a second."""
    lab = make_lab("none", wires=True)
    send(lab, 1)  # addresses are asked for
    plain = send(lab, 20)
    assert plain.numbers == list(range(20))
    assert plain.seconds < 0.02

    lab.wire(delay=0.1)
    assert 0.1 <= send(lab, 1).seconds < 0.15

    lab.wire(delay=0.02, reorder=0.2)
    shuffled = send(lab, 100).numbers
    assert sorted(shuffled) == list(range(100))
    assert shuffled != sorted(shuffled)

    lab.wire(delay=0.0, reorder=0.0, loss=0.2)
    assert 120 <= len(send(lab, 200).numbers) <= 190

    lab.wire(loss=0.0, rate=1e6, queue=10)
    megabits = 100 * 1_042 * 8 / 1e6 / send(lab, 100, size=1_000).all_seconds
    assert 0.7 < megabits <= 1.1

    lab.wire(queue=0.1)
    assert 10 <= len(send(lab, 100, size=1_000).numbers) <= 20

    lab.wire(rate=0, stall=0.2)
    stalled = send(lab, 10)
    assert stalled.numbers == list(range(10))
    assert 0.15 < stalled.seconds < 0.3


def test_a_wire_carries_enough(make_lab: MakeLab) -> None:
    """Its program must not be the bottleneck of what is measured through it."""
    lab = make_lab("none", wires=True)
    size = 4_000_000
    with lab.socket("server", socket.SOCK_STREAM, 443) as server, lab.socket("a", socket.SOCK_STREAM) as peer:
        server.listen()
        peer.connect(("10.200.0.10", 443))
        accepted, _ = server.accept()
        with accepted:
            peer.setblocking(False)
            begun, sent, received = time.monotonic(), 0, 0
            while received < size:
                if sent < size:
                    with contextlib.suppress(BlockingIOError):
                        sent += peer.send(bytes(min(65_536, size - sent)))
                received += len(accepted.recv(65_536)) if received < sent else 0
            megabits = size * 8 / 1e6 / (time.monotonic() - begun)
    print("megabits a second through a wire:", megabits)
    assert megabits > 20
