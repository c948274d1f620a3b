"""The core of a link: handshakes, seals and the current session in one (S1, S2, K1 to K5).

It decides when a session is over and the next begins, puts the session's frames into packets and takes them out
again. No input or output, no clock, no randomness of its own: whoever drives it hands them in.
"""

from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Final

import msgspec

from peers.codec.frames import Frame, FrameError, FrameType, Lane, decode_packet, encode_packet
from peers.codec.payloads import decode_signal, encode_signal
from peers.noise import NoiseError, TransportKeys
from peers.session.binding import Binding, EndedHalves, Half
from peers.session.credit import Budget
from peers.session.events import DirectInstance, Event, Instance, Outbound, RelayInstance, SessionFailed
from peers.session.handshake import (
    FIRST,
    FIRST_FRAMES,
    HINT,
    SECOND,
    HandshakeError,
    Handshakes,
    Hello,
    Me,
    Random,
    Remote,
    Schedule,
    encode_hint,
    key_id_of,
)
from peers.session.routing import Flight
from peers.session.rules import Rules
from peers.session.seal import SEALED, Key, KeyRing, SealError, UnknownKey
from peers.session.session import Session

HINT_EVERY: Final = 1.0
"""Seconds between hints: what strangers send costs us no more than that."""


class Ready(msgspec.Struct, frozen=True):
    """The session has its first key: the peer's settings are known, signals can be sealed."""


class DirectEnded(msgspec.Struct, frozen=True):
    """This attempt belonged to a session that is over: close its path."""

    attempt: int


class SessionEnded(msgspec.Struct, frozen=True):
    """The session is over; `undelivered` is what the peer has not acknowledged, in order for each channel."""

    undelivered: list[Outbound]
    reason: str


class SessionStarted(msgspec.Struct, frozen=True):
    """`LinkCore.session` is a new one: nothing is open in it and nothing listened to."""


LinkEvent = Event | Ready | DirectEnded | SessionEnded | SessionStarted


class Outgoing(msgspec.Struct, frozen=True, eq=False):
    """A packet to be sent: by the direct path of `attempt`, or by the relay if that is None.

    `flights` are the session's frames in it; hand the object back to `relay_refused` if the server refuses it.
    """

    attempt: int | None
    lane: Lane
    packet: bytes
    flights: tuple[Flight, ...] = ()
    session: Session | None = None

    @property
    def flight(self) -> Flight | None:
        """The flight in it, if it carries any frames."""
        return self.flights[0] if self.flights else None


class LinkCore:
    """One link. `now` is in seconds and monotonic; `next_number` gives each Client's sessions their numbers, from 1."""

    def __init__(
        self,
        *,
        room: str,
        me: Me,
        peer: Remote,
        ended: EndedHalves,
        next_number: Callable[[], int],
        random: Random,
        settings: dict[str, Any],
        rules: Rules,
        budget: Budget | None,
        now: float,
    ) -> None:
        self._room, self._me, self._peer = room, me, peer
        self._ended, self._next_number = ended, next_number
        self._rules, self._budget, self._now = rules, budget, now
        self._handshakes = Handshakes(room, me, peer, settings, random)
        self._schedule = Schedule()
        self._events: deque[LinkEvent] = deque()
        self._out: list[Outgoing] = []
        self._last_hint = float("-inf")
        self._relay: RelayInstance | None = None
        self._attempts: set[int] = set()
        self.peer_settings: dict[str, Any] = {}
        """What the peer said in its latest handshake message."""
        self.drops: Counter[str] = Counter()
        """Packets that were dropped, by reason."""
        self._begin(now)

    def _begin(self, now: float) -> None:
        """A new session, with a half of its own and no key."""
        own = Half(self._me.incarnation, self._next_number())
        self._binding = Binding(own, self._ended.get(self._room, self._peer.id))
        self._keys = KeyRing()
        self._waiting: list[Flight] = []
        self.session = Session(now, rules=self._rules, budget=self._budget)

    @property
    def bound(self) -> bool:
        """Whether the current session has met its other half."""
        return self._binding.bound is not None

    def set_statement(self, statement: bytes) -> None:
        """My statement has changed, with my profile."""
        self._me = self._handshakes.me = self._me._replace(statement=statement)

    def start(self, now: float) -> None:
        """Begin a handshake though nothing is to be sent yet."""
        if self._keys.latest is None:
            self._schedule.want(now)

    # ---- the paths

    def relay_changed(self, mine: int | None, theirs: int | None, now: float) -> None:
        """My connection to the server, or the peer's, is another one; None: there is none at present."""
        relay = None if mine is None or theirs is None else RelayInstance(mine, theirs)
        if relay == self._relay:
            return
        self._close_relay(now)
        self._relay = relay
        self._open_relay(now)
        self._schedule.hurry(now)

    def _open_relay(self, now: float) -> None:
        if self._relay is not None:
            self.session.path_opened(self._relay, now, most=None if self._key else FIRST_FRAMES)

    def _close_relay(self, now: float) -> None:
        if self._relay is not None:
            self._waiting.clear()  # the session itself sends again what went by a path that ended
            self.session.path_ended(self._relay, now)

    def relay_waiting(self, waiting: int, now: float) -> None:
        """So many bytes that went by the relay are not acknowledged by the server."""
        if self._relay is not None:
            self.session.path_waiting(self._relay, waiting, now)

    def relay_refused(self, outgoing: Outgoing, code: str, now: float) -> None:
        """The server did not pass the packet on."""
        if outgoing.session is not self.session:
            return
        for flight in outgoing.flights:
            if flight in self._waiting:
                self._waiting.remove(flight)
            self.session.refused(flight, code, now)

    def direct_opened(self, attempt: int, now: float) -> None:
        """An attempt of this session has opened."""
        self._attempts.add(attempt)
        self.session.path_opened(DirectInstance(attempt), now)

    def direct_waiting(self, attempt: int, waiting: int, now: float) -> None:
        """So many bytes wait in the send buffer of a direct path."""
        if attempt in self._attempts:
            self.session.path_waiting(DirectInstance(attempt), waiting, now)

    def direct_ended(self, attempt: int, now: float) -> None:
        """A direct path has ended."""
        if attempt in self._attempts:
            self._attempts.remove(attempt)
            self.session.path_ended(DirectInstance(attempt), now)

    # ---- receiving

    def receive_direct(self, attempt: int, packet: bytes, now: float) -> None:
        """A packet came by a direct path."""
        self._now = now
        if attempt in self._attempts:
            self._take(DirectInstance(attempt), packet, now)
        else:
            self.drops["ended path"] += 1

    def receive_relay(self, packet: bytes, now: float) -> None:
        """A packet came by the relay."""
        self._now = now
        kind = packet[0] if packet else None
        try:
            if self._relay is None:
                self.drops["no relay"] += 1
            elif kind == SEALED:
                frames = self._open(packet, now)
                if frames is not None:
                    self._take(self._relay, frames, now)
            elif kind == FIRST:
                self._receive_first(packet, self._relay, now)
            elif kind == SECOND:
                self._receive_second(packet, self._relay, now)
            elif kind == HINT:
                self._receive_hint(packet, now)
            else:
                self.drops["unknown kind"] += 1
        except HandshakeError as error:
            self.drops[error.reason] += 1

    def _open(self, packet: bytes, now: float) -> bytes | None:
        try:
            return self._keys.open(packet)
        except UnknownKey as error:
            self.drops[error.reason] += 1
            if now - self._last_hint >= HINT_EVERY:
                self._last_hint = now
                self._put(encode_hint(error.key_id))
        except SealError as error:
            self.drops[error.reason] += 1
        return None

    def _take(self, instance: Instance, packet: bytes, now: float) -> None:
        try:
            frames = decode_packet(packet)
        except FrameError as error:
            self.session.fail(str(error))
        else:
            self.session.receive(instance, frames, now)

    def _receive_first(self, packet: bytes, relay: RelayInstance, now: float) -> None:
        """S2 for message 1, in the order in which it is written there."""
        hello, responder = self._handshakes.read_first(packet)
        if hello.key_id in self._keys:
            # Not covered by the seal: a server that gives it the number of a key in use would make us forget that key.
            raise HandshakeError("key id in use")
        said = hello.halves
        if self._binding.is_impossible(said):
            raise HandshakeError("impossible half")
        if self._binding.is_over(said):
            self._restart("the peer has ended the session", now)
        if self._binding.is_stale(said) or self._binding.is_elsewhere(said):
            self._schedule.want_soon(now)
            raise HandshakeError("stranger")
        forgotten = not self.bound and self._ended.may_have_forgotten(self._room, self._peer.id)
        self._bind(hello)
        if not forgotten:  # else the frames may be a copy; if they are not, they come again after message 2
            self._take(relay, hello.frames, now)
        self._send_waiting_again(now)
        self.session.path_confirmed(relay, now)
        room = self._handshakes.room_in_second
        inside: list[Flight] = []
        beside: list[Flight] = []
        for flight in self.session.frames_to_send(now):
            if flight.instance == relay and flight.size <= room:
                room -= flight.size
                inside.append(flight)
            else:
                beside.append(flight)
        frames = b"".join(flight.encode() for flight in inside)
        answer, keys = self._handshakes.answer(packet, responder, self._binding.halves(), frames)
        self._put(answer, *inside)
        self._complete(hello.key_id, keys, now)
        for flight in beside:
            self._send(flight, now)

    def _receive_second(self, packet: bytes, relay: RelayInstance, now: float) -> None:
        """S2 for message 2, in the order in which it is written there."""
        hello, keys = self._handshakes.read_second(packet)
        said = hello.halves
        if self._binding.answers_another(said):
            raise HandshakeError("another session's answer")
        if self._binding.is_impossible(said):
            raise HandshakeError("impossible half")
        if self._binding.is_over(said):
            self._restart("the peer has ended the session", now)
            self._schedule.want(now)
            return
        if self._binding.is_stale(said):
            raise HandshakeError("stranger")
        self._bind(hello)
        self._take(relay, hello.frames, now)
        self._send_waiting_again(now)
        self.session.path_confirmed(relay, now)
        self._complete(hello.key_id, keys, now)

    def _receive_hint(self, packet: bytes, now: float) -> None:
        key_id, latest = key_id_of(packet), self._keys.latest
        if latest is not None and key_id == latest.id:
            self._schedule.want_soon(now)
        else:
            self.drops["hint"] += 1

    def _bind(self, hello: Hello) -> None:
        self._binding.bound = hello.halves.own
        self.peer_settings = hello.settings

    def _complete(self, key_id: int, keys: TransportKeys, now: float) -> None:
        """A handshake is complete: seal with its key from now on."""
        if self._key is None:
            self._events.append(Ready())
        self._keys.add(key_id, keys, now)
        self._schedule.done()

    def _send_waiting_again(self, now: float) -> None:
        """What went with a message 1 and is not acknowledged is taken for lost."""
        waiting, self._waiting = self._waiting, []
        for flight in waiting:
            self.session.lost(flight, now)

    # ---- signals

    def seal_signal(self, kind: str, attempt: int, payload: dict[str, Any], now: float) -> bytes | None:
        """The signal as a sealed packet (K5). None: there is no key yet; a handshake begins and ends with Ready."""
        key = self._key
        if key is None:
            self._schedule.want(now)
            return None
        signal = encode_signal(kind, attempt, payload)
        return key.seal(encode_packet((Frame(FrameType.SIGNAL, Lane.RELIABLE, False, 0, 0, signal),)))

    def receive_signal(self, packet: bytes, now: float) -> tuple[str, int, dict[str, Any]] | None:
        """Kind, attempt and payload of a sealed signal. None if it is none of this session, or a copy."""
        self._now = now
        opened = self._open(packet, now)
        if opened is None:
            return None
        try:
            match decode_packet(opened):
                case [Frame(type=FrameType.SIGNAL, payload=payload)]:
                    return decode_signal(payload)
        except FrameError:
            pass
        self.drops["bad signal"] += 1
        return None

    # ---- sending

    @property
    def _key(self) -> Key | None:
        """The key to seal with, if there is one that may still be used."""
        latest = self._keys.latest
        return None if latest is None or latest.exhausted else latest

    def packets_to_send(self, now: float) -> list[Outgoing]:
        """Everything that can go now."""
        self._now = now
        key = self._key
        if key is not None:
            if key.needs_renewal(now):
                self._schedule.want(now)
            for flight in self.session.frames_to_send(now):
                self._send(flight, now)
        elif self._is_due(now) or self._schedule.due is None or self._attempts:
            if self._is_due(now):
                self._send_waiting_again(now)
            for flight in self.session.frames_to_send(now):
                self._hold(flight, now)
        if self._is_due(now):
            self._send_first(now)
        out, self._out = self._out, []
        return out

    def _is_due(self, now: float) -> bool:
        due = self._schedule.due
        return self._relay is not None and due is not None and now >= due

    def _hold(self, flight: Flight, now: float) -> None:
        """Without a key the relay's frames wait for a message 1, and call for one if they are more than control."""
        if isinstance(flight.instance, DirectInstance):
            self._send(flight, now)
        elif any(frame.type < FrameType.ACK for frame in flight.frames):
            self._waiting.append(flight)
            self._schedule.want(now)

    def _send(self, flight: Flight, now: float) -> None:
        instance, key = flight.instance, self._key
        if isinstance(instance, DirectInstance):
            self._out.append(Outgoing(instance.attempt, flight.lane, flight.encode(), (flight,), self.session))
        elif key is not None:
            self._put(key.seal(flight.encode()), flight)
            if key.exhausted:  # back to where a session begins: nothing goes but in message 1
                self._close_relay(now)
                self._open_relay(now)
                self._schedule.want(now)

    def _put(self, packet: bytes, *flights: Flight) -> None:
        lane = flights[0].lane if flights else Lane.RELIABLE
        self._out.append(Outgoing(None, lane, packet, flights, self.session))

    def _send_first(self, now: float) -> None:
        """Message 1, with the frames that wait for it: those of the message 1 before it among them."""
        self._schedule.sent(now)
        room = self._handshakes.room_in_first
        inside: list[Flight] = []
        for flight in self._waiting:  # empty once there is a key: frames go sealed
            if flight.size <= room:
                room -= flight.size
                inside.append(flight)
        frames = b"".join(flight.encode() for flight in inside)
        try:
            packet = self._handshakes.begin(self._binding.halves(), frames, self._keys)
        except NoiseError:
            self.drops["bad handshake"] += 1  # the peer's static key is of small order: nobody can talk to it
        else:
            self._put(packet, *inside)

    # ---- sessions end

    def _restart(self, reason: str, now: float) -> None:
        """End the session and begin the next (S1)."""
        while (event := self.session.next_event()) is not None:  # what was received before the end is still handled
            self._events.append(event)
        self._events.extend(DirectEnded(attempt) for attempt in sorted(self._attempts))
        self._events.append(SessionEnded(self.end(now), reason))
        self._begin(now)
        self._open_relay(now)
        self._events.append(SessionStarted())

    def end(self, now: float) -> list[Outbound]:
        """End the session for good: after `bye`, or when the peer has left. Returns what was not acknowledged."""
        if self._binding.bound is not None:
            self._ended.discard(self._room, self._peer.id, self._binding.bound)
        self._attempts.clear()
        self._handshakes.forget()
        self._schedule.done()
        return self.session.end()

    # ---- time and events

    def next_timeout(self) -> float | None:
        """When `handle_timeout` and `packets_to_send` are to be called at the latest."""
        times = [self.session.next_timeout()]
        if self._relay is not None:
            times.append(self._schedule.due)
            if self._schedule.due is None and (key := self._key) is not None:
                times.append(key.renew_at)
        return min((time for time in times if time is not None), default=None)

    def handle_timeout(self, now: float) -> None:
        """The time has come; what is due is sent by `packets_to_send`."""
        self._now = now
        self.session.handle_timeout(now)

    def next_event(self) -> LinkEvent | None:
        """What happened, in order; None: nothing more."""
        if self._events:
            return self._events.popleft()
        event = self.session.next_event()
        if isinstance(event, SessionFailed):
            self._restart(f"the peer broke the protocol: {event.reason}", self._now)
        return event
