"""Each mechanism of the session is broken once: the test that is there for it must fail, which shows that it looks.

A sabotage names what it breaks and the tests of it; those pass with the product as it is, elsewhere in this directory.
"""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from peers.session.credit import SendChannel
from peers.session.lane import SendLane
from peers.session.liveness import Liveness, Longest
from peers.session.receiver import ReceiveChannel, ReceiveLane, Receiver
from peers.session.routing import Path, Routes
from peers.session.sender import Sender
from peers.session.unsequenced import Unsequenced
from peers.session.watch import Watch
from tests.session import sabotage as by
from tests.session import test_credit as credit
from tests.session import test_datagrams as datagrams
from tests.session import test_ends as ends
from tests.session import test_order as order
from tests.session import test_pings as pings
from tests.session import test_resend as resend
from tests.session import test_routing as routing
from tests.session import test_suspicion as suspicion
from tests.session.lives import some_lives


class Sabotage(NamedTuple):
    """What is broken, how, and the tests that must notice, each by itself."""

    rule: str
    breaks: Callable[[pytest.MonkeyPatch], None]
    noticed_by: tuple[Callable[[], None], ...]


SABOTAGES = (
    Sabotage(
        "S3 copies are dropped",
        by.method(Receiver, "sequenced", by.take_copies),
        (some_lives, order.test_a_copy_is_dropped, order.test_a_server_that_passes_everything_on_twice_changes_nothing),
    ),
    Sabotage(
        "S3 frames are put in order",
        by.method(Receiver, "sequenced", by.take_at_once),
        (
            some_lives,
            order.test_frames_are_put_in_order,
        ),
    ),
    Sabotage(
        "S3 nothing beyond the window",
        by.method(ReceiveLane, "keep", by.keep_everything),
        (order.test_a_frame_beyond_the_window_is_dropped, order.test_the_buffer_is_bounded_in_bytes),
    ),
    Sabotage("S3 channels interleave", by.one_by_one, (order.test_chunks_of_a_message_interleave_with_other_channels,)),
    Sabotage("S3 a number is given once", by.number_again, (order.test_what_is_sent_again_is_the_same_frame,)),
    Sabotage(
        "S4 number only with credit",
        by.block_the_lane,
        (
            some_lives,
            credit.test_a_channel_without_credit_stops_no_other,
        ),
    ),
    Sabotage(
        "S4 acknowledged on receipt",
        by.acknowledge_the_handled,
        (
            some_lives,
            credit.test_frames_are_acknowledged_when_they_come_not_when_they_are_handled,
        ),
    ),
    Sabotage("S4 within 20 ms", by.constants(ack_delay=0.5), (credit.test_an_acknowledgement_waits_20_ms,)),
    Sabotage(
        "S4 within 128 KiB",
        by.constants(ack_bytes=2**30),
        (credit.test_an_acknowledgement_comes_at_once_after_128_kib,),
    ),
    Sabotage(
        "S4 window in bytes",
        by.constants(reliable_window=2**40, bulk_window=2**40),
        (credit.test_a_lane_sends_no_more_than_its_window,),
    ),
    Sabotage(
        "S4 window in frames",
        by.constants(frame_window=2**40),
        (credit.test_a_lane_sends_no_more_frames_than_its_window,),
    ),
    Sabotage(
        "S4 credit",
        by.without_limit,
        (
            credit.test_no_more_goes_than_there_is_credit_for,
            credit.test_can_send_is_false_when_full_and_ready_comes_later,
        ),
    ),
    Sabotage(
        "S4 each frame charges", by.constants(frame_charge=1), (credit.test_the_smallest_messages_cost_credit_too,)
    ),
    Sabotage(
        "S4 raised when nothing waits",
        by.method(ReceiveChannel, "grow", by.grow_by_halves_only),
        (
            some_lives,
            credit.test_the_largest_messages_fit_one_after_another,
        ),
    ),
    Sabotage(
        "S4 raised by half a window",
        by.method(ReceiveChannel, "grow", by.grow_always),
        (credit.test_the_limit_is_raised_by_half_a_window_while_messages_wait,),
    ),
    Sabotage(
        "S4 never lowered", by.method(SendChannel, "grant", by.lower_limits), (credit.test_limits_are_never_lowered,)
    ),
    Sabotage(
        "S4 a full channel says when it has room",
        by.method(Sender, "wake", by.nothing),
        (credit.test_can_send_is_false_when_full_and_ready_comes_later, credit.test_all_links_share_a_budget),
    ),
    Sabotage(
        "S5 ask while waiting for credit",
        by.method(Sender, "outstanding", property(by.ask_for_frames_only)),
        (
            pings.test_who_waits_for_credit_asks_every_second,
            pings.test_who_waits_for_a_flush_asks_every_second,
            pings.test_who_waits_for_a_closed_channel_learns_its_end_from_a_pong,
        ),
    ),
    Sabotage(
        "S5 a pong carries all limits",
        by.tell_nothing_in_pongs,
        (
            some_lives,
            pings.test_who_waits_for_credit_asks_every_second,
            pings.test_who_waits_for_a_flush_asks_every_second,
            pings.test_a_ping_is_answered_at_once_without_a_timer,
        ),
    ),
    Sabotage("S5 a ping is answered at once", by.answer_by_timer, (pings.test_a_pong_goes_by_the_path_of_its_ping,)),
    Sabotage(
        "S5 what a pong leaves out is handled",
        by.learn_nothing_from_pongs,
        (pings.test_who_waits_for_a_closed_channel_learns_its_end_from_a_pong,),
    ),
    Sabotage("S5 idle paths are pinged", by.constants(ping_idle=1e9), (pings.test_an_idle_path_is_pinged_every_5_s,)),
    Sabotage(
        "S5 a datagram is outstanding",
        by.method(Path, "datagram", by.nothing),
        (
            pings.test_a_datagram_is_outstanding_until_a_later_pong,
            pings.test_a_program_that_sends_only_datagrams_notices_that_direct_is_dead,
        ),
    ),
    Sabotage(
        "S6 resend: ended",
        by.method(SendLane, "ended", by.nothing),
        (
            resend.test_what_only_an_ended_path_carried_goes_by_another,
            resend.test_what_the_relay_carried_goes_again_when_the_peer_returns,
        ),
    ),
    Sabotage(
        "S6 resend: refused",
        by.method(Sender, "lost", by.nothing),
        (resend.test_what_the_server_refused_goes_again_after_a_pause,),
    ),
    Sabotage(
        "S6 resend: suspect",
        by.method(SendLane, "doubt", by.nothing),
        (
            resend.test_what_a_suspect_path_carries_goes_by_the_relay_too,
            suspicion.test_bulk_under_way_on_a_suspect_path_follows_after_2_s,
        ),
    ),
    Sabotage(
        "S6 resend: time",
        by.method(SendLane, "timeout_at", by.forever),
        (resend.test_what_the_server_lost_without_a_word_goes_again_in_time, ends.test_a_lost_bye_goes_again),
    ),
    Sabotage(
        "S6 no resend for being late",
        by.constants(timeout_least=0.4, timeout_rtts=0.1),
        (resend.test_being_late_is_no_reason,),
    ),
    Sabotage(
        "S6 only the oldest, and doubling",
        by.constants(timeout_burst=2**30),
        (resend.test_only_the_oldest_are_sent_again_for_silence_and_ever_later,),
    ),
    Sabotage("S6 then the others", by.give_up_for_good, (resend.test_one_timeout_is_enough_for_all_that_was_lost,)),
    Sabotage("S6 each lane for itself", by.patience_of_all_lanes, (resend.test_each_lane_has_its_own_patience,)),
    Sabotage(
        "S6 busy",
        by.method(Routes, "busy", by.nothing),
        (
            resend.test_busy_pauses_ever_longer_and_halves_what_may_be_unacknowledged,
            resend.test_a_busy_server_is_not_stormed,
        ),
    ),
    Sabotage("S6 away", by.method(Routes, "gone", by.nothing), (resend.test_away_waits_for_the_peers_return,)),
    Sabotage(
        "S6 no path, no lateness",
        by.method(Sender, "resumed", by.nothing),
        (resend.test_time_without_any_path_is_no_lateness,),
    ),
    Sabotage(
        "S7 suspicion",
        by.method(Liveness, "suspicious_at", by.nothing),
        (some_lives, suspicion.cut_both, pings.test_a_program_that_sends_only_datagrams_notices_that_direct_is_dead),
    ),
    Sabotage("S7 proof, not hearing", by.believe_hearing, (suspicion.test_a_peer_that_only_sends_is_not_proved,)),
    Sabotage(
        "S7 from the question on",
        by.method(Liveness, "suspicious_at", by.count_from_the_last_heard),
        (suspicion.test_a_long_idle_path_is_silent_from_the_question_on,),
    ),
    Sabotage(
        "S7 unproved data is pinged",
        by.method(Liveness, "unproved_at", by.nothing),
        (suspicion.test_outstanding_data_without_proof_is_pinged,),
    ),
    Sabotage(
        "S7 late timers",
        by.method(Liveness, "late", by.nothing),
        (suspicion.test_our_own_stall_is_not_the_peers_silence,),
    ),
    Sabotage(
        "S7 the other is told",
        by.tell_nobody,
        (
            suspicion.test_who_suspects_tells_the_other,
            suspicion.test_the_suspicious_say_so_over_the_relay_and_the_other_suspects_too,
        ),
    ),
    Sabotage(
        "S7 silences are learned",
        by.method(Longest, "note", by.nothing),
        (suspicion.test_silences_that_ended_well_are_learned,),
    ),
    Sabotage(
        "S7 three pongs", by.constants(pongs_back=1), (suspicion.test_a_suspect_path_is_trusted_after_three_pongs,)
    ),
    Sabotage(
        "S7 held back",
        by.method(Watch, "_hold_back", lambda self: 0.0),
        (suspicion.test_a_path_that_is_suspect_again_and_again_is_held_back,),
    ),
    Sabotage(
        "S7 bulk pauses",
        by.constants(bulk_pause=0.0),
        (suspicion.test_reliable_goes_by_the_relay_only_and_bulk_follows_after_2_s,),
    ),
    Sabotage(
        "S7 the suspect path serves",
        by.leave_the_suspect_alone,
        (suspicion.test_without_a_relay_the_suspect_path_is_used,),
    ),
    Sabotage(
        "S7 acknowledged by each path",
        by.acknowledge_by_one_path,
        (routing.test_acknowledgements_go_by_every_path_that_brought_a_frame,),
    ),
    Sabotage(
        "S7 the queue is bounded",
        by.constants(queue_time=9.0, queue_least=2**20, queue_most=2**20),
        (routing.test_what_waits_in_a_path_is_bounded_by_its_rate,),
    ),
    Sabotage(
        "S7 64 KiB on the relay",
        by.constants(relay_queue_least=2**30),
        (routing.test_the_relay_holds_64_kib_and_what_is_on_its_way,),
    ),
    Sabotage(
        "S7 an empty path takes a packet",
        by.no_room_for_large_packets,
        (routing.test_an_empty_path_always_takes_one_packet,),
    ),
    Sabotage("S7 bulk behind reliable", by.bulk_at_will, (routing.test_bulk_never_goes_ahead_of_reliable,)),
    Sabotage(
        "S8 flush waits for handling",
        by.call_received_handled,
        (
            some_lives,
            ends.test_flush_ends_when_everything_was_handled_not_just_received,
        ),
    ),
    Sabotage(
        "S8 bye after bulk",
        by.method(Receiver, "complete", property(lambda self: self.bye is not None)),
        (ends.test_a_bye_waits_for_bulk_that_is_still_on_its_way,),
    ),
    Sabotage(
        "S8 the last word",
        by.method(Unsequenced, "last_word", Unsequenced.ack_by),
        (ends.test_who_ends_tells_by_the_relay_what_the_direct_path_may_lose,),
    ),
    Sabotage("S8 what came is kept", by.forget_what_came, (ends.test_a_bye_waits_for_bulk_that_is_still_on_its_way,)),
    Sabotage(
        "S8 the unacknowledged is reported",
        by.report_queues_only,
        (ends.test_undelivered_is_what_was_not_acknowledged_in_order,),
    ),
    Sabotage(
        "datagrams come once",
        by.method(ReceiveChannel, "is_copy", lambda self, number: False),
        (
            some_lives,
            datagrams.test_a_datagram_is_never_doubled,
        ),
    ),
)


@pytest.mark.parametrize(
    ("sabotage", "check"),
    [pytest.param(s, check, id=f"{s.rule}: {check.__name__}") for s in SABOTAGES for check in s.noticed_by],
)
def test_a_sabotage_is_noticed(sabotage: Sabotage, check: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    sabotage.breaks(monkeypatch)
    with pytest.raises((AssertionError, ValueError, IndexError)):
        check()
