"""The keys of a link: what nobody sent is dropped, lost keys are told of, old ones renewed, signals sealed."""

from collections.abc import Callable

import pytest

from peers.noise import TransportKeys
from peers.session import seal
from peers.session.handshake import FIRST, HINT, SECOND, encode_hint
from peers.session.link_core import Ready, SessionEnded
from peers.session.seal import SEALED
from tests.session.pair import Pair, ids, kinds, ready

# ---- packets that nobody sent


def test_copies_are_dropped() -> None:
    pair = ready()
    pair.a.send(b"once", pair.now)
    packets = pair.take(pair.a)
    pair.give(pair.b, packets * 3)
    assert pair.b.received == [b"once"]
    assert pair.b.core.drops == {"replay": 2}


def test_reflected_packets_are_dropped_and_answered_once_a_second_at_most() -> None:
    pair = ready()
    pair.a.send(b"to b", pair.now)
    packets = pair.take(pair.a)
    pair.give(pair.a, packets * 100)
    assert pair.a.received == []
    assert pair.a.core.drops == {"bad seal": 100}
    assert kinds(pair.take(pair.a)) == [HINT]


@pytest.mark.parametrize("at", [0, 1, 5, 9, 20, -1])
def test_tampered_packets_are_dropped(at: int) -> None:
    pair = ready()
    pair.a.send(b"whole", pair.now)
    (packet,) = pair.take(pair.a)
    forged = bytearray(packet)
    forged[at] ^= 0x40
    pair.give(pair.b, [bytes(forged)])
    assert pair.b.received == []
    assert pair.b.core.drops.total() == 1
    pair.give(pair.b, [packet])
    assert pair.b.received == [b"whole"]


@pytest.mark.parametrize(
    "packet", [b"", b"\0", b"\x01", b"\x02", b"\x03", b"\x04", b"\x05", b"\x01" * 200, b"\xff" * 60]
)
def test_whatever_else_comes_is_dropped_and_counted(packet: bytes) -> None:
    for pair in (Pair(), ready()):
        before = pair.b.core.drops.total()
        pair.b.core.receive_relay(packet, pair.now)
        assert pair.b.core.drops.total() == before + 1
        assert pair.b.seen(SessionEnded) == []


def test_another_key_with_the_peers_number_does_not_get_in() -> None:
    """A message 1 to which the server gives the number of a key in use."""
    pair = ready()
    used = ids(pair)[0]
    assert used is not None
    pair.a.core._schedule.want_soon(pair.now)
    pair.now += 1
    packet = next(packet for packet in pair.take(pair.a) if packet[0] == FIRST)
    pair.give(pair.b, [packet[:1] + used.to_bytes(4, "big") + packet[5:]])
    assert pair.b.core.drops == {"key id in use": 1}
    pair.a.send(b"as before", pair.now)
    pair.run()
    assert pair.b.received == [b"as before"]


def test_a_doubled_message_1_is_answered_once() -> None:
    pair = Pair()
    pair.a.send(b"hello", pair.now)
    packets = pair.take(pair.a)
    pair.give(pair.b, packets * 5)
    assert kinds(pair.take(pair.b)) == [SECOND]
    assert pair.b.core.drops == {"copy": 4}


# ---- hints


def test_a_peer_that_lost_the_key_says_so_and_gets_a_new_one() -> None:
    pair = ready()
    pair.b.core._current.keys.__init__()  # type: ignore[misc]
    pair.a.send(b"hello", pair.now)
    pair.run(5)
    assert pair.b.received == [b"hello"]
    assert not pair.a.seen(SessionEnded)
    assert ids(pair)[0] == ids(pair)[1]


def test_two_keys_under_one_number_do_not_last() -> None:
    pair = ready()
    latest = pair.b.core._current.keys.latest
    assert latest is not None
    pair.b.core._current.keys.add(latest.id, TransportKeys(bytes(32), bytes(32), b""), pair.now)
    pair.a.send(b"hello", pair.now)
    pair.run(5)
    assert pair.b.received == [b"hello"]


def test_hints_go_out_once_a_second_at_most() -> None:
    pair = Pair()
    for number in range(100):
        pair.b.core.receive_relay(b"\x03" + number.to_bytes(4, "big") + bytes(40), pair.now)
        pair.now += 0.05
        pair.take(pair.b)
    assert kinds([packet for _, packet in pair.log]) == [HINT] * 5
    assert pair.b.core.drops == {"unknown key": 100}


def test_hints_about_other_keys_start_nothing() -> None:
    pair = ready()
    latest = ids(pair)[0] or 0
    pair.log.clear()
    for number in range(1_000):
        pair.a.core.receive_relay(encode_hint((latest + 1 + number) % 2**32), pair.now)
    pair.run(0.5)
    assert [packet for _, packet in pair.log if packet[0] == FIRST] == []
    assert pair.a.core.drops == {"hint": 1_000}


def test_a_storm_of_forged_hints_costs_one_handshake_a_second() -> None:
    pair = ready()
    start = pair.now
    pair.log.clear()
    while pair.now < start + 10:
        for _ in range(20):
            pair.a.core.receive_relay(encode_hint(ids(pair)[0] or 0), pair.now)
        pair.run()
        pair.now += 0.0625
    assert 9 <= sum(packet[0] == FIRST for _, packet in pair.log) <= 11
    pair.a.send(b"still here", pair.now)
    pair.run()
    assert pair.b.received == [b"still here"]


# ---- keys grow old


def test_a_key_is_renewed_after_an_hour_and_nothing_is_lost() -> None:
    pair = ready()
    before, made = ids(pair)[0], pair.now
    pair.run(3_650, step=5.0)
    assert before not in ids(pair)
    firsts = [packet for _, packet in pair.log if packet[0] == FIRST]
    assert len(firsts) in (2, 3), "both may find it time"
    assert pair.now - made > 3_600
    pair.a.send(b"under the new one", pair.now)
    pair.run()
    assert pair.b.received == [b"under the new one"]
    assert not pair.a.seen(SessionEnded)


def test_a_key_is_renewed_after_so_many_packets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "RENEW_PACKETS", 10)
    pair = ready()
    for number in range(60):
        pair.a.send(b"%d" % number, pair.now)
        pair.run(0.02)
    assert pair.b.received == [b"%d" % number for number in range(60)]
    assert 4 <= sum(packet[0] == FIRST for _, packet in pair.log) <= 12
    assert pair.a.core.session.stats().sent_twice == 0


def test_an_exhausted_key_seals_nothing_and_message_1_carries_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "MAX_PACKETS", 8)
    pair = ready()
    lost: list[bytes] = []
    for number in range(30):  # no handshake comes through
        pair.a.send(b"%d" % number, pair.now)
        packets = pair.take(pair.a)
        lost += [packet for packet in packets if packet[0] == FIRST]
        pair.give(pair.b, [packet for packet in packets if packet[0] == SEALED])
        pair.now += 0.01
    sealed = [packet for name, packet in pair.log if name == "a" and packet[0] == SEALED]
    assert len(sealed) == 8
    assert len(lost) == 1
    assert pair.a.core.seal_signal("offer", 1, {}, pair.now) is None
    pair.run(10)
    assert pair.b.received == [b"%d" % number for number in range(30)]
    assert len(pair.a.seen(Ready)) >= 2
    assert not pair.a.seen(SessionEnded)


def test_packets_under_the_last_four_keys_are_opened() -> None:
    pair = ready()
    late: list[bytes] = []
    for number in range(4):
        pair.a.send(b"%d" % number, pair.now)
        late += [packet for packet in pair.take(pair.a) if packet[0] == SEALED]
        pair.a.core._schedule.want(pair.now)
        pair.run()
    pair.give(pair.b, late[:1])
    assert pair.b.core.drops == {"unknown key": 1}
    pair.give(pair.b, late[1:])
    assert pair.b.core.drops == {"unknown key": 1}
    pair.run(10)
    assert pair.b.received == [b"0", b"1", b"2", b"3"]


# ---- signals


def test_a_signal_waits_for_a_key_and_is_then_sealed() -> None:
    pair = Pair()
    assert pair.a.core.seal_signal("offer", 1, {"sdp": "secret"}, pair.now) is None
    pair.run(0.1)
    assert pair.a.seen(Ready)
    packet = pair.a.core.seal_signal("offer", 1, {"sdp": "secret"}, pair.now)
    assert packet is not None
    assert b"secret" not in packet
    assert pair.b.core.receive_signal(packet, pair.now) == ("offer", 1, {"sdp": "secret"})


@pytest.mark.parametrize(
    ("forge", "why"),
    [
        (lambda packet: packet, "replay"),
        (lambda packet: packet[:-1] + bytes([packet[-1] ^ 1]), "replay"),
        (lambda packet: packet[:8] + b"\x09" + packet[9:], "bad seal"),
        (lambda packet: packet[:4] + b"\x00" + packet[5:], "unknown key"),
        (lambda packet: packet[:10], "malformed"),
        (lambda packet: b"", "malformed"),
    ],
)
def test_signals_are_taken_once_and_as_they_were_sent(forge: Callable[[bytes], bytes], why: str) -> None:
    pair = ready()
    packet = pair.a.core.seal_signal("offer", 1, {}, pair.now)
    assert packet is not None
    assert pair.b.core.receive_signal(packet, pair.now) is not None
    assert pair.b.core.receive_signal(forge(packet), pair.now) is None
    assert pair.b.core.drops == {why: 1}


def test_a_reflected_signal_is_dropped() -> None:
    pair = ready()
    packet = pair.a.core.seal_signal("offer", 1, {}, pair.now)
    assert packet is not None
    assert pair.a.core.receive_signal(packet, pair.now) is None
    assert pair.a.core.drops == {"bad seal": 1}


def test_frames_are_no_signal_and_a_signal_is_no_message() -> None:
    pair = ready()
    pair.a.send(b"a message", pair.now)
    (packet,) = pair.take(pair.a)
    assert pair.b.core.receive_signal(packet, pair.now) is None
    assert pair.b.core.drops == {"no signal": 1}
    signal = pair.a.core.seal_signal("offer", 1, {}, pair.now)
    assert signal is not None
    pair.give(pair.b, [signal])
    assert pair.b.received == []
    pair.run(5)
    assert pair.b.received == [b"a message"], "it was not acknowledged, so it came again"
    assert not pair.b.seen(SessionEnded)
