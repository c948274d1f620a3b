"""The private names of aiortc and aioice that we lean on are still there, and still mean what they did."""

import asyncio
import inspect
import socket
from typing import Any

import pytest
from aioice import Candidate, ice, turn
from aiortc import RTCDataChannelParameters, RTCDtlsTransport, RTCIceGatherer, RTCIceTransport, RTCSctpTransport
from aiortc.rtcdtlstransport import RTCCertificate
from aiortc.rtcsctptransport import DataChunk, SackChunk

from peers.paths import aiortc_seam as seam


async def test_roles_can_be_set_before_the_start() -> None:
    transport = RTCIceTransport(RTCIceGatherer([]))
    for controlling, role in ((True, "controlling"), (False, "controlled")):
        seam.set_ice_role(transport, controlling=controlling)
        assert transport.role == role
    dtls = RTCDtlsTransport(transport, [RTCCertificate.generateCertificate()])
    sctp = RTCSctpTransport(dtls)
    for role in ("client", "server"):
        seam.set_dtls_role(dtls, role)
        assert sctp.is_server == (role == "server")
    assert seam.selected_pair(transport) is None
    await transport.stop()


async def test_a_channel_tells_of_what_it_buffers() -> None:
    dtls = RTCDtlsTransport(RTCIceTransport(RTCIceGatherer([])), [RTCCertificate.generateCertificate()])
    sctp = RTCSctpTransport(dtls)
    amounts: list[int] = []
    channel = seam.Channel(sctp, RTCDataChannelParameters(negotiated=True, id=0), amounts.append)
    channel._setReadyState("open")
    channel.send(b"abc")
    assert amounts == [3]
    assert channel.bufferedAmount == 3
    closed: list[bool] = []
    channel.on("close", lambda: closed.append(True))
    seam.end_association(sctp)
    assert closed == [True]
    assert sctp.state == "closed"


async def test_an_association_shrinks_its_window_when_packets_queue() -> None:
    dtls = RTCDtlsTransport(RTCIceTransport(RTCIceGatherer([])), [RTCCertificate.generateCertificate()])
    association = seam.Association(dtls)
    sack = SackChunk()
    sack.cumulative_tsn = association._last_sacked_tsn
    association._update_rto(0.01)
    association._update_rto(1.0)
    for flight, shrinks in ((0, False), (100_000, True)):
        association._cwnd, association._flight_size = 100_000, flight
        await association._receive_sack_chunk(sack)
        assert association._cwnd == (11_000 if shrinks else 100_000)
    await association.stop()


async def test_sockets_hold_what_comes_while_we_are_busy() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ordinary:
        ordinary.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, seam.RECEIVE_BUFFER)
        most = ordinary.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    gatherer = seam.Gatherer()
    await gatherer.gather()
    opened = [p.transport.get_extra_info("socket") for p in gatherer._connection._protocols]
    assert opened
    assert [s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) for s in opened] == [most] * len(opened)
    await RTCIceTransport(gatherer).stop()


async def test_every_second_packet_in_order_is_acknowledged_and_what_is_not_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    association = seam.Association(
        RTCDtlsTransport(RTCIceTransport(RTCIceGatherer([])), [RTCCertificate.generateCertificate()])
    )
    sent: asyncio.Queue[Any] = asyncio.Queue()
    monkeypatch.setattr(association, "_send_chunk", sent.put)
    association._last_received_tsn = 0

    async def come(tsn: int) -> None:
        chunk = DataChunk(flags=3)
        chunk.tsn, chunk.stream_id, chunk.stream_seq, chunk.protocol, chunk.user_data = tsn, 1, tsn, 53, b"x"
        await association._receive_data_chunk(chunk)
        assert association._sack_needed
        await association._send_sack()

    await come(1)
    assert sent.empty()
    await come(2)
    assert sent.get_nowait().cumulative_tsn == 2
    await come(3)
    assert (await asyncio.wait_for(sent.get(), 5)).cumulative_tsn == 3
    await come(5)
    assert sent.get_nowait().gaps == [(2, 2)]
    await come(5)
    assert sent.get_nowait().duplicates == [5]
    await come(4)
    assert sent.empty()
    await association.stop()
    assert association._owed is None


async def test_a_found_candidate_joins_the_others_once() -> None:
    gatherer = seam.Gatherer()
    await gatherer.gather()
    before = len(gatherer.getLocalCandidates())
    found = Candidate("f", 1, "udp", 1, "198.51.100.1", 5, "srflx")
    assert gatherer.add(found, None) is not None
    assert gatherer.add(found, None) is None
    assert len(gatherer.getLocalCandidates()) == before + 1
    hosts = [c.ip for c in gatherer.getLocalCandidates() if c.type == "host" and ":" not in c.ip]
    assert [protocol.local_candidate.host for protocol in gatherer.ipv4_sockets()] == hosts
    await RTCIceTransport(gatherer).stop()
    assert gatherer.add(Candidate("f", 1, "udp", 1, "198.51.100.1", 6, "srflx"), None) is None


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


def test_the_functions_of_aioice_take_what_we_give() -> None:
    assert list(inspect.signature(ice.server_reflexive_candidate).parameters) == ["protocol", "stun_server"]
    assert list(inspect.signature(ice.relayed_candidate).parameters) == [
        "component",
        "hide_related_address",
        "protocol_factory",
        "turn_server",
        "turn_username",
        "turn_password",
        "turn_ssl",
        "turn_transport",
    ]
    connection = ice.Connection(ice_controlling=False)
    for name in ("_closing", "_local_candidates", "_protocols", "_remote_candidates", "_nominated"):
        assert hasattr(connection, name)
    for name in ("_check_list", "_check_list_done", "_check_list_state"):
        assert hasattr(connection, name)
    assert callable(connection._pair_remote_candidate)
    assert callable(connection.sort_check_list)
    assert hasattr(turn.TurnTransport(None), "_TurnTransport__close_task")  # type: ignore[arg-type]
