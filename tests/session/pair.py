"""Two link cores over a pretended server, for tests: what is in flight lies in a list, and time is a number.

Random bytes come from a counter, so a run can be repeated to the byte.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from peers.codec.frames import FrameType
from peers.noise import public_key
from peers.session.binding import EndedHalves
from peers.session.credit import Budget
from peers.session.events import MessageReceived, Outbound
from peers.session.handshake import Me, Remote
from peers.session.link_core import DirectEnded, LinkCore, Outgoing, Ready, SessionEnded, SessionStarted
from peers.session.rules import Rules
from signalling.protocol.ids import peer_id
from signalling.protocol.statements import Statement, sign_statement

ROOM = "lobby"


def counted(seed: str) -> Callable[[int], bytes]:
    """Bytes that look random and are the same in every run."""
    count = 0

    def random(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(f"{seed} {count}".encode()).digest(size)

    return random


class Program:
    """A peer's program: its keys, and what it knows. `restart` gives it a new incarnation.

    It remembers the ended halves of so many peers.
    """

    def __init__(self, name: str, *, room: str = ROOM, remembered: int = 65_536) -> None:
        self.name, self.room, self.remembered = name, room, remembered
        self.random = counted(name)
        self.private = Ed25519PrivateKey.from_private_bytes(self.random(32))
        self.key = self.private.public_key().public_bytes_raw()
        self.id = peer_id(self.key)
        self.incarnation = 1_000
        self.restart()

    def restart(self) -> None:
        """A new life: the identity stays, all else is forgotten."""
        self.incarnation += 1
        self.static = self.random(32)
        self.ended = EndedHalves(self.remembered)
        self.numbers: Iterator[int] = iter(range(1, 2**32))
        self.statement = self.state()

    def state(self, **changes: Any) -> bytes:
        """Its signed statement, or one that differs in some field."""
        fields: dict[str, Any] = {
            "room": self.room,
            "key": self.key,
            "incarnation": self.incarnation,
            "static": public_key(self.static),
            "profile_version": 1,
            "profile_hash": hashlib.sha256(b"{}").digest(),
        }
        return sign_statement(Statement(**(fields | changes)), self.private.sign)

    @property
    def me(self) -> Me:
        return Me(self.id, self.key, self.incarnation, self.static, self.statement)

    @property
    def remote(self) -> Remote:
        return Remote(self.id, self.key, self.incarnation, public_key(self.static))


class Side:
    """One end of a link, and what its application has seen."""

    def __init__(self, program: Program, peer: Program, now: float = 0.0, **options: Any) -> None:
        self.program, self.peer = program, peer
        arguments: dict[str, Any] = {
            "room": program.room,
            "me": program.me,
            "peer": peer.remote,
            "ended": program.ended,
            "next_number": program.numbers.__next__,
            "random": program.random,
            "settings": {"direct": True},
            "rules": Rules(),
            "budget": Budget(),
            "now": now,
        }
        self.core = LinkCore(**(arguments | options))
        self.received: list[bytes] = []
        self.undelivered: list[bytes] = []
        self.events: list[Any] = []

    def send(self, payload: bytes, now: float) -> Outbound:
        """Send on the default channel."""
        return self.core.session.send(0, FrameType.BYTES, payload, now)

    def poll(self, now: float) -> None:
        """Take the events; every message counts as handled at once."""
        while (event := self.core.next_event()) is not None:
            if isinstance(event, MessageReceived):
                self.received.append(event.payload)
                self.core.session.handled(event.channel, event.charge, now)
            elif isinstance(event, SessionEnded):
                self.undelivered += [message.payload for message in event.undelivered]
            if isinstance(event, Ready | SessionEnded | SessionStarted | DirectEnded):
                self.events.append(event)

    def seen(self, kind: type) -> list[Any]:
        """Its events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def packets(self, now: float) -> list[Outgoing]:
        """What it sends now."""
        self.poll(now)
        out = self.core.packets_to_send(now)
        self.poll(now)
        return out


class Pair:
    """Two sides whose packets are delivered at once, or by hand."""

    def __init__(self, **options: Any) -> None:
        self.now = 100.0
        self.a_program, self.b_program = Program("a"), Program("b")
        self.a = Side(self.a_program, self.b_program, self.now, **options)
        self.b = Side(self.b_program, self.a_program, self.now, **options)
        self.log: list[tuple[str, bytes]] = []
        """Every packet that was given to the relay, with its sender's name."""
        self.connect()

    def connect(self, a: int = 1, b: int = 1) -> None:
        """Both have a connection to the server."""
        self.a.core.relay_changed(a, b, self.now)
        self.b.core.relay_changed(b, a, self.now)

    def other(self, side: Side) -> Side:
        return self.b if side is self.a else self.a

    def take(self, side: Side) -> list[bytes]:
        """The relay packets a side sends now, not delivered yet."""
        packets = [outgoing.packet for outgoing in side.packets(self.now) if outgoing.attempt is None]
        self.log += [(side.program.name, packet) for packet in packets]
        return packets

    def give(self, side: Side, packets: list[bytes]) -> None:
        """Deliver packets to a side."""
        for packet in packets:
            side.core.receive_relay(packet, self.now)
        side.poll(self.now)

    def run(self, seconds: float = 0.0, step: float = 0.01) -> None:
        """Deliver everything until nothing moves; then let `seconds` pass, timers and all."""
        end = self.now + seconds
        while True:
            for _ in range(100):
                to_b, to_a = self.take(self.a), self.take(self.b)
                self.give(self.b, to_b)
                self.give(self.a, to_a)
                if not to_a and not to_b:
                    break
            else:
                raise AssertionError("the two never stop talking")
            if self.now >= end:
                return
            self.now += step
            for side in (self.a, self.b):
                due = side.core.next_timeout()
                if due is not None and due <= self.now:
                    side.core.handle_timeout(self.now)


def kinds(packets: list[bytes]) -> list[int]:
    """What each packet says it is."""
    return [packet[0] for packet in packets]


def ready(pair: Pair | None = None) -> Pair:
    """Two that have met."""
    pair = pair or Pair()
    pair.a.core.start(pair.now)
    pair.run(0.1)
    assert pair.a.core.bound
    assert pair.b.core.bound
    return pair


def ids(pair: Pair) -> tuple[int | None, int | None]:
    """The keys with which the two seal."""
    a, b = (side.core._current.keys.latest for side in (pair.a, pair.b))
    return a.id if a else None, b.id if b else None


def discard(pair: Pair, side: Side) -> Side:
    """The side gives its link up and makes another."""
    side.core.end(pair.now)
    fresh = Side(side.program, side.peer, pair.now)
    if side is pair.a:
        pair.a = fresh
    else:
        pair.b = fresh
    pair.connect()
    return fresh
