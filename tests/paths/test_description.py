"""Descriptions: read back, refused, and understood by a whole RTCPeerConnection in both roles."""

import asyncio
import re
from typing import Any

import pytest
from aiortc import RTCDataChannel, RTCPeerConnection, RTCSessionDescription

from peers.codec.frames import Lane
from peers.paths import description
from peers.paths.description import DescriptionError
from tests.paths.check_path import DEADLINE
from tests.paths.direct_pair import DirectEnd, ends

CHROMIUM = """v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE data
a=extmap-allow-mixed
a=msid-semantic: WMS
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=candidate:1 1 udp 2113937151 4a0f1e4e-7b2c-4a6e-9d3a-1f2e3d4c5b6a.local 51234 typ host generation 0 network-cost 999
a=ice-ufrag:Yq3z
a=ice-pwd:hJ8sYq3zZc0vQn2wPb5tXk1d
a=ice-options:trickle
a=fingerprint:sha-256 {fingerprint}
a=setup:actpass
a=mid:data
a=sctp-port:5000
a=max-message-size:262144
""".replace("\n", "\r\n").replace("{fingerprint}", ":".join(["A5"] * 32))

FIREFOX = """v=0
o=mozilla...THIS_IS_SDPARTA-99.0 5129 0 IN IP4 0.0.0.0
s=-
t=0 0
a=fingerprint:sha-256 {fingerprint}
a=group:BUNDLE 0
a=ice-options:trickle
a=msid-semantic:WMS *
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=sendrecv
a=ice-pwd:9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d
a=ice-ufrag:1a2b3c4d
a=mid:0
a=setup:actpass
a=sctp-port:5000
a=max-message-size:1073741823
""".replace("\n", "\r\n").replace("{fingerprint}", ":".join(["A5"] * 32))


def offer(sdp: str) -> dict[str, str]:
    return {"type": "offer", "sdp": sdp}


@pytest.mark.parametrize(("sdp", "mid"), [(CHROMIUM, "data"), (FIREFOX, "0")])
def test_a_browser_s_offer_is_read(sdp: str, mid: str) -> None:
    remote = description.read(offer(sdp), "offer")
    assert remote.mid == mid
    assert remote.setup == "actpass"
    assert remote.sctp_port == 5000
    assert [f.value for f in remote.dtls.fingerprints] == [":".join(["A5"] * 32)]


REFUSED = {
    "no section": CHROMIUM.split("m=")[0],
    "two sections": CHROMIUM + CHROMIUM[CHROMIUM.index("m=") :],
    "audio": re.sub("m=application .*webrtc-datachannel", "m=audio 9 UDP/TLS/RTP/SAVPF 0", CHROMIUM),
    "rejected": CHROMIUM.replace("m=application 9", "m=application 0"),
    "no fingerprint": re.sub("a=fingerprint.*\r\n", "", CHROMIUM),
    "no setup": CHROMIUM.replace("a=setup:actpass\r\n", ""),
    "strange setup": CHROMIUM.replace("a=setup:actpass", "a=setup:holdconn"),
    "no ufrag": re.sub("a=ice-ufrag.*\r\n", "", CHROMIUM),
    "no pwd": re.sub("a=ice-pwd.*\r\n", "", CHROMIUM),
    "no sctp-port": CHROMIUM.replace("a=sctp-port:5000\r\n", ""),
    "small messages": CHROMIUM.replace("262144", "16384"),
    "broken candidate": CHROMIUM.replace("a=candidate:1 1 udp", "a=candidate:1 1"),
    "broken line": CHROMIUM.replace("a=mid:data", "a=fingerprint"),
    "binary": "\0\1\2",
    "endless": CHROMIUM + "a=x\r\n" * 20_000,
}


@pytest.mark.parametrize("sdp", REFUSED.values(), ids=REFUSED.keys())
def test_an_offer_that_we_cannot_take_is_refused(sdp: str) -> None:
    with pytest.raises(DescriptionError):
        description.read(offer(sdp), "offer")


def test_an_offer_is_no_answer() -> None:
    with pytest.raises(DescriptionError, match="answer"):
        description.read(offer(CHROMIUM), "answer")


def test_a_candidate_survives_writing_and_reading() -> None:
    text = "candidate:1 1 udp 1677729535 198.51.100.1 40000 typ srflx raddr 192.0.2.1 rport 50000"
    candidate = description.read_candidate({"candidate": text, "sdpMid": "0", "sdpMLineIndex": 0})
    assert candidate is not None
    assert (candidate.ip, candidate.port, candidate.relatedAddress) == ("198.51.100.1", 40000, "192.0.2.1")
    assert description.write_candidate(candidate, "0") == {"candidate": text, "sdpMid": "0", "sdpMLineIndex": 0}
    for end in ({"candidate": None}, {"candidate": ""}, None):
        assert description.read_candidate(end) is None


async def test_ours_is_read_by_ourselves() -> None:
    left, right = ends()
    ours = await left.direct.offer()
    remote = description.read(ours, "offer")
    assert remote.setup == "actpass"
    assert "end-of-candidates" in ours["sdp"]
    assert len(remote.dtls.fingerprints) == 1
    assert remote.candidates
    answer = description.read(await right.direct.answer(ours), "answer")
    assert answer.setup == "active"
    assert answer.mid == remote.mid
    await asyncio.gather(left.direct.close(), right.direct.close())


class WholeConnection:
    """An RTCPeerConnection with our three channels, which echoes what it gets on each."""

    def __init__(self) -> None:
        self.connection = RTCPeerConnection()
        for lane in Lane:
            datagram: dict[str, Any] = {"ordered": False, "maxRetransmits": 0} if lane is Lane.DATAGRAM else {}
            self._echo(self.connection.createDataChannel(lane.name, negotiated=True, id=int(lane), **datagram))

    def _echo(self, channel: RTCDataChannel) -> None:
        channel.on("message", channel.send)

    async def offer(self) -> dict[str, str]:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return self._local()

    async def take(self, remote: dict[str, str]) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(**remote))

    async def answer(self, remote: dict[str, str]) -> dict[str, str]:
        await self.take(remote)
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        return self._local()

    def _local(self) -> dict[str, str]:
        return {"type": self.connection.localDescription.type, "sdp": self.connection.localDescription.sdp}


@pytest.mark.parametrize("we_offer", [True, False])
async def test_a_whole_peer_connection_understands_us(we_offer: bool) -> None:
    ours, theirs = DirectEnd(offers=we_offer), WholeConnection()
    async with asyncio.timeout(DEADLINE):
        if we_offer:
            await ours.direct.take_answer(await theirs.answer(await ours.direct.offer()))
        else:
            await theirs.take(await ours.direct.answer(await theirs.offer()))
        await ours.until(lambda: ours.opened == 1)
        sent = [(lane, bytes([lane]) * 20_000) for lane in Lane]
        for lane, packet in sent:
            ours.direct.send(lane, packet)
        await ours.until(lambda: len(ours.packets) >= len(sent))
    assert sorted(ours.packets) == sent
    await theirs.connection.close()
    await ours.until(lambda: bool(ours.reasons))
    await ours.direct.close()
