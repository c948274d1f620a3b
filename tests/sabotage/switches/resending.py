"""S6: what goes again, when, and how much of it."""

from peers.codec.payloads import Acknowledgement
from peers.session.lane import SendLane
from peers.session.link_core import LinkCore
from peers.session.routing import Path, Routes
from peers.session.sender import Sender
from tests.sabotage.switch import Patch, Switch, always, constants, instead, lives, nothing, of

RESEND = "session/test_resend.py"


def patience_of_all_lanes(patch: Patch) -> None:
    was = Sender.acknowledged

    def acknowledged(self: Sender, told: Acknowledgement, path: Path, whole: bool, now: float) -> int:
        moved = was(self, told, path, whole, now)
        if moved:
            for lane in self.lanes:
                lane.progress = now
        return moved

    patch.setattr(Sender, "acknowledged", acknowledged)


def send_again_never(patch: Patch) -> None:
    patch.setattr(SendLane, "_want", nothing)


def one_instance_for_all(patch: Patch) -> None:
    was = LinkCore.relay_changed

    def changed(self: LinkCore, mine: int | None, theirs: int | None, now: float) -> None:
        if mine is not None and theirs is not None:
            was(self, 1, 1, now)

    patch.setattr(LinkCore, "relay_changed", changed)


SWITCHES = (
    Switch(
        "resend",
        ("S6", "P2"),
        "nothing is ever sent again",
        send_again_never,
        lives(0)
        + of("session/test_machine.py", "TestMachine::runTest")
        + of(
            RESEND,
            "test_what_only_an_ended_path_carried_goes_by_another",
            "test_what_the_relay_carried_goes_again_when_the_peer_returns",
            "test_what_the_server_refused_goes_again_after_a_pause",
            "test_what_a_suspect_path_carries_goes_by_the_relay_too",
            "test_what_the_server_lost_without_a_word_goes_again_in_time",
        )
        + of("peers/test_connection.py", "test_the_server_killed_and_restarted_in_mid_stream"),
    ),
    Switch(
        "resend-ended",
        ("S6", "P2"),
        "what an ended path instance carried is not sent again",
        instead(SendLane, "ended", nothing),
        of(
            RESEND,
            "test_what_only_an_ended_path_carried_goes_by_another",
            "test_what_the_relay_carried_goes_again_when_the_peer_returns",
        ),
    ),
    Switch(
        "resend-refused",
        ("S6", "V4", "P2"),
        "what the server refused is not sent again",
        instead(Sender, "lost", nothing),
        of(RESEND, "test_what_the_server_refused_goes_again_after_a_pause"),
    ),
    Switch(
        "resend-suspect",
        ("S6", "S7", "P3"),
        "what a suspect path carries waits for it",
        instead(SendLane, "doubt", nothing),
        of(RESEND, "test_what_a_suspect_path_carries_goes_by_the_relay_too")
        + of("session/test_suspicion.py", "test_bulk_under_way_on_a_suspect_path_follows_after_2_s"),
    ),
    Switch(
        "resend-late",
        ("S6", "P2"),
        "what was lost without a word is not sent again",
        instead(SendLane, "timeout_at", always(float("inf"))),
        of(RESEND, "test_what_the_server_lost_without_a_word_goes_again_in_time")
        + of("session/test_ends.py", "test_a_lost_bye_goes_again"),
    ),
    Switch(
        "late-is-not-lost",
        ("S6",),
        "a lane that is merely slow is sent again",
        constants(timeout_least=0.4, timeout_rtts=0.1),
        of(RESEND, "test_being_late_is_no_reason"),
    ),
    Switch(
        "oldest-only",
        ("S6",),
        "a timeout sends all of a lane again",
        constants(timeout_burst=2**30),
        of(RESEND, "test_only_the_oldest_are_sent_again_for_silence_and_ever_later"),
    ),
    Switch(
        "then-the-others",
        ("S6",),
        "beyond the first burst a timeout sends nothing again",
        lambda patch: patch.setattr(SendLane, "_given_up", property(always(False), nothing), raising=False),
        of(RESEND, "test_one_timeout_is_enough_for_all_that_was_lost"),
    ),
    Switch(
        "patience-of-a-lane",
        ("S6",),
        "an acknowledgement of one lane is progress of the other",
        patience_of_all_lanes,
        of(RESEND, "test_each_lane_has_its_own_patience"),
    ),
    Switch(
        "busy",
        ("S6", "P6"),
        "a busy server is sent to as before",
        instead(Routes, "busy", nothing),
        of(
            RESEND,
            "test_busy_pauses_ever_longer_and_halves_what_may_be_unacknowledged",
            "test_a_busy_server_is_not_stormed",
        ),
    ),
    Switch(
        "away",
        ("S6",),
        "who is away is sent to as before",
        instead(Routes, "gone", nothing),
        of(RESEND, "test_away_waits_for_the_peers_return"),
    ),
    Switch(
        "no-path-no-lateness",
        ("S6",),
        "time without any path counts as lateness",
        instead(Sender, "resumed", nothing),
        of(RESEND, "test_time_without_any_path_is_no_lateness"),
    ),
    Switch(
        "ever-later",
        ("S6",),
        "a lane that stays silent is sent again every 3 s",
        constants(timeout_most=3.0),
        of(RESEND, "test_only_the_oldest_are_sent_again_for_silence_and_ever_later"),
    ),
    Switch(
        "a-connection-is-an-instance",
        ("S6", "P2"),
        "what an old connection carried is not known to be lost with it",
        one_instance_for_all,
        of("session/test_link_core.py", "test_keys_outlive_connections"),
    ),
)
