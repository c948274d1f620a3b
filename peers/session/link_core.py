"""The core of a link: which session is current, when a handshake is due, and what is believed (S1, S2, K1 to K5).

No input or output, no clock, no randomness of its own: whoever drives it hands them in.
"""

from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Final

from peers.codec.frames import FrameError, Lane
from peers.noise import NoiseError, PrivateKey, Responder
from peers.session.binding import Binding, EndedHalves, Half
from peers.session.credit import Budget
from peers.session.events import DirectInstance, Outbound, RelayInstance, SessionFailed
from peers.session.handshake import (
    FIRST,
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
from peers.session.link_events import DirectEnded, LinkEvent, Outgoing, Ready, SessionEnded, SessionStarted
from peers.session.rules import Rules
from peers.session.seal import SEALED, SealError, WrongKey
from peers.session.sealed import SealedSession, read_signal
from peers.session.session import Session

__all__ = [
    "DirectEnded",
    "EndedHalves",
    "LinkCore",
    "LinkEvent",
    "Me",
    "Outgoing",
    "Ready",
    "Remote",
    "SessionEnded",
    "SessionStarted",
]

HINT_EVERY: Final = 1.0
"""Seconds between hints: whatever comes under unknown keys costs us no more than that."""


class LinkCore:
    """One link. `now` is in seconds and monotonic; `next_number` numbers all sessions of a Client, from 1.

    `ephemeral` gives keys that were made ahead of time; without it they are made of `random`.
    """

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
        ephemeral: Callable[[], PrivateKey] | None = None,
    ) -> None:
        self._room, self._me, self._peer, self._ephemeral = room, me, peer, ephemeral
        self._ended, self._next_number, self._random = ended, next_number, random
        self._settings, self._rules, self._budget, self._now = settings, rules, budget, now
        self.peer_settings: dict[str, Any] = {}
        """What the peer said in its latest handshake message."""
        self.drops: Counter[str] = Counter()
        """Packets that were dropped, by reason."""
        self._schedule = Schedule()
        self._events: deque[LinkEvent] = deque()
        self._out: list[Outgoing] = []
        self._relay: RelayInstance | None = None
        self._last_hint = float("-inf")
        self._unanswered: tuple[SealedSession, bytes, Hello, Responder] | None = None
        """A message 1 that was taken, and whose message 2 is still to be written."""
        self._current = self._new_session(now)

    def _new_session(self, now: float) -> SealedSession:
        binding = Binding(Half(self._me.incarnation, self._next_number()), self._ended.get(self._room, self._peer.id))
        handshakes = Handshakes(self._room, self._me, self._peer, self._settings, self._random, self._ephemeral)
        return SealedSession(binding, handshakes, Session(now, rules=self._rules, budget=self._budget))

    @property
    def session(self) -> Session:
        """The current session; another one after SessionEnded."""
        return self._current.session

    @property
    def bound(self) -> bool:
        """Whether the current session has met its other half."""
        return self._current.binding.bound is not None

    def set_statement(self, statement: bytes) -> None:
        """My statement has changed, with my profile."""
        self._me = self._current.handshakes.me = self._me._replace(statement=statement)

    def start(self, now: float) -> None:
        """Begin a handshake though nothing is to be sent yet."""
        if self._current.key is None:
            self._schedule.want(now)

    # ---- the paths

    def relay_changed(self, mine: int | None, theirs: int | None, now: float) -> bool:
        """My connection to the server, or the peer's, is another one; None: there is none at present.

        Returns whether this begins a relay instance: there was none, or another one.
        """
        self._answer(now)
        relay = None if mine is None or theirs is None else RelayInstance(mine, theirs)
        if relay == self._relay:
            return False
        self._relay = relay
        self._current.use_relay(relay, now)
        self._schedule.hurry(now)
        return relay is not None

    def relay_waiting(self, waiting: int, now: float) -> None:
        """So many bytes that went by the relay are not acknowledged by the server."""
        if self._relay is not None:
            self.session.path_waiting(self._relay, waiting, now)

    def relay_refused(self, outgoing: Outgoing, code: str, now: float) -> None:
        """The server did not pass the packet on."""
        if outgoing.session is self.session:
            self._current.refused(outgoing, code, now)

    def direct_opened(self, attempt: int, now: float) -> None:
        """An attempt of this session has opened."""
        self._current.direct_opened(attempt, now)

    def direct_waiting(self, attempt: int, waiting: int, now: float) -> None:
        """So many bytes wait in the send buffer of a direct path."""
        self.session.path_waiting(DirectInstance(attempt), waiting, now)

    def direct_ended(self, attempt: int, now: float) -> None:
        """A direct path has ended."""
        self._current.direct_ended(attempt, now)

    # ---- receiving

    def receive_direct(self, attempt: int, packet: bytes, now: float) -> None:
        """A packet came by a direct path."""
        self._now = now
        if attempt in self._current.attempts:
            self._current.take(DirectInstance(attempt), packet, now)
        else:
            self.drops["ended path"] += 1

    def receive_relay(self, packet: bytes, now: float) -> None:
        """A packet came by the relay."""
        self._now = now
        self._answer(now)
        relay = self._relay
        kind = packet[0] if packet else None
        try:
            if relay is None:
                self.drops["no relay"] += 1
            elif kind == SEALED:
                frames = self._open(packet, now)
                if frames is not None:
                    self._current.take(relay, frames, now)
            elif kind == FIRST:
                self._receive_first(packet, relay, now)
            elif kind == SECOND:
                self._receive_second(packet, relay, now)
            elif kind == HINT:
                self._receive_hint(packet, now)
            else:
                self.drops["unknown kind"] += 1
        except HandshakeError as error:
            self.drops[error.reason] += 1

    def receive_signal(self, packet: bytes, now: float) -> tuple[str, int, dict[str, Any]] | None:
        """Kind, attempt and payload of a sealed signal (K5). None if it is none of this session, or a copy."""
        self._now = now
        self._answer(now)
        opened = self._open(packet, now)
        if opened is None:
            return None
        try:
            return read_signal(opened)
        except FrameError:
            self.drops["no signal"] += 1
            return None

    def _open(self, packet: bytes, now: float) -> bytes | None:
        """What was sealed; None if it does not open, and then a hint may be due."""
        try:
            return self._current.keys.open(packet)
        except SealError as error:
            self.drops[error.reason] += 1
            if isinstance(error, WrongKey) and now - self._last_hint >= HINT_EVERY:
                self._last_hint = now
                self._out.append(Outgoing(None, Lane.RELIABLE, encode_hint(error.key_id), (), self.session))
            return None

    def _receive_hint(self, packet: bytes, now: float) -> None:
        latest = self._current.keys.latest
        if latest is not None and key_id_of(packet) == latest.id:
            self._schedule.want_soon(now)
        else:  # about a key that we do not seal with (any more): nothing follows from it
            self.drops["hint"] += 1

    def _receive_first(self, packet: bytes, relay: RelayInstance, now: float) -> None:
        """S2 for message 1, in the order in which it is written there."""
        hello, responder = self._current.handshakes.read_first(packet)
        if hello.key_id in self._current.keys:
            # Not covered by the seal: a server that gives it the number of a key in use would make us forget that key.
            raise HandshakeError("key id in use")
        said = hello.halves
        if self._current.binding.is_impossible(said):
            raise HandshakeError("impossible half")
        if self._current.binding.is_over(said):
            self._restart("the peer has ended the session", now)
        current, binding = self._current, self._current.binding
        if binding.is_stale(said) or binding.is_elsewhere(said):
            self._schedule.want_soon(now)
            raise HandshakeError("stranger")
        if said.bound == binding.own or not self._ended.may_have_forgotten(self._room, self._peer.id):
            current.take(relay, hello.frames, now)  # else they may be a copy; if not, they come again after message 2
        binding.bound = said.own
        self._completes(hello.settings)
        self._unanswered = current, packet, hello, responder

    def _answer(self, now: float) -> None:
        """Write the message 2 that is due. It waits for the end of a turn: what message 1 carried comes first."""
        if self._unanswered is not None:
            (current, packet, hello, responder), self._unanswered = self._unanswered, None
            self._out += current.answer(packet, hello, responder, now)

    def _receive_second(self, packet: bytes, relay: RelayInstance, now: float) -> None:
        """S2 for message 2, in the order in which it is written there."""
        current, binding = self._current, self._current.binding
        hello, keys = current.handshakes.read_second(packet)
        said = hello.halves
        if binding.answers_another(said):
            raise HandshakeError("another session's answer")
        if binding.is_impossible(said):
            raise HandshakeError("impossible half")
        if binding.is_over(said):
            self._restart("the peer has ended the session", now)
            self._schedule.want(now)
            return
        if binding.is_stale(said):
            raise HandshakeError("stranger")
        current.take(relay, hello.frames, now)
        self._completes(hello.settings)
        current.finish(hello, keys, now)

    def _completes(self, settings: dict[str, Any]) -> None:
        """A handshake is about to be complete."""
        self.peer_settings = settings
        self._schedule.done()
        if self._current.key is None:
            self._events.append(Ready())

    # ---- sending

    def seal_signal(self, kind: str, attempt: int, payload: dict[str, Any], now: float) -> bytes | None:
        """The signal as a sealed packet (K5). None: there is no key yet; a handshake begins, and ends with Ready."""
        self._answer(now)
        self.start(now)
        return self._current.seal_signal(kind, attempt, payload)

    def packets_to_send(self, now: float) -> list[Outgoing]:
        """Everything that can go now."""
        self._now = now
        self._answer(now)
        current, key, due = self._current, self._current.key, self._is_due(now)
        if key is not None:
            self._out += current.packets_to_send(now)
            if key.exhausted or key.needs_renewal(now):
                self._schedule.want(now)
        elif due or self._schedule.due is None or current.attempts:
            if due:
                current.send_waiting_again(now)
            self._out += current.packets_to_send(now)
            if current.waiting:
                self._schedule.want(now)
        if self._is_due(now):
            self._schedule.sent(now)
            try:
                self._out.append(current.begin())
            except NoiseError:  # the peer's static key is of small order: nobody can talk to it
                self.drops["bad handshake"] += 1
        out, self._out = self._out, []
        return out

    def _is_due(self, now: float) -> bool:
        due = self._schedule.due
        return self._relay is not None and due is not None and now >= due

    # ---- sessions end

    def _restart(self, reason: str, now: float) -> None:
        """End the session and begin the next (S1)."""
        while (event := self.session.next_event()) is not None:  # what was received before the end is still handled
            self._events.append(event)
        self._events.extend(DirectEnded(attempt) for attempt in sorted(self._current.attempts))
        self._events.append(SessionEnded(self.end(now), reason))
        self._current = self._new_session(now)
        self._current.use_relay(self._relay, now)
        self._events.append(SessionStarted())

    def end(self, now: float) -> list[Outbound]:
        """End the session for good: after `bye`, or when the peer has left. Returns what was not acknowledged."""
        bound = self._current.binding.bound
        if bound is not None:
            self._ended.discard(self._room, self._peer.id, bound)
        self._unanswered = None
        self._schedule.done()
        return self.session.end()

    # ---- time and events

    def next_timeout(self) -> float | None:
        """When `handle_timeout` and `packets_to_send` are to be called at the latest."""
        times = [self.session.next_timeout()]
        if self._relay is not None:
            due, key = self._schedule.due, self._current.key
            times.append(key.renew_at if due is None and key is not None else due)
        return min((time for time in times if time is not None), default=None)

    def handle_timeout(self, now: float) -> None:
        """The time has come; what is due is sent by `packets_to_send`."""
        self._now = now
        self._answer(now)
        self.session.handle_timeout(now)

    def next_event(self) -> LinkEvent | None:
        """What happened, in order; None: nothing more."""
        if self._events:
            return self._events.popleft()
        event = self.session.next_event()
        if isinstance(event, SessionFailed):
            self._restart(f"the peer broke the protocol: {event.reason}", self._now)
        return event
