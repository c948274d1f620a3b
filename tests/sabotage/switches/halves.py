"""S1 and S2: which two sessions belong together, and when one is over."""

from peers.session.binding import Binding, EndedHalves, Halves
from peers.session.handshake import Schedule
from peers.session.link_core import DirectEnded, LinkCore, LinkEvent
from peers.session.sealed import SealedSession
from peers.session.session import Session
from tests.sabotage.switch import Patch, Switch, always, instead, nothing, of

LINK = "session/test_link_core.py"
LINK_ENDS = "session/test_link_ends.py"
BINDING = "session/test_binding.py"
OVER = ("None-halves2", "bound3-halves3", "bound5-halves5", "bound6-halves6")


def ignore_their_ended(self: Binding, said: Halves) -> bool:
    return self.bound is not None and said.own > self.bound


def ignore_their_later(self: Binding, said: Halves) -> bool:
    return said.ended >= self.own


def let_the_ended_in(self: Binding, said: Halves) -> bool:
    return self.bound is not None and said.own < self.bound


def let_the_earlier_in(self: Binding, said: Halves) -> bool:
    return said.own <= self.ended


def end_in_silence(patch: Patch) -> None:
    was = LinkCore.end

    def end(self: LinkCore, now: float) -> list[object]:
        was(self, now)
        return []

    patch.setattr(LinkCore, "end", end)


def keep_the_paths(patch: Patch) -> None:
    was = LinkCore.next_event

    def next_event(self: LinkCore) -> LinkEvent | None:
        event = was(self)
        return was(self) if isinstance(event, DirectEnded) else event

    patch.setattr(LinkCore, "next_event", next_event)


SWITCHES = (
    Switch(
        "ended-halves",
        ("S2", "P2"),
        "the halves of sessions that ended are not remembered",
        instead(EndedHalves, "discard", nothing),
        of(BINDING, "test_the_highest_ended_half_is_kept_for_each_peer_of_each_room")
        + of(
            LINK_ENDS,
            "test_a_first_message_that_arrived_in_a_session_that_ended_is_not_delivered_again",
            "test_the_end_for_good_reports_and_remembers",
        ),
    ),
    Switch(
        "over-there-over-here",
        ("S1", "S2", "P2"),
        "a session that the peer has ended goes on here",
        instead(Binding, "is_over", always(False)),
        of(BINDING, *(f"test_my_session_is_over[{which}-True]" for which in OVER))
        + of(
            LINK_ENDS,
            "test_when_the_peer_discards_the_session_what_it_did_not_acknowledge_is_reported",
            "test_the_one_that_discarded_is_asked_and_says_so",
            "test_a_first_message_that_arrived_in_a_session_that_ended_is_not_delivered_again",
        ),
    ),
    Switch(
        "their-ended-ends-mine",
        ("S2", "P2"),
        "the `ended` of the peer does not end my session",
        instead(Binding, "is_over", ignore_their_ended),
        of(LINK_ENDS, "test_a_first_message_that_arrived_in_a_session_that_ended_is_not_delivered_again"),
    ),
    Switch(
        "a-later-half-ends-mine",
        ("S1", "S2"),
        "a later half of the peer does not end my session",
        instead(Binding, "is_over", ignore_their_later),
        of(LINK_ENDS, "test_a_later_half_of_the_peer_ends_the_session_even_if_it_forgot_ours"),
    ),
    Switch(
        "stale-halves",
        ("S2", "P2"),
        "halves that are over are let in",
        instead(Binding, "is_stale", always(False)),
        of(LINK_ENDS, "test_replayed_first_messages_of_an_ended_session_cost_one_handshake_a_second"),
    ),
    Switch(
        "no-ended-half-again",
        ("S2", "P2"),
        "a half that ended here is let in",
        instead(Binding, "is_stale", let_the_ended_in),
        of(BINDING, *(f"test_the_message_is_stale[{which}-True]" for which in ("None-halves1", "None-halves2"))),
    ),
    Switch(
        "no-earlier-half",
        ("S2", "P2"),
        "a half before the bound one is let in",
        instead(Binding, "is_stale", let_the_earlier_in),
        of(BINDING, "test_the_message_is_stale[bound5-halves5-True]"),
    ),
    Switch(
        "never-was-never-ended",
        ("S2", "S10"),
        "a peer may claim to have ended halves that never were",
        instead(Binding, "is_impossible", always(False)),
        of(LINK_ENDS, "test_who_claims_to_have_ended_what_never_was_is_ignored"),
    ),
    Switch(
        "message-1-is-for-this-session",
        ("S2",),
        "a message 1 to another session of mine is taken",
        instead(Binding, "is_elsewhere", always(False)),
        of(LINK_ENDS, "test_a_message_1_to_a_session_of_mine_that_is_over_binds_nothing"),
    ),
    Switch(
        "message-2-is-for-this-session",
        ("S2",),
        "a message 2 to another session of mine is taken",
        instead(Binding, "answers_another", always(False)),
        of(LINK_ENDS, "test_an_answer_for_another_session_of_mine_is_ignored"),
    ),
    Switch(
        "the-outdated-is-told",
        ("S2",),
        "who is out of date gets no message 1",
        instead(Schedule, "want_soon", nothing),
        of(
            LINK_ENDS,
            "test_a_first_message_that_arrived_in_a_session_that_ended_is_not_delivered_again",
            "test_a_message_1_to_a_session_of_mine_that_is_over_binds_nothing",
        ),
    ),
    Switch(
        "frames-of-the-forgotten-wait",
        ("S2", "P2"),
        "frames are taken from a stranger whose ended half may be forgotten",
        instead(EndedHalves, "may_have_forgotten", always(False)),
        of(LINK_ENDS, "test_where_an_ended_half_may_be_forgotten_frames_come_after_message_2"),
    ),
    Switch(
        "65536-ended-halves",
        ("S2", "P6"),
        "ended halves are remembered without end",
        lambda patch: patch.setattr(EndedHalves.__init__, "__defaults__", (10**9,)),
        of(BINDING, "test_it_is_kept_for_65536_peers"),
    ),
    Switch(
        "the-end-is-reported",
        ("S1", "P2"),
        "a session that ends reports nothing as undelivered",
        end_in_silence,
        of(
            LINK_ENDS,
            "test_when_the_peer_discards_the_session_what_it_did_not_acknowledge_is_reported",
            "test_the_end_for_good_reports_and_remembers",
        )
        + of("peers/test_replaced.py", "test_a_restarted_program_is_a_new_peer_and_what_is_unknown_is_reported"),
    ),
    Switch(
        "direct-proof-keeps-a-peer",
        ("S1", "P2"),
        "a peer that only the server has lost is given up, though its direct path proves it",
        instead(Session, "direct_proved", property(always(False))),
        of("peers/test_connection.py", "test_lost_to_the_server_but_not_to_its_direct_path"),
    ),
    Switch(
        "a-lost-message-1",
        ("S2", "P2"),
        "what a lost message 1 carried does not go again",
        instead(SealedSession, "send_waiting_again", lambda self, now: self.waiting.clear()),
        of(LINK, "test_a_lost_message_1_is_made_up_for_by_the_peers_own"),
    ),
    Switch(
        "paths-end-with-the-session",
        ("S1", "S9"),
        "direct paths outlive their session",
        keep_the_paths,
        of(LINK_ENDS, "test_direct_paths_end_with_their_session"),
    ),
)
