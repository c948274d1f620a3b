"""One session with its keys: what waits for a handshake message, and what of it is sent again."""

import os
from typing import Any

import pytest

from peers.codec.frames import Frame, FrameError, FrameType, Lane, encode_frame, encode_packet
from peers.codec.payloads import encode_signal
from peers.noise import TransportKeys
from peers.session.binding import NO_HALF, Binding, Half
from peers.session.events import DirectInstance, RelayInstance, SessionFailed
from peers.session.handshake import FIRST, SECOND, Handshakes
from peers.session.seal import SEALED
from peers.session.sealed import SealedSession, read_signal
from peers.session.session import Session
from tests.session.pair import ROOM, Program

A, B = Program("a"), Program("b")
RELAY = RelayInstance(1, 1)
SIGNAL = Frame(FrameType.SIGNAL, Lane.RELIABLE, False, 0, 0, encode_signal("offer", 1, {}))


def sealed(program: Program = A, peer: Program = B) -> SealedSession:
    made = SealedSession(
        Binding(Half(program.incarnation, 1), NO_HALF),
        Handshakes(ROOM, program.me, peer.remote, {}, os.urandom),
        Session(0.0),
    )
    made.use_relay(RELAY, 0.0)
    return made


def send(side: SealedSession, *payloads: bytes) -> None:
    for payload in payloads:
        side.session.send(0, FrameType.BYTES, payload, 0.0)


def meet(a: SealedSession, b: SealedSession, now: float = 0.0) -> None:
    """A handshake between the two."""
    packet = a.begin().packet
    hello, responder = b.handshakes.read_first(packet)
    b.take(RELAY, hello.frames, now)
    answer = b.answer(packet, hello, responder, now)
    hello, keys = a.handshakes.read_second(answer[0].packet)
    a.take(RELAY, hello.frames, now)
    a.finish(hello, keys, now)


def received(side: SealedSession) -> list[bytes]:
    found = []
    while (event := side.session.next_event()) is not None:
        if hasattr(event, "payload"):
            found.append(event.payload)
    return found


def test_without_a_key_frames_wait_for_message_1() -> None:
    a, b = sealed(), sealed(B, A)
    send(a, b"one", b"two")
    assert a.key is None
    assert a.packets_to_send(0.0) == []
    assert len(a.waiting) == 1
    outgoing = a.begin()
    assert outgoing.packet[0] == FIRST
    assert outgoing.flights == tuple(a.waiting)
    assert outgoing.flight is outgoing.flights[0]
    meet(a, b)
    assert received(b) == [b"one", b"two"]
    assert a.waiting == []


def test_with_a_key_they_go_sealed() -> None:
    a, b = sealed(), sealed(B, A)
    meet(a, b)
    send(a, b"sealed")
    (outgoing,) = [each for each in a.packets_to_send(0.1) if each.flight and each.flight.items]
    assert outgoing.packet[0] == SEALED
    b.take(RELAY, b.keys.open(outgoing.packet), 0.1)
    assert received(b) == [b"sealed"]


def test_control_alone_calls_for_no_handshake() -> None:
    a = sealed()
    a.session.path_confirmed(RELAY, 0.0)
    a.session.handle_timeout(6.0)
    assert a.packets_to_send(6.0) == []
    assert a.waiting == []


def test_what_waits_is_given_out_again_when_message_1_is_to_be_repeated() -> None:
    a = sealed()
    send(a, b"one")
    a.packets_to_send(0.0)
    before = a.begin()
    a.send_waiting_again(1.0)
    assert a.waiting == []
    a.packets_to_send(1.0)
    assert [frame.payload for flight in a.waiting for frame in flight.frames] == [b"one"]
    assert a.begin().packet != before.packet


def test_what_was_refused_waits_no_longer() -> None:
    a = sealed()
    send(a, b"one")
    a.packets_to_send(0.0)
    a.refused(a.begin(), "busy", 0.0)
    assert a.waiting == []
    a.packets_to_send(0.05)
    assert a.waiting == [], "the session itself waits"
    a.packets_to_send(0.2)
    assert len(a.waiting) == 1


def test_another_relay_instance_begins_anew() -> None:
    a = sealed()
    send(a, b"one")
    a.packets_to_send(0.0)
    a.use_relay(None, 0.5)
    assert a.waiting == []
    assert a.packets_to_send(0.5) == []
    a.use_relay(RelayInstance(2, 1), 1.0)
    a.packets_to_send(1.0)
    assert [flight.instance for flight in a.waiting] == [RelayInstance(2, 1)]


def test_direct_packets_need_no_key() -> None:
    a = sealed()
    a.direct_opened(4, 0.0)
    (ping,) = a.packets_to_send(0.0)
    assert (ping.attempt, a.attempts) == (4, {4})
    a.direct_ended(4, 0.0)
    a.direct_ended(4, 0.0)
    assert a.attempts == set()


def test_what_does_not_fit_beside_the_answer_goes_sealed() -> None:
    a, b = sealed(), sealed(B, A)
    packet = a.begin().packet
    send(b, *(bytes(16_000) for _ in range(4)))  # 64 KB: more than one packet
    hello, responder = b.handshakes.read_first(packet)
    answer = b.answer(packet, hello, responder, 0.0)
    assert [outgoing.packet[0] for outgoing in answer] == [SECOND, SEALED]
    assert all(len(outgoing.packet) <= 60_000 for outgoing in answer)


@pytest.mark.parametrize("instance", [RELAY, DirectInstance(4)])
def test_what_is_no_frame_ends_the_session(instance: Any) -> None:
    a = sealed()
    a.direct_opened(4, 0.0)
    a.take(instance, b"no frames", 0.0)
    events = []
    while (event := a.session.next_event()) is not None:
        events.append(event)
    assert isinstance(events[-1], SessionFailed)


def test_signals_are_sealed_frames_of_their_own() -> None:
    a, b = sealed(), sealed(B, A)
    assert a.seal_signal("offer", 1, {}) is None
    meet(a, b)
    packet = a.seal_signal("offer", 1, {"sdp": "x"})
    assert packet is not None
    assert read_signal(b.keys.open(packet)) == ("offer", 1, {"sdp": "x"})


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"garbage",
        encode_packet([SIGNAL, SIGNAL]),
        encode_frame(Frame(FrameType.BYTES, Lane.RELIABLE, False, 0, 1, b"")),
        encode_frame(Frame(FrameType.SIGNAL, Lane.RELIABLE, False, 0, 0, b"\xc0")),
    ],
)
def test_anything_else_is_no_signal(packet: bytes) -> None:
    assert read_signal(encode_frame(SIGNAL)) == ("offer", 1, {})
    with pytest.raises(FrameError):
        read_signal(packet)


def test_the_latest_key_that_may_still_be_used() -> None:
    a = sealed()
    a.keys.add(7, TransportKeys(bytes(32), bytes(32), b""), 0.0)
    assert a.key is not None
    a.key.sealed = 2**24
    assert a.key is None
