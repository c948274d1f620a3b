"""The handshake of a link (K2, K3): what its two messages say, who may say it, and when the first is due.

    message 1:  kind (1) || key id, u32 || Noise message 1 of:
                u16 length || statement || 3 halves || u16 length || settings (MessagePack map) || frames
    message 2:  kind (2) || key id, u32 || Noise message 2 of:
                3 halves || u16 length || settings || frames
    hint:       kind (4) || key id, u32

A half is u64 incarnation || u32 number; the three are the sender's own, the one it is bound to, the one it has ended.
"""

import contextlib
import struct
from collections import OrderedDict
from collections.abc import Callable, Container
from typing import Any, Final, NamedTuple

from peers.codec import values
from peers.noise import (
    FIRST_OVERHEAD,
    KEY,
    SECOND_OVERHEAD,
    Initiator,
    NoiseError,
    PrivateKey,
    Responder,
    TransportKeys,
)
from peers.session.binding import Half, Halves
from signalling.protocol.limits import MAX_INTEGER, MAX_PACKET
from signalling.protocol.statements import BadStatement, read_statement

FIRST: Final = 1
"""The kind of message 1: its first byte."""
SECOND: Final = 2
"""The kind of message 2."""
HINT: Final = 4
"""The kind of the hint that a key is unknown."""
KEPT_PENDING: Final = 4
"""Message 1s of which the answer is still taken."""
KEPT_ANSWERED: Final = 1_024
"""Message 1s of one session that are known again when they come a second time."""
FIRST_FRAMES: Final = 48 * 1_024
"""Bytes that may wait unacknowledged in message 1."""
MAX_SETTINGS: Final = 4_096
"""Bytes of settings in a handshake message."""

_HEADER: Final = struct.Struct("!BI")
_HALVES: Final = struct.Struct("!QIQIQI")
_LENGTH: Final = struct.Struct("!H")

Random = Callable[[int], bytes]
"""So many random bytes, as os.urandom gives them."""


class HandshakeError(ValueError):
    """A handshake message that is dropped; `reason` is the counter under which it is counted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Me(NamedTuple):
    """This side of a link. `key` is Ed25519; `static_private` is the Client's X25519 key; `statement` is signed.

    Who makes many links hands in one `PrivateKey`, since to make it of its bytes takes as long as an exchange.
    """

    id: str
    key: bytes
    incarnation: int
    static_private: bytes | PrivateKey
    statement: bytes


class Remote(NamedTuple):
    """The other side, as its statement on the roster shows it. `key` is Ed25519, `static` X25519, 32 bytes each.

    `statement` is the one that has been checked, as it was signed; None: none has.
    """

    id: str
    key: bytes
    incarnation: int
    static: bytes
    statement: bytes | None = None


class Hello(NamedTuple):
    """What a handshake message says; `frames` is a packet of them, not decoded yet."""

    key_id: int
    halves: Halves
    settings: dict[str, Any]
    frames: bytes


def prologue(room: str, key: bytes, incarnation: int) -> bytes:
    """What both sides must agree on before they start: the room, and the responder's Ed25519 key and incarnation.

    A message 1 therefore opens nowhere else, and not after its responder was restarted.
    """
    fields = (room.encode(), key, struct.pack("!Q", incarnation))
    return b"eitherway/1" + b"".join(_prefixed(field) for field in fields)


def encode_hint(key_id: int) -> bytes:
    """The packet that says: I do not have the key of this id."""
    return _HEADER.pack(HINT, key_id)


def key_id_of(packet: bytes) -> int:
    """The key id in a handshake message or a hint. Raises HandshakeError ("malformed")."""
    if len(packet) < _HEADER.size:
        raise HandshakeError("malformed")
    return int(_HEADER.unpack_from(packet)[1])


class Handshakes:
    """The handshakes of one link's current session: begun here and not answered yet, or answered here.

    It takes the key id (4 bytes), then the ephemeral key (32 bytes) from `random`; for message 2 the latter alone.
    Where there is an `ephemeral`, it makes that key, perhaps ahead of time, and each one is used once.
    """

    def __init__(
        self,
        room: str,
        me: Me,
        peer: Remote,
        settings: dict[str, Any],
        random: Random,
        ephemeral: Callable[[], PrivateKey] | None = None,
    ) -> None:
        self.me = me
        self._room, self._peer, self._random = room, peer, random
        self._ephemeral = ephemeral or (lambda: PrivateKey(random(KEY)))
        self._settings = values.encode(settings)
        if len(self._settings) > MAX_SETTINGS:
            raise ValueError(f"the settings of a link have at most {MAX_SETTINGS} bytes")
        static = me.static_private
        self._static = PrivateKey(static) if isinstance(static, bytes) else static.for_another()
        with contextlib.suppress(NoiseError):  # a peer with an impossible S fails when a handshake needs it
            self._static.agree(peer.static)  # now, while nothing waits for it
        self._my_prologue = prologue(room, me.key, me.incarnation)
        self._their_prologue = prologue(room, peer.key, peer.incarnation)
        self._pending: dict[int, Initiator] = {}
        self._answered: OrderedDict[bytes, None] = OrderedDict()

    @property
    def room_in_first(self) -> int:
        """Bytes of frames that fit into message 1."""
        return MAX_PACKET - _HEADER.size - FIRST_OVERHEAD - len(self._first(b"", _NO_HALVES))

    @property
    def room_in_second(self) -> int:
        """Bytes of frames that fit into message 2."""
        return MAX_PACKET - _HEADER.size - SECOND_OVERHEAD - len(self._second(b"", _NO_HALVES))

    def begin(self, halves: Halves, frames: bytes, taken: Container[int]) -> bytes:
        """A new message 1, under a key id that is not among the `taken` ones. Raises NoiseError for an impossible S."""
        key_id = self._number()
        while key_id in taken or key_id in self._pending:
            key_id = self._number()
        initiator = Initiator(
            static=self._static,
            remote_static=self._peer.static,
            ephemeral=self._ephemeral(),
            prologue=self._their_prologue,
        )
        message = initiator.write_first(self._first(frames, halves))
        self._pending[key_id] = initiator
        while len(self._pending) > KEPT_PENDING:
            del self._pending[next(iter(self._pending))]
        return _HEADER.pack(FIRST, key_id) + message

    def read_first(self, packet: bytes) -> tuple[Hello, Responder]:
        """What message 1 says, if it is from the peer; and what to `answer` it with.

        Raises HandshakeError ("malformed", "copy", "bad handshake", "bad statement").
        """
        key_id, message = key_id_of(packet), packet[_HEADER.size :]
        if message[:KEY] in self._answered:
            raise HandshakeError("copy")
        responder = Responder(static=self._static, prologue=self._my_prologue)
        payload = _Reader(_opened(responder.read_first, message))
        self._check_statement(payload.prefixed(), responder.remote_static)
        return self._hello(key_id, payload), responder

    def answer(self, first: bytes, responder: Responder, halves: Halves, frames: bytes) -> tuple[bytes, TransportKeys]:
        """Message 2 for the packet `first`, and the keys. That packet is not taken again in this session."""
        message = responder.write_second(self._second(frames, halves), self._ephemeral())
        self._answered[first[_HEADER.size : _HEADER.size + KEY]] = None
        if len(self._answered) > KEPT_ANSWERED:
            self._answered.popitem(last=False)
        return _HEADER.pack(SECOND, key_id_of(first)) + message, responder.split()

    def read_second(self, packet: bytes) -> tuple[Hello, TransportKeys]:
        """What message 2 says, and the keys: the handshake is then complete.

        Raises HandshakeError ("malformed", "unasked answer", "bad handshake").
        """
        key_id = key_id_of(packet)
        initiator = self._pending.get(key_id)
        if initiator is None:
            raise HandshakeError("unasked answer")
        hello = self._hello(key_id, _Reader(_opened(initiator.read_second, packet[_HEADER.size :])))
        del self._pending[key_id]
        return hello, initiator.split()

    def _number(self) -> int:
        return int.from_bytes(self._random(4), "big")

    def _first(self, frames: bytes, halves: Halves) -> bytes:
        return _prefixed(self.me.statement) + self._second(frames, halves)

    def _second(self, frames: bytes, halves: Halves) -> bytes:
        return _HALVES.pack(*halves.own, *halves.bound, *halves.ended) + _prefixed(self._settings) + frames

    def _check_statement(self, data: bytes, static: bytes) -> None:
        """The statement must bind the key that the sender proved to hold to this room and to the peer we know."""
        if data == self._peer.statement and static == self._peer.static:
            return  # the very one that was checked before the peer was announced
        try:
            statement = read_statement(data)
        except BadStatement:
            raise HandshakeError("bad statement") from None
        said = (statement.room, statement.key, statement.incarnation, statement.static)
        if said != (self._room, self._peer.key, self._peer.incarnation, static):
            raise HandshakeError("bad statement")

    def _hello(self, key_id: int, payload: "_Reader") -> Hello:
        numbers = payload.halves()
        halves = Halves(Half(*numbers[0:2]), Half(*numbers[2:4]), Half(*numbers[4:6]))
        if halves.own.incarnation != self._peer.incarnation or halves.own.number == 0 or max(numbers) > MAX_INTEGER:
            raise HandshakeError("malformed")
        packed = payload.prefixed()
        try:
            settings = values.decode(packed)
        except ValueError:
            raise HandshakeError("malformed") from None
        if not isinstance(settings, dict) or len(packed) > MAX_SETTINGS:
            raise HandshakeError("malformed")
        return Hello(key_id, halves, settings, payload.rest())


class Schedule:
    """When the next message 1 is due: after 1 s, doubling to 30 s, until a handshake is complete (K3)."""

    FIRST_WAIT: Final = 1.0
    LONGEST_WAIT: Final = 30.0

    def __init__(self) -> None:
        self.due: float | None = None
        self._last = float("-inf")
        self._wait = self.FIRST_WAIT

    def want(self, now: float) -> None:
        """A handshake is needed; nothing changes if one is under way."""
        if self.due is None:
            self.due = now

    def want_soon(self, now: float) -> None:
        """What came from the peer calls for a message 1, but nobody can make us send more than one a second."""
        soonest = max(now, self._last + self.FIRST_WAIT)
        self.due = soonest if self.due is None else min(self.due, soonest)

    def hurry(self, now: float) -> None:
        """There is a new way to the peer: what was wanted need not wait any longer."""
        if self.due is not None:
            self.due = now
            self._wait = self.FIRST_WAIT

    def sent(self, now: float) -> None:
        """A message 1 went out."""
        self._last = now
        self.due = now + self._wait
        self._wait = min(2 * self._wait, self.LONGEST_WAIT)

    def done(self) -> None:
        """A handshake is complete."""
        self.due = None
        self._wait = self.FIRST_WAIT


_NO_HALVES: Final = Halves(Half(0, 0), Half(0, 0), Half(0, 0))


class _Reader:
    """Takes the fields of a payload one by one. Raises HandshakeError("malformed") past its end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def _take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._data):
            raise HandshakeError("malformed")
        data, self._at = self._data[self._at : end], end
        return data

    def prefixed(self) -> bytes:
        return self._take(_LENGTH.unpack(self._take(_LENGTH.size))[0])

    def halves(self) -> tuple[int, ...]:
        return _HALVES.unpack(self._take(_HALVES.size))

    def rest(self) -> bytes:
        return self._data[self._at :]


def _opened(read: Callable[[bytes], bytes], message: bytes) -> bytes:
    try:
        return read(message)
    except NoiseError:
        raise HandshakeError("bad handshake") from None


def _prefixed(field: bytes) -> bytes:
    return _LENGTH.pack(len(field)) + field
