"""Sealed packets (K4): each opens once, only as it was sent, only for whom it was sent."""

import os
import random

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from peers.noise import TransportKeys
from peers.session import seal
from peers.session.seal import OVERHEAD, Key, KeyRing, ReplayWindow, SealError, WrongKey


def rings(key_id: int = 7) -> tuple[KeyRing, KeyRing]:
    one, two = os.urandom(32), os.urandom(32)
    mine, yours = KeyRing(), KeyRing()
    mine.add(key_id, TransportKeys(one, two, b""), 0.0)
    yours.add(key_id, TransportKeys(two, one, b""), 0.0)
    return mine, yours


def latest(ring: KeyRing) -> Key:
    assert ring.latest is not None
    return ring.latest


def test_what_is_sealed_opens_on_the_other_side() -> None:
    mine, yours = rings()
    for size in (0, 1, 16_384, 59_000):
        frames = os.urandom(size)
        packet = latest(mine).seal(frames)
        assert len(packet) == size + OVERHEAD
        assert frames not in packet or size < 2
        assert yours.open(packet) == frames
    assert mine.open(latest(yours).seal(b"back")) == b"back"


def test_the_layout_is_as_written() -> None:
    mine, two = KeyRing(), bytes(32)
    mine.add(0x01020304, TransportKeys(bytes(range(32)), two, b""), 0.0)
    latest(mine).seal(b"")
    packet = latest(mine).seal(b"frames")
    header = bytes.fromhex("03 01020304 00000001")
    nonce = bytes.fromhex("00000000 0100000000000000")
    assert packet == header + ChaCha20Poly1305(bytes(range(32))).encrypt(nonce, b"frames", header)


def test_sealing_the_same_again_gives_another_packet() -> None:
    mine, yours = rings()
    packets = {latest(mine).seal(b"again") for _ in range(100)}
    assert len(packets) == 100
    assert [yours.open(packet) for packet in sorted(packets)] == [b"again"] * 100


def test_a_copy_is_refused() -> None:
    mine, yours = rings()
    packet = latest(mine).seal(b"once")
    yours.open(packet)
    with pytest.raises(SealError, match="replay"):
        yours.open(packet)


def test_a_reflected_packet_does_not_open() -> None:
    mine, yours = rings()
    packet = latest(mine).seal(b"to you")
    with pytest.raises(SealError, match="bad seal"):
        mine.open(packet)
    assert yours.open(packet) == b"to you"


def test_every_byte_of_a_packet_counts() -> None:
    mine, yours = rings()
    packet = latest(mine).seal(b"frames")
    for at in range(len(packet)):
        with pytest.raises(SealError):
            yours.open(packet[:at] + bytes([packet[at] ^ 0x80]) + packet[at + 1 :])
    assert yours.open(packet) == b"frames", "forgeries must not shut out the true one"


@pytest.mark.parametrize("packet", [b"", b"\x03", b"\x03" + bytes(OVERHEAD - 2), b"\x01" + bytes(100)])
def test_what_is_no_sealed_packet_is_malformed(packet: bytes) -> None:
    with pytest.raises(SealError, match="malformed"):
        rings()[0].open(packet)


def test_an_unknown_key_is_named() -> None:
    mine, _ = rings(key_id=7)
    _, other = rings(key_id=0xFFFF_FFFF)
    with pytest.raises(WrongKey) as caught:
        mine.open(latest(other).seal(b""))
    assert caught.value.key_id == 0xFFFF_FFFF


def test_the_last_four_keys_open_and_the_latest_seals() -> None:
    secrets = [(os.urandom(32), os.urandom(32)) for _ in range(6)]
    mine, yours, packets = KeyRing(), KeyRing(), []
    for key_id, (one, two) in enumerate(secrets):
        mine.add(key_id, TransportKeys(one, two, b""), 0.0)
        yours.add(key_id, TransportKeys(two, one, b""), 0.0)
        packets.append(latest(mine).seal(b"%d" % key_id))
    for key_id in (0, 1):
        assert key_id not in yours
        with pytest.raises(WrongKey):
            yours.open(packets[key_id])
    for key_id in (2, 3, 4, 5):
        assert key_id in yours
        assert yours.open(packets[key_id]) == b"%d" % key_id
    assert latest(yours).id == 5


def test_the_window_takes_each_counter_once_in_any_order() -> None:
    rng = random.Random(5)
    window, taken, newest = ReplayWindow(), set(), -1
    for _ in range(20_000):
        counter = max(0, newest + rng.randint(-1_200, 40))
        expected = counter not in taken and newest - counter < seal.REPLAY_WINDOW
        assert window.is_new(counter) == expected, counter
        if expected:
            window.mark(counter)
            taken.add(counter)
            newest = max(newest, counter)


def test_the_window_survives_a_leap() -> None:
    window = ReplayWindow()
    window.mark(0)
    window.mark(5_000)
    assert [window.is_new(n) for n in (0, 5_000, 5_000 - 1_023, 5_000 - 1_024)] == [False, False, True, False]


def test_a_key_asks_to_be_renewed_after_an_hour_or_so_many_packets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "RENEW_PACKETS", 3)
    key = latest(rings()[0])
    assert not key.needs_renewal(3_599.9)
    assert key.needs_renewal(3_600.0)
    for _ in range(3):
        assert not key.needs_renewal(0.0)
        key.seal(b"")
    assert key.needs_renewal(0.0)


def test_an_exhausted_key_seals_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "MAX_PACKETS", 2)
    key = latest(rings()[0])
    key.seal(b"")
    assert not key.exhausted
    key.seal(b"")
    assert key.exhausted
    with pytest.raises(SealError, match="exhausted"):
        key.seal(b"")


def test_the_constants_of_k4() -> None:
    assert (seal.REPLAY_WINDOW, seal.KEPT_KEYS, seal.RENEW_PACKETS, seal.MAX_PACKETS) == (1_024, 4, 2**22, 2**24)
    assert seal.RENEW_SECONDS == 3_600
