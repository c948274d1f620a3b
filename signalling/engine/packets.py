"""Socket.IO packets: bounds on those that come in (rule V7), and the spelling of those that go out."""

from typing import Any, Final

import msgspec
import socketio.packet

from signalling.protocol.events import RelayFrom, Wire
from signalling.protocol.limits import MAX_ATTACHED_BYTES, MAX_ATTACHMENTS
from signalling.protocol.writing import TEXT, Batch, frame

Parts = tuple[str | bytes, ...]
"""One Socket.IO packet as it travels: its text, then its attachments."""


class Shared:
    """One event without attachments that many clients are sent: its parts, and the WebSocket frame that they make."""

    __slots__ = ("batch", "frame", "parts", "size")

    def __init__(self, parts: tuple[str], batch: Batch) -> None:
        self.parts: Parts = parts
        self.batch = batch
        self.frame = frame(TEXT, b"4" + parts[0].encode())
        self.size = len(self.frame)


_EVENTS: Final = (socketio.packet.EVENT, socketio.packet.BINARY_EVENT)


class PacketRefused(ValueError):
    """What a client sent is no Socket.IO packet, or a larger one than is allowed. The client is to be closed."""


class Packet(socketio.packet.Packet):  # type: ignore[misc]
    """python-socketio's packet, which collects attachments without end and believes what a client says of them."""

    data: Any

    def encode(self) -> Any:
        """The packet as it travels. python-socketio refuses a namespace by a text, where an object is due."""
        if self.packet_type == socketio.packet.CONNECT_ERROR and isinstance(self.data, str):
            self.data = {"message": "Invalid namespace"}
        return super().encode()

    def decode(self, encoded_packet: object) -> int:
        """Raises PacketRefused."""
        if not isinstance(encoded_packet, str):
            raise PacketRefused("an attachment or an object where a packet was due")
        try:
            count: int = super().decode(encoded_packet)
        except Exception as error:  # whatever the parser trips over: ValueError, IndexError, RecursionError ...
            raise PacketRefused(f"malformed packet ({type(error).__name__})") from None
        if count > MAX_ATTACHMENTS:
            raise PacketRefused(f"{count} attachments, and {MAX_ATTACHMENTS} is the most")
        if self.packet_type in _EVENTS and not (
            isinstance(self.data, list) and self.data and isinstance(self.data[0], str)
        ):
            raise PacketRefused("an event without a name")
        if self.packet_type == socketio.packet.CONNECT_ERROR:
            raise PacketRefused("a refusal, which only a server sends")
        if self.packet_type == socketio.packet.BINARY_EVENT and count == 0:
            raise PacketRefused("a binary event without attachments would wait for one for ever")
        self._room = MAX_ATTACHED_BYTES
        return count

    def add_attachment(self, attachment: object) -> bool:
        """Raises PacketRefused."""
        if not isinstance(attachment, bytes):
            raise PacketRefused("text where an attachment was due")
        self._room -= len(attachment)
        if self._room < 0:
            raise PacketRefused(f"more than {MAX_ATTACHED_BYTES} bytes of attachments")
        try:
            complete: bool = super().add_attachment(attachment)
        except Exception as error:
            raise PacketRefused(f"attachments that do not fit ({type(error).__name__})") from None
        return complete


class _Json:
    """msgspec behind the two names of the json module that python-socketio uses."""

    @staticmethod
    def dumps(data: object, **_: Any) -> str:
        return msgspec.json.encode(data).decode()

    loads = staticmethod(msgspec.json.decode)


class FastPacket(Packet):
    """For our own server, where nobody else's objects have to be spelled."""

    json = _Json


class Speller:
    """Spells events for the clients of one namespace."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._prefix = "" if namespace == "/" else namespace + ","

    def event(self, name: str, payload: Wire) -> tuple[str]:
        """An event without bytes in it."""
        return self.text(name, msgspec.json.encode(payload).decode())

    def text(self, name: str, payload: str) -> tuple[str]:
        """An event whose payload is JSON already."""
        return (f'2{self._prefix}["{name}",{payload}]',)

    def any_event(self, name: str, payload: Wire) -> Parts:
        """An event that may have bytes anywhere in it."""
        data = msgspec.to_builtins(payload, builtin_types=(bytes,))
        encoded = FastPacket(socketio.packet.EVENT, namespace=self._namespace, data=[name, data]).encode()
        return tuple(encoded) if isinstance(encoded, list) else (encoded,)

    def relay_texts(self, room: str, sender: str) -> tuple[str, str]:
        """The texts of `relay` events from one member, which are always the same: without and with a body."""
        return self._relay_text(room, sender, body=False), self._relay_text(room, sender, body=True)

    def _relay_text(self, room: str, sender: str, body: bool) -> str:
        encoded = FastPacket(
            socketio.packet.EVENT,
            namespace=self._namespace,
            data=[
                "relay",
                msgspec.to_builtins(
                    RelayFrom(room=room, sender=sender, packet=b"", body=b"" if body else None), builtin_types=(bytes,)
                ),
            ],
        ).encode()
        return str(encoded[0])
