"""S5: whoever waits for something asks, and whoever is asked answers at once."""

from typing import Any

from peers.codec.payloads import Acknowledgement, Credit
from peers.session.receiver import Receiver
from peers.session.routing import Path
from peers.session.sender import Sender
from peers.session.unsequenced import Unsequenced
from tests.sabotage.switch import Patch, Switch, constants, instead, lives, nothing, of

PINGS = "session/test_pings.py"


def ask_for_frames_only(self: Sender) -> bool:
    return any(lane.unacked for lane in self.lanes)


def tell_nothing_in_pongs(patch: Patch) -> None:
    was = Receiver.credits

    def credits(self: Receiver, every: bool) -> list[Credit]:
        return [] if every else was(self, every)

    patch.setattr(Receiver, "credits", credits)


def answer_by_timer(patch: Patch) -> None:
    was = Unsequenced.fill

    def fill(self: Unsequenced, now: float, flights: Any) -> None:
        owed: dict[Path, list[int]] = {}
        if now < self.ack_due:
            for path in self._routes.paths.values():
                owed[path] = list(path.pongs_owed)
                path.pongs_owed.clear()
        was(self, now, flights)
        for path, numbers in owed.items():
            path.pongs_owed.extend(numbers)

    patch.setattr(Unsequenced, "fill", fill)


def learn_nothing_from_pongs(patch: Patch) -> None:
    was = Sender._finish

    def finish(self: Sender, told: Acknowledgement, whole: bool) -> None:
        was(self, told, False)

    patch.setattr(Sender, "_finish", finish)


def wait_behind_the_ordered(patch: Patch) -> None:
    was = Unsequenced._pack

    def pack(self: Unsequenced, path: Path, frames: Any, flights: Any) -> None:
        for flight in flights:
            if flight.instance == path.instance:
                flight.frames[:0] = frames
                return
        was(self, path, frames, flights)

    patch.setattr(Unsequenced, "_pack", pack)


SWITCHES = (
    Switch(
        "ask-while-waiting",
        ("S5", "P2"),
        "who waits for credit, a flush or a close sends no pings",
        instead(Sender, "outstanding", property(ask_for_frames_only)),
        of(
            PINGS,
            "test_who_waits_for_credit_asks_every_second",
            "test_who_waits_for_a_flush_asks_every_second",
            "test_who_waits_for_a_closed_channel_learns_its_end_from_a_pong",
        ),
    ),
    Switch(
        "pong-tells-all",
        ("S5", "P2"),
        "a pong carries no limits",
        tell_nothing_in_pongs,
        lives(0)
        + of(
            PINGS,
            "test_who_waits_for_credit_asks_every_second",
            "test_who_waits_for_a_flush_asks_every_second",
            "test_a_ping_is_answered_at_once_without_a_timer",
        ),
    ),
    Switch(
        "pong-at-once",
        ("S5",),
        "a pong waits for the next acknowledgement",
        answer_by_timer,
        of(PINGS, "test_a_pong_goes_by_the_path_of_its_ping"),
    ),
    Switch(
        "left-out-is-handled",
        ("S5",),
        "that a pong leaves a closed channel out says nothing",
        learn_nothing_from_pongs,
        of(PINGS, "test_who_waits_for_a_closed_channel_learns_its_end_from_a_pong"),
    ),
    Switch(
        "idle-pings",
        ("S5",),
        "an idle path is not pinged",
        constants(ping_idle=1e9),
        of(PINGS, "test_an_idle_path_is_pinged_every_5_s"),
    ),
    Switch(
        "datagrams-outstanding",
        ("S5", "P3"),
        "who sends only datagrams asks for nothing",
        instead(Path, "datagram", nothing),
        of(
            PINGS,
            "test_a_datagram_is_outstanding_until_a_later_pong",
            "test_a_program_that_sends_only_datagrams_notices_that_direct_is_dead",
        ),
    ),
    Switch(
        "sleep-without-a-path",
        ("S4", "S5"),
        "an acknowledgement that no path can carry keeps the program awake",
        instead(Unsequenced, "next_timeout", lambda self: self.ack_due),
        of(
            "session/test_link_core.py",
            "test_whoever_drives_it_may_sleep_until_message_1_is_answered_or_sent_again",
        ),
    ),
    Switch(
        "unsequenced-apart",
        ("S5", "P3"),
        "on direct, pings and acknowledgements travel with the ordered frames",
        wait_behind_the_ordered,
        of(PINGS, "test_unsequenced_frames_never_wait_behind_ordered_ones_on_direct"),
    ),
)
