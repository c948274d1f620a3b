"""The private names of aiortc and aioice that we lean on are still there, and still mean what they did."""

import asyncio
import inspect
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
    assert hasattr(turn.TurnTransport(None), "_TurnTransport__close_task")  # type: ignore[arg-type]
