"""Sealed packets (K4): what travels on the relay once a handshake is complete.

A packet is ``kind (3) || key id, u32 || counter, u32 || ciphertext || tag``; the first nine bytes are the associated
data. Each direction has its own key and its own counter from 0, and the nonce is Noise's for ChaChaPoly: four zero
bytes, then the counter as 64 bits, little-endian. What is sent again is sealed again, so no nonce is used twice.
"""

import struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from peers.noise import TAG, TransportKeys

SEALED: Final = 3
"""The kind of a sealed packet: its first byte."""
OVERHEAD: Final = 9 + TAG
"""Bytes that a sealed packet is longer than its frames."""
REPLAY_WINDOW: Final = 1_024
"""A packet this much older than the newest one is taken for a copy."""
KEPT_KEYS: Final = 4
"""Keys of one session with which packets are still opened."""
RENEW_PACKETS: Final = 2**22
"""Packets after which a key is to be replaced ..."""
RENEW_SECONDS: Final = 3_600.0
"""... or its age."""
MAX_PACKETS: Final = 2**24
"""Packets after which a key seals no more."""

_HEADER: Final = struct.Struct("!BII")
_NONCE: Final = struct.Struct("<4xQ")
_WINDOW: Final = (1 << REPLAY_WINDOW) - 1


class SealError(ValueError):
    """A sealed packet that is dropped; `reason` is the counter under which it is counted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class WrongKey(SealError):
    """A packet that does not open with the key it names, or names none that we have: worth a hint to its sender.

    Both sides may hold different keys under one number, if a message 1 was doubled and each copy answered.
    """

    def __init__(self, reason: str, key_id: int) -> None:
        super().__init__(reason)
        self.key_id = key_id


class ReplayWindow:
    """Which of the last 1,024 counters of one key have been seen."""

    def __init__(self) -> None:
        self._newest = -1
        self._seen = 0  # bit n: the counter `newest - n`

    def is_new(self, counter: int) -> bool:
        """Whether a packet with this counter may be opened: not seen yet and not too old."""
        age = self._newest - counter
        return age < 0 or (age < REPLAY_WINDOW and not self._seen >> age & 1)

    def mark(self, counter: int) -> None:
        """Remember a packet that opened: only then, or a forged counter would shut out true ones."""
        ahead = counter - self._newest
        if ahead > 0:
            self._seen = ((self._seen << ahead) & _WINDOW | 1) if ahead < REPLAY_WINDOW else 1
            self._newest = counter
        else:
            self._seen |= 1 << -ahead


class Key:
    """One completed handshake's keys, for both directions."""

    def __init__(self, key_id: int, keys: TransportKeys, now: float) -> None:
        self.id = key_id
        self.sealed = 0
        self.made = now
        self._seal = ChaCha20Poly1305(keys.send)
        self._open = ChaCha20Poly1305(keys.receive)
        self._window = ReplayWindow()

    @property
    def exhausted(self) -> bool:
        """Whether it must seal no more."""
        return self.sealed >= MAX_PACKETS

    @property
    def renew_at(self) -> float:
        """When it is too old, however little it has sealed."""
        return self.made + RENEW_SECONDS

    def needs_renewal(self, now: float) -> bool:
        """Whether a new handshake is due."""
        return self.sealed >= RENEW_PACKETS or now >= self.renew_at

    def seal(self, frames: bytes) -> bytes:
        """The packet with these frames. Raises SealError if the key is exhausted."""
        counter = self.sealed
        if counter >= MAX_PACKETS:
            raise SealError("exhausted key")
        self.sealed = counter + 1
        header = _HEADER.pack(SEALED, self.id, counter)
        return header + self._seal.encrypt(_NONCE.pack(counter), frames, header)

    def open(self, counter: int, packet: bytes) -> bytes:
        """The frames in the packet. Raises SealError ("replay") or WrongKey ("bad seal")."""
        if not self._window.is_new(counter):
            raise SealError("replay")
        try:
            frames = self._open.decrypt(_NONCE.pack(counter), packet[9:], packet[:9])
        except InvalidTag:
            raise WrongKey("bad seal", self.id) from None
        self._window.mark(counter)
        return frames


class KeyRing:
    """The last four keys of one session: it seals with the latest and opens with any (K3)."""

    def __init__(self) -> None:
        self._keys: dict[int, Key] = {}
        self.latest: Key | None = None

    def __contains__(self, key_id: object) -> bool:
        return key_id in self._keys

    def add(self, key_id: int, keys: TransportKeys, now: float) -> None:
        """A handshake is complete: seal with its key from now on, and forget the fifth-last."""
        self.latest = Key(key_id, keys, now)
        self._keys.pop(key_id, None)  # so that it is the last in order
        self._keys[key_id] = self.latest
        while len(self._keys) > KEPT_KEYS:
            del self._keys[next(iter(self._keys))]

    def open(self, packet: bytes) -> bytes:
        """The frames in a sealed packet. Raises SealError ("malformed", "replay") or WrongKey."""
        if len(packet) < OVERHEAD or packet[0] != SEALED:
            raise SealError("malformed")
        _, key_id, counter = _HEADER.unpack_from(packet)
        key = self._keys.get(key_id)
        if key is None:
            raise WrongKey("unknown key", key_id)
        return key.open(counter, packet)
