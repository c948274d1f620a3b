"""Who a program is: its Ed25519 key, and the incarnations it has had in each room (K1, V1).

The key is kept as an ordinary PEM file (PKCS #8, mode 0600) and the incarnations beside it, in
``<path>.incarnations``: a JSON object of room names and numbers.
"""

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from peers.errors import EitherwayError
from signalling.protocol.ids import peer_id
from signalling.protocol.limits import MAX_INTEGER

_OTHERS: Final = 0o077


class BadIdentity(EitherwayError, ValueError):
    """An identity file that can't be used; the message says what to do."""


class Identity:
    """An Ed25519 key and its incarnations. Made by `generate` (for this run) or `load` (kept in a file)."""

    def __init__(self, private: Ed25519PrivateKey, path: Path | None = None) -> None:
        self._private = private
        self._path = path
        self._incarnations: dict[str, int] = {}
        self.key: Final = private.public_key().public_bytes_raw()
        """The public key, 32 bytes."""
        self.id: Final = peer_id(self.key)
        """The peer's id, 32 characters."""

    @classmethod
    def generate(cls) -> "Identity":
        """A new identity that lasts as long as the program, unless it is stored."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Identity":
        """The identity kept in the file; a new one is made and stored if there is no such file.

        Raises BadIdentity if the file is no key or may be read by others, OSError if it can't be read or made.
        """
        path = Path(path)
        try:
            return cls(_read_key(path), path)
        except FileNotFoundError:
            identity = cls.generate()
            try:
                identity.store(path)
            except FileExistsError:  # another program made it between our two looks: it is the one to use
                return cls(_read_key(path), path)
            return identity

    def store(self, path: str | os.PathLike[str]) -> None:
        """Keep the identity in a new file from now on. Raises FileExistsError rather than replace a key."""
        path = Path(path)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        pem = self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        written = _write_beside(path, pem)
        try:
            os.link(written, path)  # whole or not at all, and never over another's key
        finally:
            os.unlink(written)
        self._path = path
        if self._incarnations:
            self._keep()

    def sign(self, data: bytes) -> bytes:
        """The Ed25519 signature, 64 bytes (RFC 8032)."""
        return self._private.sign(data)

    def next_incarnation(self, room: str, clock_ms: int, above: int = 0) -> int:
        """A number higher than any this identity has had in the room (V1): max(clock, stored + 1, above + 1).

        `clock_ms` is the wall clock in milliseconds; `above` is the incarnation that a server already holds for
        us. The number is stored before it is returned, so a crash or a clock set back never repeats it.
        """
        if self._path is not None:
            for other, stored in _read_incarnations(_beside(self._path)).items():
                self._incarnations[other] = max(stored, self._incarnations.get(other, 0))
        incarnation = max(clock_ms, self._incarnations.get(room, 0) + 1, above + 1)
        if incarnation > MAX_INTEGER:
            raise BadIdentity(f"the incarnation {incarnation} of this identity is beyond {MAX_INTEGER}: use a new one")
        self._incarnations[room] = incarnation
        if self._path is not None:
            self._keep()
        return incarnation

    def __repr__(self) -> str:
        return f"<Identity {self.id}>"

    def _keep(self) -> None:
        assert self._path is not None
        target = _beside(self._path)
        os.replace(_write_beside(target, json.dumps(self._incarnations, indent=1).encode()), target)


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".incarnations")


def _read_key(path: Path) -> Ed25519PrivateKey:
    with path.open("rb") as file:
        # Windows has no such modes: whatever os.fstat says there means nothing.
        if os.name == "posix" and (mode := os.fstat(file.fileno()).st_mode) & _OTHERS:
            raise BadIdentity(
                f"{path} holds a private key, but others may use it (mode {mode & 0o777:04o}): run chmod 600 {path}"
            )
        pem = file.read()
    try:
        private = load_pem_private_key(pem, password=None)
    except TypeError:
        raise BadIdentity(f"{path} is encrypted: store the key without a passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        raise BadIdentity(f"{path} holds no private key in PEM: name another file, or remove this one") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise BadIdentity(f"{path} holds another kind of key than Ed25519: name another file, or remove this one")
    return private


def _read_incarnations(path: Path) -> dict[str, int]:
    try:
        stored = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError:
        stored = None
    if not isinstance(stored, dict) or not all(type(n) is int and 0 < n <= MAX_INTEGER for n in stored.values()):
        raise BadIdentity(f"{path} is damaged: remove it, and the clock will be used")
    return stored


def _write_beside(path: Path, data: bytes) -> str:
    """A new file (mode 0600) with the data, safely on the disk, in the directory of `path`: ready to take its name."""
    descriptor, name = tempfile.mkstemp(prefix=path.name + ".", suffix=".new", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    return name
