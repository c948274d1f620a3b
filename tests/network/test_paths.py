"""Two programs behind routers while their network changes: nothing is lost or doubled, and the path follows."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.network.lab import Lab
from tests.network.peer_program import PUBLIC, SECRET
from tests.network.session import SIDES, talking
from tests.paths.direct_pair import DirectEnd

pytestmark = [pytest.mark.network, pytest.mark.slow]

MakeLab = Callable[..., Lab]

WAYS = ("a to b", "b to a")
DESCRIPTION_WORDS = (
    "a=ice-ufrag:",
    "a=ice-pwd:",
    "a=fingerprint:sha-256 ",
    "UDP/DTLS/SCTP webrtc-datachannel",
    "a=setup:",
)
"""What is in every description of ours ..."""
HOST_CANDIDATE = "udp 2130706431 {}"
"""... and in every candidate of a host, with its address."""


async def test_on_a_slow_link_bulk_both_ways_delays_little_and_stays_on_the_direct_path(
    make_lab: MakeLab, tmp_path: Path
) -> None:
    """1 Mbit/s each way, and 1.5 MB of bulk each way: 12 s of a full link."""
    lab = make_lab("cone")
    lab.limit("a", "1mbit")
    async with talking(lab, tmp_path, "--every", "0.1", "--bulk", "1500000", "--after-direct") as session:
        await session.until(
            lambda side: (
                sum(record["lane"] == "bulk" for record in session.read(side, "arrived")) >= 1_500_000 // 16_384
            ),
            60,
            "done with bulk",
        )
        figures = await session.finish()
        for side in SIDES:
            assert [record["path"] for record in session.read(side, "paths")] == ["direct"]
    round_trip = sum(figures[way]["reliable"]["slowest"] for way in WAYS)
    print("slowest round trip in seconds:", round_trip)
    assert round_trip < 2.5


def memory_of(pid: int) -> bytes:
    """All that a process may write to of its memory."""
    parts = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        for line in maps:
            addresses, rights, *_ = line.split()
            if rights.startswith("rw"):
                start, end = (int(address, 16) for address in addresses.split("-"))
                memory.seek(start)
                try:
                    parts.append(memory.read(end - start))
                except OSError:  # the kernel's own pages
                    continue
    return b"".join(parts)


async def describe_ourselves() -> str:
    """The SDP of an offer as peers make it."""
    end = DirectEnd(offers=True)
    offer = await end.direct.offer()
    await end.direct.close()
    return offer["sdp"]


async def test_neither_the_wire_nor_the_server_s_memory_tells_anything(make_lab: MakeLab, tmp_path: Path) -> None:
    """Neither a message, relayed or direct, nor a description or a candidate; only what the server may know."""
    if shutil.which("tcpdump") is None:
        pytest.skip("install tcpdump: on Debian, apt install tcpdump")
    lab, capture = make_lab("cone"), tmp_path / "capture"
    # Unbuffered, from the bridge that all packets come by, all bytes of each.
    command = lab.command("net", "tcpdump", "-i", "br0", "-U", "-s", "0", "-w", str(capture))
    tcpdump = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    try:
        assert tcpdump.stderr is not None
        async with asyncio.timeout(10):
            while b"listening on" not in (line := await tcpdump.stderr.readline()):
                assert line, "tcpdump has ended"
        async with talking(lab, tmp_path) as session:
            await session.until_on("direct", 20)
            await session.until_more_arrived(20, 20)
            lab.cut()
            await session.until_on("relay", 5)
            await session.until_more_arrived(50, 20)
            memory = await asyncio.to_thread(memory_of, session.server.pid)
            figures = await session.finish()
    finally:
        tcpdump.terminate()
        await tcpdump.communicate()
    for way in WAYS:
        assert set(figures[way]["paths"]) == {"relay", "direct"}
    # What a client sends over WebSocket is masked; what the server passes on is not, and would show.
    offer = await describe_ourselves()
    assert all(word in offer for word in DESCRIPTION_WORDS)
    assert HOST_CANDIDATE.format("") in offer
    candidates = (HOST_CANDIDATE.format(lab.address(side)) for side in SIDES)
    secrets = (SECRET, *DESCRIPTION_WORDS, *candidates)
    for place, content in (("on the wire", capture.read_bytes()), ("in the server's memory", memory)):
        assert content.count(PUBLIC.encode()) >= 2, "a search that finds nothing proves nothing"
        for secret in secrets:
            assert secret.encode() not in content, f"{secret!r} was {place}"
