"""The lab itself: what gets through which routers, when it is cut, and how fast."""

import os
import socket
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.network.lab import SERVER, Host, Lab, Side
from tests.network.routers import Routers
from tests.network.spaces import SPACES, sweep

pytestmark = pytest.mark.network

MakeLab = Callable[..., Lab]
PATIENCE = 0.3
"""Seconds for a datagram to arrive; on one machine it takes a millisecond."""


def arrives(sender: socket.socket, receiver: socket.socket, address: tuple[str, int]) -> tuple[str, int] | None:
    """Where from one datagram arrives; None if it doesn't."""
    receiver.settimeout(PATIENCE)
    sender.sendto(b"?", address)
    try:
        source: tuple[str, int] = receiver.recvfrom(1)[1]
    except TimeoutError:
        return None
    return source


def connects(lab: Lab, here: Host, there: Host) -> bool:
    """Whether TCP gets from here to there."""
    with lab.socket(there, socket.SOCK_STREAM, 6000) as listening, lab.socket(here, socket.SOCK_STREAM) as peer:
        listening.listen()
        peer.settimeout(2)
        return peer.connect_ex((lab.address(there), 6000)) == 0


@pytest.mark.parametrize("routers", ["none", "cone", "symmetric", "no-udp"])
def test_a_peer_reaches_the_server(make_lab: MakeLab, routers: Routers) -> None:
    lab = make_lab(routers)
    assert connects(lab, "a", "server")
    assert connects(lab, "b", "server")
    with lab.socket("server", socket.SOCK_DGRAM, 5000) as server, lab.socket("a", socket.SOCK_DGRAM) as peer:
        source = arrives(peer, server, (SERVER, 5000))
        assert (source is not None) == (routers != "no-udp")
        if source is not None:
            assert (source[0] == lab.address("a")) == (routers == "none")


@pytest.mark.parametrize(("routers", "same"), [("cone", True), ("symmetric", False)])
def test_what_a_server_sees_of_a_socket_is_what_others_see_behind_a_cone_router_alone(
    make_lab: MakeLab, routers: Routers, same: bool
) -> None:
    lab = make_lab(routers)
    with (
        lab.socket("server", socket.SOCK_DGRAM, 5000) as one,
        lab.socket("server", socket.SOCK_DGRAM, 5001) as two,
        lab.socket("a", socket.SOCK_DGRAM) as peer,
    ):
        seen = {arrives(peer, one, (SERVER, 5000)), arrives(peer, two, (SERVER, 5001))}
        assert None not in seen
        assert (len(seen) == 1) == same


@pytest.mark.parametrize("cut", [("a",), ("b",), ()])
def test_udp_is_cut_in_one_direction_or_both_and_restored(make_lab: MakeLab, cut: tuple[Side, ...]) -> None:
    lab = make_lab("none")
    with lab.socket("a", socket.SOCK_DGRAM, 5000) as a, lab.socket("b", socket.SOCK_DGRAM, 5000) as b:

        def get_through() -> set[str]:
            there = arrives(a, b, (lab.address("b"), 5000))
            back = arrives(b, a, (lab.address("a"), 5000))
            return {name for name, source in (("a", there), ("b", back)) if source is not None}

        assert get_through() == {"a", "b"}
        lab.cut(*cut)
        assert get_through() == {"a", "b"} - set(cut or ("a", "b"))
        assert connects(lab, "a", "b")
        lab.restore()
        assert get_through() == {"a", "b"}


def test_a_link_is_as_slow_as_it_is_told(make_lab: MakeLab) -> None:
    lab = make_lab("none")
    lab.limit("a", "1mbit")
    size = 150_000
    with lab.socket("server", socket.SOCK_STREAM, 5000) as listening, lab.socket("a", socket.SOCK_STREAM) as peer:
        listening.listen()
        peer.connect((SERVER, 5000))
        server, _ = listening.accept()
        with server:
            peer.settimeout(10)
            server.settimeout(10)
            for sender, receiver in ((peer, server), (server, peer)):
                begun = time.monotonic()
                sender.sendall(bytes(size))
                left = size
                while left:
                    left -= len(receiver.recv(65_536))
                megabits = size * 8 / 1e6 / (time.monotonic() - begun)
                assert 0.6 < megabits < 1.3


def test_programs_run_inside(make_lab: MakeLab) -> None:
    lab = make_lab("cone")
    listed = subprocess.run(lab.command("b", "ip", "-br", "addr"), check=True, capture_output=True, text=True)
    assert lab.address("b") in listed.stdout
    assert lab.address("a") not in listed.stdout


def test_nothing_is_left_behind(labs_work: None) -> None:
    with Lab("cone") as lab:
        made = lab.command("a")[3]
        assert made in os.listdir(SPACES)
    assert not [name for name in os.listdir(SPACES) if name.startswith(made.removesuffix("-a"))]


def test_what_a_killed_program_left_is_swept_up(labs_work: None) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    name = f"ew{dead.pid}x0-a"
    subprocess.run(["ip", "netns", "add", name], check=True)
    with Lab("none") as lab:
        sweep()
        assert name not in os.listdir(SPACES)
        assert lab.command("a")[3] in os.listdir(SPACES)
