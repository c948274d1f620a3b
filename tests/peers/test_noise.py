"""Noise IK: against another implementation, and against whoever tampers. (Published vectors: tests/vectors.)"""

import os
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from noise.connection import Keypair, NoiseConnection

from peers import noise
from peers.noise import Initiator, NoiseError, Responder, TransportKeys, public_key

NAME = b"Noise_IK_25519_ChaChaPoly_SHA256"
# Points of small order on Curve25519: with each of them X25519 gives all zeros whatever the private key
# (RFC 7748, section 6.1).
SMALL_ORDER = [
    bytes(32),
    b"\x01" + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
]


class Pair:
    """Both sides with new keys."""

    def __init__(self, prologue: bytes = b"prologue", theirs: bytes | None = None) -> None:
        self.mine, self.yours, self.mine_once, self.yours_once = (os.urandom(32) for _ in range(4))
        self.initiator = Initiator(
            static=self.mine,
            remote_static=public_key(self.yours),
            ephemeral=self.mine_once,
            prologue=prologue,
        )
        self.responder = Responder(static=self.yours, prologue=prologue if theirs is None else theirs)

    def finish(self, first: bytes = b"", second: bytes = b"") -> tuple[TransportKeys, TransportKeys]:
        assert self.responder.read_first(self.initiator.write_first(first)) == first
        assert self.initiator.read_second(self.responder.write_second(second, self.yours_once)) == second
        return self.initiator.split(), self.responder.split()


def connection(pair: Pair, *, initiator: bool, prologue: bytes = b"prologue") -> NoiseConnection:
    """The same side as one of the pair's, in PyPI's noiseprotocol."""
    other = NoiseConnection.from_name(NAME)
    other.set_prologue(prologue)
    if initiator:
        other.set_as_initiator()
        other.set_keypair_from_private_bytes(Keypair.STATIC, pair.mine)
        other.set_keypair_from_public_bytes(Keypair.REMOTE_STATIC, public_key(pair.yours))
    else:
        other.set_as_responder()
        other.set_keypair_from_private_bytes(Keypair.STATIC, pair.yours)
    other.start_handshake()
    return other


@pytest.mark.parametrize("size", [0, 1, 15, 16, 1_000, 60_000])
def test_both_sides_agree_and_know_each_other(size: int) -> None:
    pair = Pair()
    ours, theirs = pair.finish(os.urandom(size), os.urandom(size // 2))
    assert ours == TransportKeys(theirs.receive, theirs.send, theirs.hash)
    assert ours.send != ours.receive
    assert pair.responder.remote_static == public_key(pair.mine)


@pytest.mark.parametrize("size", [0, 100, 50_000])
def test_we_initiate_and_noiseprotocol_answers(size: int) -> None:
    pair, payload = Pair(), os.urandom(size)
    other = connection(pair, initiator=False)
    assert bytes(other.read_message(pair.initiator.write_first(payload))) == payload
    assert pair.initiator.read_second(bytes(other.write_message(payload[::-1]))) == payload[::-1]
    assert pair.initiator.split().hash == other.get_handshake_hash()
    assert_same_transport(pair.initiator.split(), other)


@pytest.mark.parametrize("size", [0, 100, 50_000])
def test_noiseprotocol_initiates_and_we_answer(size: int) -> None:
    pair, payload = Pair(), os.urandom(size)
    other = connection(pair, initiator=True)
    assert pair.responder.read_first(bytes(other.write_message(payload))) == payload
    assert bytes(other.read_message(pair.responder.write_second(payload[::-1], pair.yours_once))) == payload[::-1]
    assert pair.responder.split().hash == other.get_handshake_hash()
    assert_same_transport(pair.responder.split(), other)


def assert_same_transport(keys: TransportKeys, other: NoiseConnection) -> None:
    cipher = ChaCha20Poly1305
    sealed = other.encrypt(b"to us")
    assert cipher(keys.receive).decrypt(bytes(12), sealed, b"") == b"to us"
    assert other.decrypt(cipher(keys.send).encrypt(bytes(12), b"to them", b"")) == b"to them"


def test_every_byte_of_both_messages_counts() -> None:
    pair = Pair()
    first = pair.initiator.write_first(b"one")
    for at in range(len(first)):
        with pytest.raises(NoiseError):
            Responder(static=pair.yours, prologue=b"prologue").read_first(flip(first, at))
    pair.responder.read_first(first)
    second = pair.responder.write_second(b"two", pair.yours_once)
    for at in range(len(second)):
        with pytest.raises(NoiseError):
            pair.initiator.read_second(flip(second, at))
    assert pair.initiator.read_second(second) == b"two", "forgeries must not use the handshake up"
    assert pair.initiator.split().send == pair.responder.split().receive


def flip(message: bytes, at: int) -> bytes:
    return message[:at] + bytes([message[at] ^ 1]) + message[at + 1 :]


def test_a_forged_first_message_does_not_use_the_responder_up() -> None:
    pair = Pair()
    first = pair.initiator.write_first(b"one")
    with pytest.raises(NoiseError):
        pair.responder.read_first(flip(first, 40))
    assert pair.responder.read_first(first) == b"one"


@pytest.mark.parametrize("theirs", [b"", b"prologue ", b"Prologue"])
def test_another_prologue_does_not_open(theirs: bytes) -> None:
    pair = Pair(theirs=theirs)
    with pytest.raises(NoiseError):
        pair.responder.read_first(pair.initiator.write_first(b""))


def test_a_message_for_another_responder_does_not_open() -> None:
    with pytest.raises(NoiseError):
        Responder(static=os.urandom(32), prologue=b"prologue").read_first(Pair().initiator.write_first(b""))


@pytest.mark.parametrize("size", [0, 31, 95, 65_536])
def test_first_messages_of_impossible_sizes_are_refused(size: int) -> None:
    with pytest.raises(NoiseError):
        Pair().responder.read_first(bytes(size))


@pytest.mark.parametrize("size", [0, 31, 47, 65_536])
def test_second_messages_of_impossible_sizes_are_refused(size: int) -> None:
    pair = Pair()
    pair.initiator.write_first(b"")
    with pytest.raises(NoiseError):
        pair.initiator.read_second(bytes(size))


def test_a_payload_too_long_for_noise_is_refused() -> None:
    pair = Pair()
    with pytest.raises(NoiseError):
        pair.initiator.write_first(bytes(noise.MAX_MESSAGE - noise.FIRST_OVERHEAD + 1))
    pair.responder.read_first(pair.initiator.write_first(bytes(noise.MAX_MESSAGE - noise.FIRST_OVERHEAD)))
    with pytest.raises(NoiseError):
        pair.responder.write_second(bytes(noise.MAX_MESSAGE - noise.SECOND_OVERHEAD + 1), pair.yours_once)


class Permissive:
    """pyca's private key as a library would be that lets an all-zero result pass."""

    def __init__(self, private: bytes) -> None:
        self._private = X25519PrivateKey.from_private_bytes(private)

    @classmethod
    def from_private_bytes(cls, private: bytes) -> "Permissive":
        return cls(private)

    def public_key(self) -> X25519PublicKey:
        return self._private.public_key()

    def exchange(self, public: X25519PublicKey) -> bytes:
        return bytes(32)


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_a_remote_static_of_small_order_is_refused(point: bytes) -> None:
    initiator = Initiator(static=os.urandom(32), remote_static=point, ephemeral=os.urandom(32), prologue=b"")
    with pytest.raises(NoiseError, match="small order"):
        initiator.write_first(b"")


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_an_ephemeral_of_small_order_is_refused(point: bytes) -> None:
    pair = Pair()
    with pytest.raises(NoiseError, match="small order"):
        pair.responder.read_first(point + bytes(100))
    pair.initiator.write_first(b"")
    with pytest.raises(NoiseError, match="small order"):
        pair.initiator.read_second(point + bytes(16))


def test_an_all_zero_result_is_refused_even_if_the_library_lets_it_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noise, "X25519PrivateKey", Permissive)
    pair = Pair()
    refused: list[Callable[[], bytes]] = [
        lambda: pair.initiator.write_first(b""),
        lambda: pair.responder.read_first(bytes(200)),
        lambda: pair.initiator.read_second(bytes(200)),
    ]
    for action in refused:
        with pytest.raises(NoiseError, match="small order"):
            action()


def test_what_two_static_keys_agree_on_is_remembered_for_one_peer() -> None:
    mine, yours, others = (noise.PrivateKey(os.urandom(32)) for _ in range(3))
    for _ in range(2):
        for other in (yours, others):
            assert mine.agree(other.public) == mine.exchange(other.public) == other.agree(mine.public)


def test_a_key_for_another_peer_is_the_same_and_remembers_for_itself() -> None:
    mine, yours, others = (noise.PrivateKey(os.urandom(32)) for _ in range(3))
    mine.agree(yours.public)
    another = mine.for_another()
    another.agree(others.public)
    assert another.public == mine.public
    assert mine._agreed[0] == yours.public
    assert another._agreed[0] == others.public
