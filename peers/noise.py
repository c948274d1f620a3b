"""Noise_IK_25519_ChaChaPoly_SHA256 (Noise Protocol Framework, revision 34) on pyca/cryptography.

Only the one pattern that links use (K2), so that there is nothing to choose and nothing to get wrong:

    <- s
    ...
    -> e, es, s, ss
    <- e, ee, se

Private and public keys are raw 32 bytes; a private one that is used again may be given as a `PrivateKey`. A message
that does not fit changes nothing: the next one may still succeed.
"""

import copy
import hashlib
import hmac
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

KEY: Final = 32
"""Bytes in a key of X25519 or ChaCha20-Poly1305."""
TAG: Final = 16
"""Bytes that sealing adds."""
FIRST_OVERHEAD: Final = KEY + KEY + TAG + TAG
"""Bytes that message 1 is longer than its payload: e, sealed s, tag."""
SECOND_OVERHEAD: Final = KEY + TAG
"""Bytes that message 2 is longer than its payload: e, tag."""
MAX_MESSAGE: Final = 65_535
"""Bytes in a Noise message (section 3)."""

_NAME: Final = (
    b"Noise_IK_25519_ChaChaPoly_SHA256"  # exactly HASHLEN bytes: it is the first hash as it stands (section 5.2)
)
_NONCE: Final = bytes(12)  # in IK each key made by mix_key seals once, so the handshake's counter is always 0


class NoiseError(ValueError):
    """A handshake message that is malformed, forged or meant for other keys."""


class TransportKeys(NamedTuple):
    """What a handshake leaves: a key for each direction, and the hash that both sides share (section 5.2, Split)."""

    send: bytes
    receive: bytes
    hash: bytes


def public_key(private: bytes) -> bytes:
    """The X25519 public key of a private one."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


class PrivateKey:
    """An X25519 private key ready for use: to make one of its 32 bytes takes as long as an exchange.

    It remembers what it has agreed on with one other static key, so that it can be done before it is urgent.
    """

    def __init__(self, private: bytes) -> None:
        self._key = X25519PrivateKey.from_private_bytes(private)
        self.public = self._key.public_key().public_bytes_raw()
        self._agreed = (b"", b"")

    def for_another(self) -> "PrivateKey":
        """The same key, with a memory of its own: for use with another static key."""
        return copy.copy(self)

    def exchange(self, public: bytes) -> bytes:
        """The secret shared with `public`. Raises NoiseError for a key of small order."""
        return _exchange(self._key, public)

    def agree(self, public: bytes) -> bytes:
        """As `exchange`, and remembered."""
        if self._agreed[0] != public:
            self._agreed = (public, self.exchange(public))
        return self._agreed[1]


class Initiator:
    """The side that writes message 1, and so must know the other's static key."""

    def __init__(
        self, *, static: bytes | PrivateKey, remote_static: bytes, ephemeral: bytes | PrivateKey, prologue: bytes
    ) -> None:
        self._static = _ready(static)
        self._remote_static = remote_static
        self._ephemeral = _ready(ephemeral)
        self._state = _Symmetric(prologue, remote_static)

    def write_first(self, payload: bytes) -> bytes:
        """Message 1. Raises NoiseError if the other's static key is no key or the payload is too long."""
        state = copy.copy(self._state)
        ephemeral = self._ephemeral.public
        state.mix_hash(ephemeral)
        state.mix_key(self._ephemeral.exchange(self._remote_static))
        static = state.seal(self._static.public)
        state.mix_key(self._static.agree(self._remote_static))
        message = ephemeral + static + state.seal(payload)
        _check_size(message)
        self._state = state
        return message

    def read_second(self, message: bytes) -> bytes:
        """The payload of message 2. Raises NoiseError."""
        _check_size(message, SECOND_OVERHEAD)
        state = copy.copy(self._state)
        ephemeral = message[:KEY]
        state.mix_hash(ephemeral)
        state.mix_key(self._ephemeral.exchange(ephemeral))
        state.mix_key(self._static.exchange(ephemeral))
        payload = state.open(message[KEY:])
        self._state = state
        return payload

    def split(self) -> TransportKeys:
        """The keys, once message 2 was read."""
        first, second = self._state.split()
        return TransportKeys(first, second, self._state.hash)


class Responder:
    """The side that reads message 1; `remote_static` is then the static key that the other has proved to hold."""

    remote_static: bytes

    def __init__(self, *, static: bytes | PrivateKey, prologue: bytes) -> None:
        self._static = _ready(static)
        self._remote_ephemeral = b""
        self._state = _Symmetric(prologue, self._static.public)

    def read_first(self, message: bytes) -> bytes:
        """The payload of message 1. Raises NoiseError."""
        _check_size(message, FIRST_OVERHEAD)
        state = copy.copy(self._state)
        ephemeral, static, payload = message[:KEY], message[KEY : 2 * KEY + TAG], message[2 * KEY + TAG :]
        state.mix_hash(ephemeral)
        state.mix_key(self._static.exchange(ephemeral))
        remote_static = state.open(static)
        state.mix_key(self._static.agree(remote_static))
        opened = state.open(payload)
        self._state, self._remote_ephemeral, self.remote_static = state, ephemeral, remote_static
        return opened

    def write_second(self, payload: bytes, ephemeral: bytes | PrivateKey) -> bytes:
        """Message 2, once message 1 was read; `ephemeral` is a new private key. Raises NoiseError."""
        state = copy.copy(self._state)
        private = _ready(ephemeral)
        state.mix_hash(private.public)
        state.mix_key(private.exchange(self._remote_ephemeral))
        state.mix_key(private.exchange(self.remote_static))
        message = private.public + state.seal(payload)
        _check_size(message)
        self._state = state
        return message

    def split(self) -> TransportKeys:
        """The keys, once message 2 was written."""
        first, second = self._state.split()
        return TransportKeys(second, first, self._state.hash)


class _Symmetric:
    """Noise's SymmetricState with its CipherState (sections 5.1 and 5.2)."""

    def __init__(self, prologue: bytes, responder_static: bytes) -> None:
        self.hash = _NAME
        self._chaining_key = _NAME
        self._key = b""
        self.mix_hash(prologue)
        self.mix_hash(responder_static)

    def mix_hash(self, data: bytes) -> None:
        self.hash = hashlib.sha256(self.hash + data).digest()

    def mix_key(self, material: bytes) -> None:
        self._chaining_key, self._key = _hkdf(self._chaining_key, material)

    def seal(self, plaintext: bytes) -> bytes:
        ciphertext = ChaCha20Poly1305(self._key).encrypt(_NONCE, plaintext, self.hash)
        self.mix_hash(ciphertext)
        return ciphertext

    def open(self, ciphertext: bytes) -> bytes:
        try:
            plaintext = ChaCha20Poly1305(self._key).decrypt(_NONCE, ciphertext, self.hash)
        except InvalidTag:
            raise NoiseError("a handshake message that does not open with these keys") from None
        self.mix_hash(ciphertext)
        return plaintext

    def split(self) -> tuple[bytes, bytes]:
        return _hkdf(self._chaining_key, b"")


def _hkdf(chaining_key: bytes, material: bytes) -> tuple[bytes, bytes]:
    """Two outputs of Noise's HKDF (section 4.3; RFC 5869)."""
    secret = hmac.digest(chaining_key, material, "sha256")
    first = hmac.digest(secret, b"\x01", "sha256")
    return first, hmac.digest(secret, first + b"\x02", "sha256")


def _ready(key: bytes | PrivateKey) -> PrivateKey:
    return PrivateKey(key) if isinstance(key, bytes) else key


def _exchange(private: X25519PrivateKey, public: bytes) -> bytes:
    """X25519 (RFC 7748), an all-zero result refused: a key of small order would let anybody know the secret."""
    try:
        secret = private.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:  # what pyca raises for an all-zero result
        raise NoiseError("a public key of small order") from None
    if not any(secret):
        raise NoiseError("a public key of small order")
    return secret


def _check_size(message: bytes, least: int = 0) -> None:
    if not least <= len(message) <= MAX_MESSAGE:
        raise NoiseError(f"a handshake message of {len(message)} bytes")
