"""The direct path: the suite of paths, and what is its own."""

import asyncio
import logging
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from peers.codec.frames import Lane
from peers.paths import loading
from peers.paths.direct import DirectPath, DirectUnavailable, direct_available
from signalling.protocol.events import IceServer
from tests.paths.check_path import check_path, open_sockets, settled
from tests.paths.direct_pair import DirectEnd, describe, ends, make_direct_pair
from tests.paths.servers import MAPPED, RELAYED, ice_server

TestDirectPath = check_path(make_direct_pair)


@pytest.fixture
def silent_server() -> Iterator[int]:
    """The port of a UDP server that never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        yield server.getsockname()[1]


def stun(port: int) -> list[IceServer]:
    return [IceServer(urls=[f"stun:127.0.0.1:{port}"])]


async def test_it_opens_once_on_both_sides_and_tells_which_way_it_goes() -> None:
    pair = await make_direct_pair()
    assert isinstance(pair.left, DirectEnd)
    assert isinstance(pair.right, DirectEnd)
    here, there = pair.left.direct.stats(), pair.right.direct.stats()
    assert here is not None
    assert there is not None
    assert here.local_type == "host"
    assert (here.local_address, here.remote_address) == (there.remote_address, there.local_address)
    await pair.close()
    assert (pair.left.opened, pair.right.opened) == (1, 1)
    assert pair.left.direct.stats() is None


async def test_a_swapped_fingerprint_ends_the_attempt() -> None:
    left, right = ends()
    offer = await left.direct.offer()
    answer = await right.direct.answer(offer)
    swapped = re.sub(r"(sha-256 )(..)", lambda m: m[1] + ("00" if m[2] != "00" else "01"), answer["sdp"])
    await left.direct.take_answer({**answer, "sdp": swapped})
    await left.until(lambda: bool(left.reasons))
    assert "DTLS" in left.reasons[0]
    left.direct.send(Lane.RELIABLE, b"to whom?")
    await asyncio.gather(left.direct.close(), right.direct.close())
    assert (left.opened, right.opened) == (0, 0)
    assert (left.packets, right.packets) == ([], [])


@pytest.mark.parametrize("kind", ["none", "text", "answer for offer", "empty", "cut", "binary"])
async def test_an_offer_of_nonsense_ends_the_attempt(kind: str) -> None:
    left, right = ends()
    offer: Any = await left.direct.offer()
    bad: Any = {
        "none": None,
        "text": offer["sdp"],
        "answer for offer": {**offer, "type": "answer"},
        "empty": {**offer, "sdp": ""},
        "cut": {**offer, "sdp": offer["sdp"][:-200]},
        "binary": {**offer, "sdp": offer["sdp"].encode()},
    }[kind]
    with pytest.raises(ValueError, match=r"."):
        await right.direct.answer(bad)
    assert len(right.reasons) == 1
    await asyncio.gather(left.direct.close(), right.direct.close())


async def test_candidates_of_nonsense_are_left_out() -> None:
    left, right = ends()
    nonsense: list[Any] = [
        {},
        {"candidate": 7},
        {"candidate": "candidate:x"},
        {"candidate": "candidate:1 1 udp 1 no-address 1 typ host"},
        {"candidate": "candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active"},
        {"candidate": "candidate:1 1 udp 1 192.0.2.1 1 typ strange"},
        17,
    ]
    for candidate in nonsense[1:]:
        left.direct.take_candidate(candidate)
        right.direct.take_candidate(candidate)
    await describe(left, right)
    for candidate in nonsense[1:] * 20:
        left.direct.take_candidate(candidate)
    await left.until(lambda: left.opened == 1)
    await right.until(lambda: right.opened == 1)
    await asyncio.gather(left.direct.close(), right.direct.close())


async def test_what_a_server_tells_late_is_sent_as_a_candidate() -> None:
    async with ice_server(delay=0.3) as servers:
        end = DirectEnd(offers=True, ice_servers=servers)
        offer = await end.direct.offer()
        assert "srflx" not in offer["sdp"]
        assert "end-of-candidates" not in offer["sdp"]
        await end.until(lambda: None in end.candidates)
        found = end.candidates[0]
        assert found is not None
        assert re.match(rf"candidate:\w+ 1 udp \d+ {MAPPED} \d+ typ srflx", found["candidate"])
        assert (found["sdpMid"], found["sdpMLineIndex"]) == ("0", 0)
        await end.direct.close()


async def test_closing_does_not_wait_for_a_turn_server_that_is_gone() -> None:
    tasks, sockets = len(asyncio.all_tasks()), open_sockets()
    async with ice_server("turn") as servers:
        end = DirectEnd(offers=True, ice_servers=servers)
        await end.direct.offer()
        await end.until(lambda: end.candidates[-1:] == [None])
        assert RELAYED[0] in str(end.candidates)
    begun = time.monotonic()
    await end.direct.close()
    assert time.monotonic() - begun < 5.0
    await settled(lambda: len(asyncio.all_tasks()) <= tasks and open_sockets() <= sockets)


async def test_a_packet_that_overtakes_the_end_of_the_handshake_is_kept() -> None:
    left, right = ends()
    left.direct._received(Lane.RELIABLE, b"early")
    assert left.packets == []
    await describe(left, right)
    await left.until(lambda: bool(left.packets))
    assert left.opened == 1
    await right.until(lambda: right.opened == 1)
    right.direct.send(Lane.RELIABLE, b"later")
    await left.until(lambda: len(left.packets) == 2)
    assert left.of(Lane.RELIABLE) == [b"early", b"later"]
    await asyncio.gather(left.direct.close(), right.direct.close())


def without_candidates(description: dict[str, str]) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """A description as one that trickles would have sent it, and the candidates that were in it."""
    lines = description["sdp"].split("\r\n")
    candidates = [line.removeprefix("a=") for line in lines if line.startswith("a=candidate:")]
    bare = "\r\n".join(line for line in lines if "candidate" not in line)
    inits = [{"candidate": candidate, "sdpMid": "0", "sdpMLineIndex": 0} for candidate in candidates]
    return {**description, "sdp": bare}, inits


async def test_candidates_that_come_after_both_descriptions_connect() -> None:
    left, right = ends()
    offer, candidates = without_candidates(await left.direct.offer())
    answer, _ = without_candidates(await right.direct.answer(offer))
    await left.direct.take_answer(answer)
    for candidate in candidates:
        right.direct.take_candidate(candidate)
    await left.until(lambda: left.opened == 1)
    await asyncio.gather(left.direct.close(), right.direct.close())


async def test_a_peer_without_candidates_is_found_by_its_own_checks() -> None:
    left, right = ends()
    offer, _ = without_candidates(await left.direct.offer())
    right.direct.take_candidate(None)
    right.direct.take_candidate({"candidate": ""})
    answer = await right.direct.answer(offer)
    await asyncio.sleep(0.1)  # in which aioice would give up
    await left.direct.take_answer(answer)
    await right.until(lambda: right.opened == 1)
    stats = right.direct.stats()
    assert stats is not None
    assert stats.remote_type == "prflx"
    await asyncio.gather(left.direct.close(), right.direct.close())


@pytest.mark.parametrize("moment", ["new", "loading", "gathering", "offered", "answered", "connecting", "open"])
async def test_closing_at_any_moment_leaves_nothing(moment: str, silent_server: int) -> None:
    tasks, sockets = len(asyncio.all_tasks()), open_sockets()
    left, right = ends(stun(silent_server))
    offering: asyncio.Task[dict[str, str]] | None = None
    if moment in ("loading", "gathering"):
        offering = asyncio.create_task(left.direct.offer())
        await asyncio.sleep(0)
        while moment == "gathering" and (left.direct._stack is None or left.direct._stack._gathering._hosts is None):
            await asyncio.sleep(0)
    elif moment != "new":
        offer = await left.direct.offer()
        if moment != "offered":
            answer = await right.direct.answer(offer)
            if moment != "answered":
                await left.direct.take_answer(answer)
                if moment == "open":
                    await left.until(lambda: left.opened == 1)
                    await right.until(lambda: right.opened == 1)
    await asyncio.gather(left.direct.close(), right.direct.close(), left.direct.close())
    reasons = [left.reasons, right.reasons, left.after_end, right.after_end]
    if offering is not None:
        with pytest.raises(ConnectionError):
            await offering
    assert [len(told) for told in reasons] == [1, 1, 0, 0]
    await settled(lambda: len(asyncio.all_tasks()) <= tasks and open_sockets() <= sockets)


async def test_fifty_pairs_are_closed_without_a_trace() -> None:
    tasks, sockets = len(asyncio.all_tasks()), open_sockets()
    for _ in range(5):
        pairs = await asyncio.gather(*(make_direct_pair() for _ in range(10)))
        for pair in pairs:
            pair.left.path.send(Lane.BULK, bytes(20_000))
        await asyncio.gather(*(pair.close() for pair in pairs))
    await settled(lambda: len(asyncio.all_tasks()) <= tasks and open_sockets() <= sockets)


async def test_a_handler_that_raises_is_logged_and_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    pair = await make_direct_pair()
    received = pair.right.on_packet

    def raises(lane: Lane, packet: bytes) -> None:
        received(lane, packet)
        raise RuntimeError("a bug of the owner's")

    assert isinstance(pair.right, DirectEnd)
    pair.right.direct._on_packet = raises
    pair.right.direct._on_drain = lambda: raises(Lane.RELIABLE, b"")
    with caplog.at_level(logging.CRITICAL + 1):
        for _ in range(20):
            pair.left.path.send(Lane.RELIABLE, bytes(10_000))
            pair.right.path.send(Lane.RELIABLE, bytes(10_000))
        await pair.right.until(lambda: len(pair.right.packets) == 20)
        await pair.left.until(lambda: len(pair.left.packets) == 20)
    assert pair.right.reasons == []
    await pair.close()


async def test_a_peer_that_opens_channels_of_its_own_is_ended() -> None:
    from aiortc import RTCDataChannelParameters

    from peers.paths import aiortc_seam

    pair = await make_direct_pair()
    assert isinstance(pair.left, DirectEnd)
    stack = pair.left.direct._stack
    assert stack is not None
    aiortc_seam.Channel(stack._sctp, RTCDataChannelParameters(label="more"), lambda amount: None)
    await pair.right.until(lambda: bool(pair.right.reasons))
    await pair.close()


async def test_text_is_not_taken_for_a_packet() -> None:
    pair = await make_direct_pair()
    assert isinstance(pair.left, DirectEnd)
    stack = pair.left.direct._stack
    assert stack is not None
    stack.channels[0].send("text")
    stack.channels[0].send(b"")
    pair.left.path.send(Lane.RELIABLE, b"packet")
    await pair.right.until(lambda: bool(pair.right.packets))
    assert pair.right.packets == [(Lane.RELIABLE, b"packet")]
    await pair.close()


async def test_without_aiortc_there_are_no_direct_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_failure", None)
    monkeypatch.setattr(loading, "STACK", "peers.paths.there_is_no_such_module")
    assert direct_available()
    end = DirectEnd(offers=True)
    with pytest.raises(DirectUnavailable, match="aiortc cannot be imported"):
        await end.direct.offer()
    assert len(end.reasons) == 1
    assert not direct_available()


def test_aiortc_is_not_imported_before_it_is_needed() -> None:
    code = (
        "import sys; from peers.paths.direct import DirectPath, direct_available; "
        "assert direct_available(); assert 'aiortc' not in sys.modules and 'av' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


async def test_an_answer_before_an_offer_is_a_bug_of_the_owner() -> None:
    end = DirectEnd(offers=True)
    with pytest.raises(RuntimeError):
        await end.direct.take_answer({"type": "answer", "sdp": ""})
    await end.direct.close()
    assert isinstance(end.path, DirectPath)
