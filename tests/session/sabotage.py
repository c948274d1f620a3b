"""Ways to break a session, one mechanism at a time. Each takes pytest's MonkeyPatch, which mends it again."""

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from peers.codec.frames import Frame
from peers.codec.payloads import Acknowledgement, Credit
from peers.session.byes import Byes
from peers.session.credit import SendChannel
from peers.session.events import Outbound
from peers.session.lane import SendLane
from peers.session.liveness import Liveness
from peers.session.receiver import ReceiveChannel, ReceiveLane, Receiver
from peers.session.routing import Path, Routes
from peers.session.rules import Rules
from peers.session.sender import Sender
from peers.session.unsequenced import Unsequenced
from peers.session.watch import Watch
from tests.session import simulation

Patch = pytest.MonkeyPatch


def nothing(*_: object, **__: object) -> None:
    """In place of something that should happen."""


def forever(*_: object) -> float:
    """In place of a moment that should come."""
    return float("inf")


def constants(**changes: Any) -> Callable[[Patch], None]:
    """Other constants, the protocol's and the simulations'."""

    def breaks(patch: Patch) -> None:
        patch.setattr(simulation, "SMALL", msgspec.structs.replace(simulation.SMALL, **changes))
        patch.setattr("peers.session.session.Rules", lambda: Rules(**changes))

    return breaks


def method(owner: type, name: str, instead: Any) -> Callable[[Patch], None]:
    """Another method, or property."""
    return lambda patch: patch.setattr(owner, name, instead)


# ---- S3


def take_copies(self: Receiver, frame: Frame) -> None:
    lane = self.lanes[frame.lane]
    if frame.seq < lane.next:
        self._take(frame)
    elif frame.seq == lane.next:
        lane.next += 1
        self._take(frame)
        for kept in lane.release():
            self._take(kept)
    else:
        lane.keep(frame)


def take_at_once(self: Receiver, frame: Frame) -> None:
    lane = self.lanes[frame.lane]
    if frame.seq >= lane.next:
        lane.next = frame.seq + 1
        self._take(frame)


def keep_everything(self: ReceiveLane, frame: Frame) -> None:
    self.buffer[frame.seq] = frame
    self.buffered += len(frame.payload)


class Stubborn(deque[SendChannel]):
    """One channel goes on as long as it has something."""

    def rotate(self, n: int = 1, /) -> None:
        """Don't."""


def one_by_one(patch: Patch) -> None:
    was = SendLane.__init__

    def init(self: SendLane, *args: Any) -> None:
        was(self, *args)
        self.ready = Stubborn()

    patch.setattr(SendLane, "__init__", init)


def number_again(patch: Patch) -> None:
    """What is sent again gets a new number."""
    was = SendLane._want

    def want(self: SendLane, chosen: Any, why: int) -> None:
        for item in self.unacked:
            if chosen(item):
                item.frame = msgspec.structs.replace(item.frame, seq=self.next)
                self.next += 1
        was(self, lambda item: True, why)

    patch.setattr(SendLane, "_want", want)


# ---- S4


def block_the_lane(patch: Patch) -> None:
    """A channel without credit stops all of its lane."""
    was = SendLane._new
    lanes: dict[int, SendLane] = {}

    def new(self: SendLane, path: Path, packer: Any, now: float) -> bool:
        before = list(self.ready)
        if lanes.get(id(self)) is self and any(channel.starved for channel in self.known):  # type: ignore[attr-defined]
            return True
        lanes[id(self)] = self
        self.known = getattr(self, "known", set()) | set(before)  # type: ignore[attr-defined]
        return was(self, path, packer, now)

    patch.setattr(SendLane, "_new", new)


def acknowledge_the_handled(patch: Patch) -> None:
    was = Unsequenced._acknowledgement

    def acknowledgement(self: Unsequenced, every: bool) -> bytes:
        if any(channel.pending for channel in self._receiver.channels.values()):
            return bytes(4) + b"\0\1" + bytes(4) + b"\0\1"
        return was(self, every)

    patch.setattr(Unsequenced, "_acknowledgement", acknowledgement)


def without_limit(patch: Patch) -> None:
    """Senders take no notice of credit."""
    was = SendChannel.__init__

    def init(self: SendChannel, *args: Any) -> None:
        was(self, *args)
        self.limit = 2**40

    patch.setattr(SendChannel, "__init__", init)


def grow_by_halves_only(self: ReceiveChannel) -> bool:
    limit = self.handled + self.window
    if limit - self.limit >= self.window // 2:
        self.limit = limit
        return True
    return False


def grow_always(self: ReceiveChannel) -> bool:
    self.limit = self.handled + self.window
    return True


def lower_limits(self: SendChannel, limit: int, handled: int, rules: Rules) -> bool:
    self.limit, self.handled = limit, handled
    return True


# ---- S5


def ask_for_frames_only(self: Sender) -> bool:
    return any(lane.unacked for lane in self.lanes)


def tell_nothing_in_pongs(patch: Patch) -> None:
    was = Receiver.credits

    def credits(self: Receiver, every: bool) -> list[Credit]:
        return [] if every else was(self, every)

    patch.setattr(Receiver, "credits", credits)


def answer_by_timer(patch: Patch) -> None:
    """Pongs wait for the next acknowledgement."""
    was = Unsequenced.fill

    def fill(self: Unsequenced, now: float, flights: Any) -> None:
        if now >= self.ack_due:
            was(self, now, flights)

    patch.setattr(Unsequenced, "fill", fill)


def learn_nothing_from_pongs(patch: Patch) -> None:
    was = Sender._finish

    def finish(self: Sender, told: Acknowledgement, whole: bool) -> None:
        was(self, told, False)

    patch.setattr(Sender, "_finish", finish)


# ---- S6


def patience_of_all_lanes(patch: Patch) -> None:
    """An acknowledgement of one lane is progress of the other one."""
    was = Sender.acknowledged

    def acknowledged(self: Sender, told: Acknowledgement, path: Path, whole: bool, now: float) -> int:
        moved = was(self, told, path, whole, now)
        if moved:
            for lane in self.lanes:
                lane.progress = now
        return moved

    patch.setattr(Sender, "acknowledged", acknowledged)


def give_up_for_good(patch: Patch) -> None:
    """Beyond the first burst a timeout sends nothing again."""
    patch.setattr(SendLane, "_given_up", property(lambda self: False, nothing), raising=False)


# ---- S7


def believe_hearing(patch: Patch) -> None:
    was = Liveness.hear

    def hear(self: Liveness, now: float) -> None:
        was(self, now)
        self.prove(now)

    patch.setattr(Liveness, "hear", hear)


def count_from_the_last_heard(self: Liveness) -> float | None:
    silence, no_proof = self.patience()
    return None if self.asked is None else min(self.heard + silence, self.proof + no_proof)


def tell_nobody(patch: Patch) -> None:
    was = Watch.pinged

    def pinged(self: Watch, path: Path, number: int, suspect: int, now: float) -> None:
        was(self, path, number, 0, now)

    patch.setattr(Watch, "pinged", pinged)


def leave_the_suspect_alone(patch: Patch) -> None:
    """Without a relay nothing goes by a suspect path."""
    was = Routes.route

    def route(self: Routes, lane: Any, now: float) -> Path | None:
        path = was(self, lane, now)
        return None if path is not None and path.life.suspect else path

    patch.setattr(Routes, "route", route)


def acknowledge_by_one_path(patch: Patch) -> None:
    was = Unsequenced.received

    def received(self: Unsequenced, path: Path, size: int, now: float) -> None:
        for other in self._routes.paths.values():
            other.ack_owed = False
        was(self, path, size, now)

    patch.setattr(Unsequenced, "received", received)


def bulk_at_will(patch: Patch) -> None:
    was = SendLane.fill

    def fill(self: SendLane, path: Path, room: float, now: float, flights: Any) -> bool:
        was(self, path, room, now, flights)
        return False

    patch.setattr(SendLane, "fill", fill)


def no_room_for_large_packets(patch: Patch) -> None:
    was = Routes.room

    def room(self: Routes, path: Path, now: float) -> float:
        return min(was(self, path, now), self._rules.queue_most - path.waiting)

    patch.setattr(Routes, "room", room)


# ---- S8


def call_received_handled(patch: Patch) -> None:
    def credits(self: Receiver, every: bool) -> list[Credit]:
        return [(c.number, max(c.limit, c.received), c.received) for c in self.channels.values()]

    patch.setattr(Receiver, "credits", credits)


def forget_what_came(patch: Patch) -> None:
    """At the bye what was received and not handled is thrown away."""
    was = Byes.check

    def check(self: Byes, now: float) -> bool:
        if self._receiver.complete:
            self._events.clear()
        return was(self, now)

    patch.setattr(Byes, "check", check)


def report_queues_only(patch: Patch) -> None:
    was = Sender.end

    def end(self: Sender) -> list[Outbound]:
        for lane in self.lanes:
            lane.unacked.clear()
        return was(self)

    patch.setattr(Sender, "end", end)
