"""S7: proof, suspicion, the way back, and what may wait in a path."""

from typing import Any

import pytest

from peers.session.lane import SendLane
from peers.session.liveness import Liveness, Longest
from peers.session.routing import Path, Routes
from peers.session.unsequenced import Unsequenced
from peers.session.watch import Watch
from tests.sabotage.switch import Patch, Switch, always, constants, instead, lives, nothing, of

SUSPICION = "session/test_suspicion.py"
ROUTING = "session/test_routing.py"
FAILOVER = "session/test_failover.py"


def believe_hearing(patch: Patch) -> None:
    was = Liveness.hear

    def hear(self: Liveness, now: float) -> None:
        was(self, now)
        self.prove(now)

    patch.setattr(Liveness, "hear", hear)


def answer_for_the_older_path(patch: Patch) -> None:
    was = Watch.ponged

    def ponged(self: Watch, path: Path, number: int, now: float) -> None:
        recent = list(self._recent)
        was(self, path, number, now)
        if not self._recent:
            self._recent.extend(recent)

    patch.setattr(Watch, "ponged", ponged)


def count_from_the_last_heard(self: Liveness) -> float | None:
    silence, no_proof = self.patience()
    return None if self.asked is None else min(self.heard + silence, self.proof + no_proof)


def tell_nobody(patch: Patch) -> None:
    was = Watch.pinged

    def pinged(self: Watch, path: Path, number: int, suspect: int, now: float) -> None:
        was(self, path, number, 0, now)

    patch.setattr(Watch, "pinged", pinged)


def leave_the_suspect_alone(patch: Patch) -> None:
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


def take_no_notice(self: Routes, lane: Any, now: float) -> Path | None:
    return self.direct or self.relay


def acknowledge_by_the_suspect_alone(patch: Patch) -> None:
    was = Unsequenced._acknowledge

    def acknowledge(self: Unsequenced, now: float) -> None:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(Routes, "suspect", nothing)
            was(self, now)

    patch.setattr(Unsequenced, "_acknowledge", acknowledge)


def patience_as_if_quick(patch: Patch) -> None:
    was = Liveness.patience

    def patience(self: Liveness) -> tuple[float, float]:
        srtt, self.srtt = self.srtt, 0.0
        try:
            return was(self)
        finally:
            self.srtt = srtt

    patch.setattr(Liveness, "patience", patience)


SWITCHES = (
    Switch(
        "suspicion",
        ("S7", "P3"),
        "a direct path is never suspect",
        instead(Liveness, "suspicious_at", nothing),
        lives(0)
        + of(SUSPICION, "test_a_silent_cut_costs_half_a_second")
        + of(FAILOVER, "test_the_gap_when_direct_dies_silently")
        + of("session/test_pings.py", "test_a_program_that_sends_only_datagrams_notices_that_direct_is_dead"),
    ),
    Switch(
        "proof",
        ("S7", "P3"),
        "hearing the peer is taken for proof that it hears us",
        believe_hearing,
        of(SUSPICION, "test_a_peer_that_only_sends_is_not_proved"),
    ),
    Switch(
        "silence-from-the-question",
        ("S7", "P3"),
        "a path that nothing was asked of counts as silent",
        instead(Liveness, "suspicious_at", count_from_the_last_heard),
        of(SUSPICION, "test_a_long_idle_path_is_silent_from_the_question_on"),
    ),
    Switch(
        "ping-the-unproved",
        ("S7", "P3"),
        "outstanding data without proof is not pinged",
        instead(Liveness, "unproved_at", nothing),
        of(SUSPICION, "test_outstanding_data_without_proof_is_pinged"),
    ),
    Switch(
        "late-timers",
        ("S7", "P3"),
        "our own program's stall counts as the path's silence",
        instead(Liveness, "late", nothing),
        of(SUSPICION, "test_our_own_stall_is_not_the_peers_silence"),
    ),
    Switch(
        "tell-the-other",
        ("S7", "P3"),
        "who suspects does not tell the other side",
        tell_nobody,
        of(
            SUSPICION,
            "test_who_suspects_tells_the_other",
            "test_the_suspicious_say_so_over_the_relay_and_the_other_suspects_too",
        ),
    ),
    Switch(
        "learned-silences",
        ("S7", "P3"),
        "silences that ended well are not learned",
        instead(Longest, "note", nothing),
        of(SUSPICION, "test_silences_that_ended_well_are_learned"),
    ),
    Switch(
        "far-paths",
        ("S7",),
        "no more of a silence is learned of a far path than of a near one",
        instead(Liveness, "_most", lambda life: (life.rules.silence_most, life.rules.no_proof_most)),
        of(SUSPICION, "test_what_may_be_learned_of_a_far_path_is_longer"),
    ),
    Switch(
        "full-paths",
        ("S7",),
        "a path is given no more time when it is full",
        instead(Liveness, "in_flight", property(always(0), nothing)),
        of(SUSPICION, "test_a_far_path_that_is_full_may_be_silent_for_longer"),
    ),
    Switch(
        "new-paths",
        ("S7",),
        "a new path is given no more time than an old one",
        instead(Liveness, "begun", property(always(float("-inf")), nothing)),
        of(SUSPICION, "test_a_new_path_may_be_silent_for_as_long_as_any"),
    ),
    Switch(
        "three-pongs",
        ("S7",),
        "one pong makes a suspect path trusted",
        constants(pongs_back=1),
        of(SUSPICION, "test_a_suspect_path_is_trusted_after_three_pongs"),
    ),
    Switch(
        "hold-back",
        ("S7",),
        "a path that fails again and again is trusted at once each time",
        instead(Watch, "_hold_back", always(0.0)),
        of(SUSPICION, "test_a_path_that_is_suspect_again_and_again_is_held_back"),
    ),
    Switch(
        "a-path-for-itself",
        ("S7",),
        "a new path is held back for what the older one did",
        answer_for_the_older_path,
        of(SUSPICION, "test_a_new_path_does_not_answer_for_the_one_that_it_replaces"),
    ),
    Switch(
        "old-suspicions",
        ("S7",),
        "what the peer has said before a path was trusted again makes it suspect once more",
        instead(Liveness, "trusted", property(always(float("-inf")), nothing)),
        of(SUSPICION, "test_that_it_was_suspect_before_it_was_trusted_again_is_old_news"),
    ),
    Switch(
        "bulk-pause",
        ("S7",),
        "bulk follows over the relay at once",
        constants(bulk_pause=0.0),
        of(SUSPICION, "test_reliable_goes_by_the_relay_only_and_bulk_follows_after_2_s"),
    ),
    Switch(
        "suspect-serves",
        ("S7",),
        "without a relay nothing goes by a suspect path",
        leave_the_suspect_alone,
        of(SUSPICION, "test_without_a_relay_the_suspect_path_is_used"),
    ),
    Switch(
        "acknowledged-by-each-path",
        ("S7",),
        "an acknowledgement goes by the last path only",
        acknowledge_by_one_path,
        of(ROUTING, "test_acknowledgements_go_by_every_path_that_brought_a_frame"),
    ),
    Switch(
        "path-queue",
        ("S7", "P6"),
        "a megabyte may wait in a path, whatever its rate",
        constants(queue_time=9.0, queue_least=2**20, queue_most=2**20),
        of(ROUTING, "test_what_waits_in_a_path_is_bounded_by_its_rate"),
    ),
    Switch(
        "relay-queue",
        ("S7", "P6"),
        "what waits on the relay is not bounded",
        constants(relay_queue_least=2**30),
        of(ROUTING, "test_the_relay_holds_64_kib_and_what_is_on_its_way"),
    ),
    Switch(
        "empty-path",
        ("S7",),
        "an empty path takes no packet larger than its bound",
        no_room_for_large_packets,
        of(ROUTING, "test_an_empty_path_always_takes_one_packet"),
    ),
    Switch(
        "bulk-behind-reliable",
        ("S7",),
        "bulk goes ahead of the reliable lane",
        bulk_at_will,
        of(ROUTING, "test_bulk_never_goes_ahead_of_reliable"),
    ),
    Switch(
        "relay-while-suspect",
        ("S7", "P3"),
        "new frames go by a suspect path as before",
        instead(Routes, "route", take_no_notice),
        of(SUSPICION, "test_reliable_goes_by_the_relay_only_and_bulk_follows_after_2_s")
        + of(SUSPICION, "test_a_silent_cut_costs_half_a_second")
        + of(FAILOVER, "test_the_gap_when_direct_dies_silently"),
    ),
    Switch(
        "acknowledged-by-relay-while-suspect",
        ("S7", "P3"),
        "what comes by a suspect path is acknowledged there alone",
        acknowledge_by_the_suspect_alone,
        of(SUSPICION, "test_acknowledgements_go_by_the_relay_too_while_direct_is_suspect"),
    ),
    Switch(
        "four-round-trips",
        ("S7", "P3"),
        "a slow path has no more time than a quick one before it is suspect",
        patience_as_if_quick,
        of(SUSPICION, "test_before_anything_is_learned_a_slow_path_has_four_round_trips"),
    ),
)
