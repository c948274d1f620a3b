"""S4: acknowledgement on receipt, windows, and credit for each channel."""

from typing import Any

from peers.session.credit import Budget, SendChannel
from peers.session.lane import SendLane
from peers.session.receiver import ReceiveChannel
from peers.session.routing import Path
from peers.session.rules import Rules
from peers.session.sender import Sender
from peers.session.unsequenced import Unsequenced
from tests.sabotage.switch import Patch, Switch, always, constants, instead, lives, nothing, of

CREDIT = "session/test_credit.py"


def block_the_lane(patch: Patch) -> None:
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


SWITCHES = (
    Switch(
        "credit",
        ("S4", "P6"),
        "senders take no notice of credit",
        without_limit,
        of(CREDIT, "test_no_more_goes_than_there_is_credit_for")
        + of(CREDIT, "test_can_send_is_false_when_full_and_ready_comes_later"),
    ),
    Switch(
        "credit-for-each-channel",
        ("S4",),
        "a channel without credit stops all of its lane",
        block_the_lane,
        lives(0) + of(CREDIT, "test_a_channel_without_credit_stops_no_other"),
    ),
    Switch(
        "acknowledged-on-receipt",
        ("S4",),
        "frames are acknowledged when they have been handled",
        acknowledge_the_handled,
        lives(0) + of(CREDIT, "test_frames_are_acknowledged_when_they_come_not_when_they_are_handled"),
    ),
    Switch(
        "acknowledged-in-time",
        ("S4",),
        "an acknowledgement waits for half a second",
        constants(ack_delay=0.5),
        of(CREDIT, "test_an_acknowledgement_waits_20_ms"),
    ),
    Switch(
        "acknowledged-by-size",
        ("S4",),
        "an acknowledgement waits however much has come",
        constants(ack_bytes=2**30),
        of(CREDIT, "test_an_acknowledgement_comes_at_once_after_128_kib"),
    ),
    Switch(
        "window-bytes",
        ("S4", "P6"),
        "a lane sends without end before it is acknowledged",
        constants(reliable_window=2**40, bulk_window=2**40),
        of(CREDIT, "test_a_lane_sends_no_more_than_its_window"),
    ),
    Switch(
        "window-frames",
        ("S4", "P6"),
        "the window has no limit of frames",
        constants(frame_window=2**40),
        of(CREDIT, "test_a_lane_sends_no_more_frames_than_its_window"),
    ),
    Switch(
        "charge",
        ("S4", "P6"),
        "frames cost next to no credit beside their payload",
        constants(frame_charge=1),
        of(CREDIT, "test_the_smallest_messages_cost_credit_too"),
    ),
    Switch(
        "limit-when-nothing-waits",
        ("S4",),
        "the limit is raised by half a window only",
        instead(ReceiveChannel, "grow", grow_by_halves_only),
        lives(0) + of(CREDIT, "test_the_largest_messages_fit_one_after_another"),
    ),
    Switch(
        "limit-by-halves",
        ("S4",),
        "the limit is raised with every message",
        instead(ReceiveChannel, "grow", grow_always),
        of(CREDIT, "test_the_limit_is_raised_by_half_a_window_while_messages_wait"),
    ),
    Switch(
        "limits-grow",
        ("S4",),
        "an older acknowledgement lowers a limit",
        instead(SendChannel, "grant", lower_limits),
        of(CREDIT, "test_limits_are_never_lowered"),
    ),
    Switch(
        "ready",
        ("S4",),
        "nobody is told that there is room again",
        instead(Sender, "wake", nothing),
        of(CREDIT, "test_can_send_is_false_when_full_and_ready_comes_later", "test_all_links_share_a_budget"),
    ),
    Switch(
        "budget",
        ("S4", "P6"),
        "the links of a client share no budget",
        instead(Budget, "has_room", always(True)),
        of(CREDIT, "test_all_links_share_a_budget"),
    ),
)
