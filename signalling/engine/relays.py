"""`relay` events put together from their frames, without python-socketio's packets: they are most of what comes."""

import re
from typing import Final, Literal

import msgspec

from signalling.protocol.events import Relay
from signalling.protocol.limits import MAX_ATTACHED_BYTES, MAX_ATTACHMENTS


class _Placeholder(msgspec.Struct):
    num: int
    placeholder: Literal[True] = msgspec.field(name="_placeholder")


class _Text(msgspec.Struct):
    room: str
    n: int
    to: list[str]
    packets: list[_Placeholder]


_EVENT: Final = msgspec.json.Decoder(tuple[Literal["relay"], _Text])


class RelayReader:
    """Reads those of one client in one namespace. What is unusual in any way is left to python-socketio's parser."""

    def __init__(self, namespace: str) -> None:
        prefix = "" if namespace == "/" else re.escape(namespace + ",")
        self._head = re.compile(rf'45(\d{{1,3}})-{prefix}(?=\["relay",)')
        self._due = 0
        self._room = 0
        self._relay: _Text | None = None
        self._attachments: list[bytes] = []

    @property
    def waiting(self) -> bool:
        """Whether attachments are due."""
        return self._relay is not None

    def begin(self, text: str) -> bool:
        """Whether this text begins a relay that is read here: its attachments come next."""
        head = self._head.match(text)
        if head is None:
            return False
        try:
            _, relay = _EVENT.decode(text[head.end() :])
        except msgspec.DecodeError:
            return False
        due = int(head[1])
        if not 0 < due <= MAX_ATTACHMENTS or [packet.num for packet in relay.packets] != list(range(due)):
            return False
        self._relay, self._due, self._room = relay, due, MAX_ATTACHED_BYTES
        return True

    def add(self, attachment: bytes) -> Relay | None:
        """The event, once it is complete. Raises ValueError if it has more bytes than are allowed."""
        relay = self._relay
        assert relay is not None
        self._room -= len(attachment)
        if self._room < 0:
            raise ValueError(f"more than {MAX_ATTACHED_BYTES} bytes of attachments")
        self._attachments.append(attachment)
        if len(self._attachments) < self._due:
            return None
        packets, self._attachments, self._relay = self._attachments, [], None
        return Relay(room=relay.room, n=relay.n, to=relay.to, packets=packets)
