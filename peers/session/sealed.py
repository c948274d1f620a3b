"""One session with its keys, its handshakes and its attempts: all that lives and dies together (S1).

It puts the session's frames into packets and takes them out again. Whether a packet is to be believed, and when a
handshake is due, is for the link core to say.
"""

from typing import Any

from peers.codec.frames import Frame, FrameError, FrameType, Lane, decode_packet, encode_frame
from peers.codec.payloads import decode_signal, encode_signal
from peers.noise import Responder, TransportKeys
from peers.session.binding import Binding
from peers.session.events import DirectInstance, Instance, RelayInstance
from peers.session.handshake import FIRST_FRAMES, Handshakes, Hello
from peers.session.link_events import Outgoing
from peers.session.routing import Flight
from peers.session.seal import Key, KeyRing
from peers.session.session import Session


class SealedSession:
    """See the module. Without a key, the relay's frames wait for a handshake message that carries them."""

    def __init__(self, binding: Binding, handshakes: Handshakes, session: Session) -> None:
        self.binding, self.handshakes, self.session = binding, handshakes, session
        self.keys = KeyRing()
        self.attempts: set[int] = set()
        """The direct attempts that have opened in this session and have not ended."""
        self.waiting: list[Flight] = []
        """Frames that went with the last message 1, or wait for the next."""
        self._relay: RelayInstance | None = None

    @property
    def key(self) -> Key | None:
        """The key to seal with, if there is one that may still be used."""
        latest = self.keys.latest
        return None if latest is None or latest.exhausted else latest

    # ---- paths

    def use_relay(self, relay: RelayInstance | None, now: float) -> None:
        """Go by this instance of the relay from now on, or by none."""
        if self._relay is not None:
            self.waiting.clear()  # the session itself sends again what went by a path that ended
            self.session.path_ended(self._relay, now)
        self._relay = relay
        if relay is not None:
            self.session.path_opened(relay, now, most=FIRST_FRAMES if self.key is None else None)

    def refused(self, outgoing: Outgoing, code: str, now: float) -> None:
        """The server did not pass on what was in this packet."""
        self.waiting = [flight for flight in self.waiting if flight not in outgoing.flights]
        for flight in outgoing.flights:
            self.session.refused(flight, code, now)

    def direct_opened(self, attempt: int, now: float) -> None:
        """An attempt has opened."""
        self.attempts.add(attempt)
        self.session.path_opened(DirectInstance(attempt), now)

    def direct_ended(self, attempt: int, now: float) -> None:
        """An attempt has ended."""
        self.attempts.discard(attempt)
        self.session.path_ended(DirectInstance(attempt), now)

    # ---- receiving

    def take(self, instance: Instance, packet: bytes, now: float) -> None:
        """Frames have come. If they are none, the peer broke the protocol, for they were sealed (S10)."""
        try:
            frames = decode_packet(packet)
        except FrameError as error:
            self.session.fail(str(error))
        else:
            self.session.receive(instance, frames, now)

    # ---- handshakes

    def begin(self) -> Outgoing:
        """A message 1, with the frames that wait. Raises NoiseError if the peer's static key is impossible."""
        inside, frames = _fitting(self.waiting, self.handshakes.room_in_first)
        return self._outgoing(self.handshakes.begin(self.binding.halves(), frames, self.keys), *inside)

    def answer(self, packet: bytes, hello: Hello, responder: Responder, now: float) -> list[Outgoing]:
        """Message 2 to the message 1 in `packet`, and what goes sealed beside it. The handshake is then complete."""
        self._confirm(hello, now)
        flights = self.session.frames_to_send(now)
        inside, frames = _fitting(flights, self.handshakes.room_in_second)
        answer, keys = self.handshakes.answer(packet, responder, self.binding.halves(), frames)
        self.keys.add(hello.key_id, keys, now)
        beside = [flight for flight in flights if flight not in inside]
        return [self._outgoing(answer, *inside), *self._pack(beside, now)]

    def finish(self, hello: Hello, keys: TransportKeys, now: float) -> None:
        """Message 2 has come: the handshake is complete."""
        self._confirm(hello, now)
        self.keys.add(hello.key_id, keys, now)

    def _confirm(self, hello: Hello, now: float) -> None:
        """The peer has our half, and we have its: what went with a message 1 and is not acknowledged yet is lost."""
        self.binding.bound = hello.halves.own
        self.send_waiting_again(now)
        if self._relay is not None:
            self.session.path_confirmed(self._relay, now)

    def send_waiting_again(self, now: float) -> None:
        """Another message 1 is to be sent: the session shall give out again what went with the last one."""
        waiting, self.waiting = self.waiting, []
        for flight in waiting:
            self.session.lost(flight, now)

    # ---- sending

    def packets_to_send(self, now: float) -> list[Outgoing]:
        """What can go now. Without a key only direct packets; what is for the relay is added to `waiting`."""
        return self._pack(self.session.frames_to_send(now), now)

    def _pack(self, flights: list[Flight], now: float) -> list[Outgoing]:
        out: list[Outgoing] = []
        key = self.key
        for flight in flights:
            if isinstance(flight.instance, DirectInstance):
                packet = flight.encode()
                out.append(Outgoing(flight.instance.attempt, flight.lane, packet, (flight,), self.session))
            elif key is not None and not key.exhausted:
                out.append(self._outgoing(key.seal(flight.encode()), flight))
            elif any(frame.type < FrameType.ACK for frame in flight.frames):  # control alone calls for no handshake
                self.waiting.append(flight)
        if key is not None and key.exhausted:
            self.use_relay(self._relay, now)  # back to where a session begins: nothing goes but in message 1
        return out

    def _outgoing(self, packet: bytes, *flights: Flight) -> Outgoing:
        lane = flights[0].lane if flights else Lane.RELIABLE
        return Outgoing(None, lane, packet, flights, self.session)

    # ---- signals (K5)

    def seal_signal(self, kind: str, attempt: int, payload: dict[str, Any]) -> bytes | None:
        """The signal as a sealed packet; None without a key."""
        key = self.key
        if key is None:
            return None
        signal = encode_signal(kind, attempt, payload)
        return key.seal(encode_frame(Frame(FrameType.SIGNAL, Lane.RELIABLE, False, 0, 0, signal)))


def read_signal(packet: bytes) -> tuple[str, int, dict[str, Any]]:
    """Kind, attempt and payload of the signal that was sealed. Raises FrameError if it is anything else."""
    match decode_packet(packet):
        case [Frame(type=FrameType.SIGNAL, payload=payload)]:
            return decode_signal(payload)
    raise FrameError("not a signal alone")


def _fitting(flights: list[Flight], room: int) -> tuple[list[Flight], bytes]:
    """Those of the flights by the relay that fit into a handshake message, and their bytes."""
    inside = []
    for flight in flights:
        if isinstance(flight.instance, RelayInstance) and flight.size <= room:
            room -= flight.size
            inside.append(flight)
    return inside, b"".join(flight.encode() for flight in inside)
