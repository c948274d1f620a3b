"""ICE connections of ours: what they add to aioice's, and that the private names that they lean on are still there."""

import asyncio
import contextlib
import copy
import inspect
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from aioice import Candidate, ice, stun

from peers.negotiation.attempt import DEADLINE
from peers.paths import aioice_seam as seam


class Ends:
    """Two ICE connections that know each other's names and passwords, and no candidate of each other."""

    def __init__(self) -> None:
        self.left, self.right = seam.Connection(ice_controlling=True), seam.Connection(ice_controlling=False)

    async def gather(self) -> Candidate:
        """Gather on both sides. Gives the right side's first candidate."""
        for ours, theirs in ((self.left, self.right), (self.right, self.left)):
            await ours.gather_candidates()
            theirs.remote_username, theirs.remote_password = ours.local_username, ours.local_password
        return next(c for c in self.right.local_candidates if ":" not in c.host)

    async def close(self) -> None:
        await asyncio.gather(self.left.close(), self.right.close())


async def test_the_first_candidate_is_checked_when_it_comes_and_the_end_noticed_when_it_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sleeps: list[float] = []
    sleep = asyncio.sleep

    async def counted(delay: float, result: Any = None) -> Any:
        sleeps.append(delay)
        return await sleep(delay, result)

    monkeypatch.setattr(seam.Connection, "PACE", 60.0)
    ends = Ends()
    candidate = await ends.gather()
    await ends.left.add_remote_candidate(candidate)
    monkeypatch.setattr(asyncio, "sleep", counted)
    connecting = asyncio.gather(ends.left.connect(), ends.right.connect())
    async with asyncio.timeout(10):
        await connecting
    monkeypatch.undo()
    # The left side knows a pair from the start: it never sleeps. The right one waits for its first.
    assert ends.left._nominated
    assert ends.right._nominated
    assert sleeps.count(0.02) <= 1
    await ends.close()


async def test_a_candidate_that_comes_late_is_checked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = Ends()
    candidate = await ends.gather()
    started: list[float] = []
    check = seam.Connection.check_start

    async def noted(self: seam.Connection, pair: Any) -> None:
        started.append(asyncio.get_running_loop().time())
        await check(self, pair)

    monkeypatch.setattr(seam.Connection, "check_start", noted)
    connecting = asyncio.create_task(ends.left.connect())
    await asyncio.sleep(0)
    polls = 0
    periodic = ice.Connection._check_periodic

    def polled(self: ice.Connection) -> bool:
        nonlocal polls
        polls += 1
        return bool(periodic(self))

    monkeypatch.setattr(ice.Connection, "_check_periodic", polled)
    await ends.left.add_remote_candidate(candidate)
    assert polls == 1  # by the candidate itself, in this turn of the loop
    await asyncio.sleep(0)
    assert len(started) == 1
    await ends.right.add_remote_candidate(next(c for c in ends.left.local_candidates if ":" not in c.host))
    async with asyncio.timeout(10):
        await asyncio.gather(connecting, ends.right.connect())
    await ends.close()


async def test_every_pair_has_its_turn_though_the_one_before_it_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[float] = []
    check = seam.Connection.check_start

    async def noted(self: seam.Connection, pair: Any) -> None:
        started.append(asyncio.get_running_loop().time())
        if len(started) == 1:
            self.check_state(pair, ice.CandidatePair.State.IN_PROGRESS)
            await asyncio.Event().wait()  # nobody answers
        await check(self, pair)

    ends = Ends()
    candidate = await ends.gather()
    # Nobody sends to the left side, so that its own checks alone find the way.
    monkeypatch.setattr(seam.Connection, "check_incoming", lambda *_: None)
    dead = Candidate("d", 1, "udp", candidate.priority + 1, candidate.host, 9, "host")
    await ends.left.add_remote_candidate(dead)
    await ends.left.add_remote_candidate(candidate)
    monkeypatch.setattr(seam.Connection, "check_start", noted)
    async with asyncio.timeout(10):
        await ends.left.connect()
    assert len(started) == 2
    # Not both at once (RFC 8445 section 14.2). The loop's clock is a little coarser than its timers.
    assert started[1] - started[0] >= seam.Connection.PACE * 0.9
    assert ends.left._nominated[1].remote_addr == (candidate.host, candidate.port)
    await ends.close()


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A UDP socket that answers nobody."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("0.0.0.0", 0))
        silent.setblocking(False)
        yield silent


def requests(silent: socket.socket) -> int:
    """How many packets have come."""
    count = 0
    with contextlib.suppress(BlockingIOError):
        while silent.recv(2_000):
            count += 1
    return count


async def test_a_check_goes_out_steadily_for_as_long_as_an_attempt_lasts(
    silent: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stun, "RETRY_RTO", 0.01)
    monkeypatch.setattr(seam, "ASK_EVERY", 0.02)
    monkeypatch.setattr(seam.Connection, "PACE", 0.0)
    ends = Ends()
    candidate = await ends.gather()
    candidate.port = silent.getsockname()[1]
    await ends.left.add_remote_candidate(candidate)
    connecting = asyncio.create_task(ends.left.connect())
    begun = asyncio.get_running_loop().time()
    async with asyncio.timeout(10):
        while not ends.left._check_list or ends.left._check_list[0].state is not ice.CandidatePair.State.FAILED:
            await asyncio.sleep(0.01)
    # Were the time between them doubled, it would take 0.01 * 2 ** 20 s.
    assert asyncio.get_running_loop().time() - begun < 5
    assert requests(silent) == seam.MOST_ASKED * len(ends.left._check_list)
    await ends.close()
    with pytest.raises(ConnectionError):
        await connecting


def test_so_many_packets_last_as_long_as_an_attempt() -> None:
    assert stun.RETRY_RTO + (seam.MOST_ASKED - 1) * seam.ASK_EVERY >= DEADLINE


async def test_with_many_pairs_each_is_checked_less_often() -> None:
    connection = seam.Connection(ice_controlling=True)
    assert connection.ask_every() == seam.ASK_EVERY
    connection._check_list += [None] * 500  # type: ignore[list-item]
    assert connection.ask_every() == 500 * seam.Connection.PACE
    connection._check_list.clear()
    await connection.close()


async def test_a_question_about_consent_is_asked_once(silent: socket.socket) -> None:
    connection = seam.Connection(ice_controlling=True)
    await connection.gather_candidates()
    protocol = next(p for p in connection._protocols if ":" not in p.local_candidate.host)
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    address = (protocol.local_candidate.host, silent.getsockname()[1])
    with pytest.raises(stun.TransactionTimeout):
        await protocol.request(request, address, retransmissions=0)
    assert requests(silent) == 1
    await connection.close()


async def test_a_check_that_was_lost_goes_out_again_when_the_peer_checks_the_same_pair(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As between two NATs that let in only who was sent to: the first of two checks finds a closed door."""
    monkeypatch.setattr(stun, "RETRY_RTO", 60.0)
    monkeypatch.setattr(seam, "ASK_EVERY", 60.0)
    came: list[bytes] = []
    received = ice.StunProtocol.datagram_received

    def receive(protocol: ice.StunProtocol, data: Any, addr: tuple[Any, ...]) -> None:
        if protocol.receiver is ends.right:
            came.append(data)
            if len(came) == 1:
                return
        received(protocol, data, addr)

    monkeypatch.setattr(ice.StunProtocol, "datagram_received", receive)
    ends = Ends()
    candidate = await ends.gather()
    await ends.left.add_remote_candidate(candidate)
    async with asyncio.timeout(10):
        connecting = asyncio.create_task(ends.left.connect())
        while not came:
            await asyncio.sleep(0.01)
        await ends.right.add_remote_candidate(ends.left._check_list[0].local_candidate)
        await asyncio.gather(connecting, ends.right.connect())
    assert came[0] in came[1:]
    await ends.close()


async def test_a_pair_through_a_turn_server_lets_the_others_go_before_it(
    silent: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seam, "HOLD", 60.0)
    ends = Ends()
    candidate = await ends.gather()
    relayed = Candidate("t", 1, "udp", 1, candidate.host, silent.getsockname()[1], "relay")
    await ends.left.add_remote_candidate(relayed)
    connecting = asyncio.gather(ends.left.connect(), ends.right.connect())
    async with asyncio.timeout(10):
        while ends.left._check_list[0].state is not ice.CandidatePair.State.IN_PROGRESS:
            await asyncio.sleep(0)
        await ends.left.add_remote_candidate(candidate)
        await connecting
    assert ends.left._nominated[1].remote_addr == (candidate.host, candidate.port)
    assert requests(silent) == 0
    await ends.close()


@pytest.mark.parametrize("controlling", [True, False])
async def test_the_best_of_the_nominated_pairs_is_used_and_not_the_last(controlling: bool) -> None:
    """A pair through a TURN server may be nominated when a better one is in use already."""
    ends = Ends()
    ends.left.ice_controlling, ends.right.ice_controlling = controlling, not controlling
    candidate = await ends.gather()
    await ends.left.add_remote_candidate(candidate)
    async with asyncio.timeout(10):
        await asyncio.gather(ends.left.connect(), ends.right.connect())
    used = ends.left._nominated[1]
    for step in (-1, 1):
        other = copy.copy(used.remote_candidate)
        other.priority += step * 2**24
        pair = ice.CandidatePair(used.protocol, other)
        pair.state, pair.nominated = ice.CandidatePair.State.SUCCEEDED, True
        pair.protocol.local_candidate.priority = 2**31 - 1
        ends.left.check_complete(pair)
        assert ends.left._nominated[1] is (used if step < 0 else pair)
    await ends.close()


@pytest.mark.parametrize("controlling", [True, False])
async def test_a_pair_through_a_turn_server_has_its_turn(controlling: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while; at once on the side that does not nominate."""
    monkeypatch.setattr(seam, "HOLD", 0.2 if controlling else 60.0)
    ends = Ends()
    candidate = copy.copy(await ends.gather())
    candidate.type = "relay"
    ends.left.ice_controlling, ends.right.ice_controlling = controlling, not controlling
    begun = asyncio.get_running_loop().time()
    await ends.left.add_remote_candidate(candidate)
    async with asyncio.timeout(10):
        await asyncio.gather(ends.left.connect(), ends.right.connect())
    assert ends.left._nominated[1].remote_candidate.type == "relay"
    if controlling:
        assert asyncio.get_running_loop().time() - begun >= 0.2 * 0.9
    await ends.close()


async def test_closing_in_the_middle_of_checks_leaves_no_timer() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("0.0.0.0", 0))
        ends = Ends()
        candidate = await ends.gather()
        candidate.port = silent.getsockname()[1]
        await ends.left.add_remote_candidate(candidate)
        connecting = asyncio.create_task(ends.left.connect())
        async with asyncio.timeout(10):
            while ends.left._next is None:
                await asyncio.sleep(0)
        await ends.close()
        assert ends.left._next.cancelled()
        with pytest.raises(ConnectionError):
            await connecting


def test_the_loop_of_aioice_is_the_one_that_we_leave() -> None:
    source = inspect.getsource(ice.Connection.connect)
    assert "if not self._check_periodic():\n                break\n            await asyncio.sleep(0.02)" in source
    assert "if self._check_list:\n            res = await self._check_list_state.get()" in source
    for adding in (ice.Connection._add_remote_candidate, ice.Connection.check_incoming):
        assert "self.sort_check_list()" in inspect.getsource(adding)


async def test_sockets_hold_what_comes_while_we_are_busy() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ordinary:
        ordinary.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, seam.RECEIVE_BUFFER)
        most = ordinary.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    connection = seam.Connection(ice_controlling=False)
    await connection.gather_candidates()
    opened = [p.transport.get_extra_info("socket") for p in connection._protocols]
    assert opened
    assert [s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) for s in opened] == [most] * len(opened)
    await connection.close()


def test_the_private_names_of_aioice_are_there() -> None:
    connection = ice.Connection(ice_controlling=False)
    for name in ("_closing", "_local_candidates", "_protocols", "_remote_candidates", "_nominated"):
        assert hasattr(connection, name)
    for name in ("_check_list", "_check_list_done", "_check_list_state"):
        assert hasattr(connection, name)
    source = inspect.getsource(stun.Transaction)
    assert "self.__protocol.send_stun(self.__request, self.__addr)\n" in source
    assert "self.__addr = addr\n" in source
    assert "call_later(self.__timeout_delay, self.__retry)\n        self.__timeout_delay *= 2" in source
    assert callable(connection._pair_remote_candidate)
    assert callable(connection.sort_check_list)
