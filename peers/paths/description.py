"""Offers and answers of a connection that carries data channels and nothing else (RFC 8829, RFC 8841).

One m-section, one candidate transport, one fingerprint: what an RTCPeerConnection with a data channel writes, and
accepts. A description is the JSON of RTCSessionDescriptionInit, a candidate that of RTCIceCandidateInit.
"""

import secrets
from typing import Any, Literal

import msgspec
from aiortc import RTCDtlsFingerprint, RTCDtlsParameters, RTCIceCandidate, RTCIceParameters, RTCSctpCapabilities
from aiortc import sdp as sdp_

from peers.paths.path import MAX_PATH_PACKET

MAX_SDP = 32_768
"""Characters in the SDP of a description; a browser with many addresses writes 3,000."""
MAX_CANDIDATES = 64
"""Candidates taken from a description."""

Setup = Literal["actpass", "active", "passive"]
_FINGERPRINT = "sha-256"
_ROLE_OF_SETUP: dict[str, str] = {"actpass": "auto", "active": "client", "passive": "server"}
_SETUP_OF_ROLE = {role: setup for setup, role in _ROLE_OF_SETUP.items()}


class DescriptionError(ValueError):
    """The peer's description or candidate is not one that we can take."""


class Local(msgspec.Struct, frozen=True):
    """What our side puts in its description."""

    ice: RTCIceParameters
    fingerprint: RTCDtlsFingerprint
    candidates: list[RTCIceCandidate]
    complete: bool
    """No candidate will follow."""
    sctp_port: int
    max_message_size: int


class Remote(msgspec.Struct, frozen=True):
    """What the peer's description says, checked."""

    mid: str
    ice: RTCIceParameters
    dtls: RTCDtlsParameters
    setup: str
    candidates: list[RTCIceCandidate]
    sctp_port: int
    sctp: RTCSctpCapabilities


def write(kind: Literal["offer", "answer"], local: Local, *, mid: str, setup: Setup) -> dict[str, str]:
    """Our description, to be sent to the peer."""
    media = sdp_.MediaDescription(
        # Port 9 and no address, as in RFC 8838: where to send is a matter of the candidates.
        kind="application",
        port=9,
        profile="UDP/DTLS/SCTP",
        fmt=["webrtc-datachannel"],
    )
    media.host = "0.0.0.0"
    media.rtp.muxId = mid
    media.sctp_port = local.sctp_port
    media.sctpCapabilities = RTCSctpCapabilities(maxMessageSize=local.max_message_size)
    media.ice = local.ice
    media.ice_options = "trickle"
    media.ice_candidates = local.candidates
    media.ice_candidates_complete = local.complete
    media.dtls = RTCDtlsParameters(fingerprints=[local.fingerprint], role=_ROLE_OF_SETUP[setup])
    session = sdp_.SessionDescription()
    session.origin = f"- {secrets.randbits(62)} 1 IN IP4 0.0.0.0"
    session.group.append(sdp_.GroupDescription(semantic="BUNDLE", items=[mid]))
    session.media.append(media)
    return {"type": kind, "sdp": str(session)}


def read(description: Any, kind: Literal["offer", "answer"]) -> Remote:
    """Check the peer's description.

    Raises:
        DescriptionError: it is not an `kind` of one data-only section that we can connect to.
    """
    if not isinstance(description, dict) or description.get("type") != kind:
        raise DescriptionError(f"not an RTCSessionDescriptionInit of type {kind}")
    text = description.get("sdp")
    if not isinstance(text, str) or len(text) > MAX_SDP:
        raise DescriptionError(f"sdp must be a string of at most {MAX_SDP} characters")
    try:
        session = sdp_.SessionDescription.parse(text)
    # The parser asserts, converts and looks up as it goes, and the text comes from the peer.
    except Exception as error:
        raise DescriptionError(f"sdp cannot be parsed: {error!r}") from error
    if len(session.media) != 1 or session.media[0].kind != "application":
        raise DescriptionError("sdp must have one m-section, of data channels")
    media = session.media[0]
    if media.port == 0 or media.profile not in ("UDP/DTLS/SCTP", "TCP/DTLS/SCTP") or media.sctp_port is None:
        raise DescriptionError("its m-section must be a live one of SCTP over DTLS (RFC 8841)")
    if media.ice is None or not media.ice.usernameFragment or not media.ice.password:
        raise DescriptionError("ice-ufrag or ice-pwd is missing")
    if media.dtls is None or not media.dtls.fingerprints:
        raise DescriptionError("fingerprint or setup is missing")
    # RFC 8841 section 6: without the attribute, 64 KiB. 0 means any size.
    size = media.sctpCapabilities.maxMessageSize if media.sctpCapabilities else 65_536
    if size != 0 and size < MAX_PATH_PACKET:
        raise DescriptionError(f"max-message-size must be at least {MAX_PATH_PACKET}")
    return Remote(
        mid=media.rtp.muxId or "0",
        ice=media.ice,
        dtls=media.dtls,
        setup=_SETUP_OF_ROLE[media.dtls.role],
        candidates=media.ice_candidates[:MAX_CANDIDATES],
        sctp_port=media.sctp_port,
        sctp=RTCSctpCapabilities(maxMessageSize=size),
    )


def fingerprint_of(parameters: RTCDtlsParameters) -> RTCDtlsFingerprint:
    """The one of our certificate's fingerprints that we tell: SHA-256, which every implementation has."""
    return next(f for f in parameters.fingerprints if f.algorithm == _FINGERPRINT)


def write_candidate(candidate: RTCIceCandidate, mid: str) -> dict[str, Any]:
    """A candidate found after the description was sent."""
    return {"candidate": f"candidate:{sdp_.candidate_to_sdp(candidate)}", "sdpMid": mid, "sdpMLineIndex": 0}


def read_candidate(init: Any) -> RTCIceCandidate | None:
    """Check a candidate of the peer's. None: it has no more (a browser says so with an empty string).

    Raises:
        DescriptionError: it cannot be parsed.
    """
    text = init.get("candidate") if isinstance(init, dict) else init
    if text is None or text == "":
        return None
    if not isinstance(text, str) or len(text) > 1_024:
        raise DescriptionError("candidate must be a string of at most 1024 characters")
    try:
        return sdp_.candidate_from_sdp(text.removeprefix("a=").removeprefix("candidate:"))
    except Exception as error:
        raise DescriptionError(f"candidate cannot be parsed: {error!r}") from error
