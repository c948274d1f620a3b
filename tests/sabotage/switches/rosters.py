"""V1 and V2: who is in a room, on both sides; and what its members believe of each other (K1)."""

from typing import Any

from peers import presence
from peers.identity import Identity
from peers.membership import Membership as Member
from peers.presence import Presence
from peers.roster import RosterCore
from signalling.announcer import Announcer
from signalling.membership import Membership
from signalling.outbox import Outbox
from signalling.protocol import events as wire
from signalling.protocol.events import Change, PeerBack
from signalling.protocol.ids import from_text
from signalling.protocol.statements import read_statement
from signalling.rooms import roster as kept
from signalling.rooms.roster import Admission, Entry, Roster
from tests.sabotage.switch import Patch, Switch, always, instead, nothing, of

BELIEVED = "peers/test_roster.py"
REPLACED = "peers/test_replaced.py"
KEPT = "signalling/test_roster.py"
JOINING = "signalling/test_membership.py"
COMING_BACK = "peers/test_connection.py"
NOT_SHOWN = "test_who_is_not_what_the_server_shows_is_not_announced"


def believe_older_statements(patch: Patch) -> None:
    was = RosterCore._check
    patch.setattr(RosterCore, "_check", lambda self, told, known: was(self, told, None))


def tell_each_change(patch: Patch) -> None:
    was = RosterCore._apply

    def apply(self: RosterCore, change: Any) -> None:
        was(self, change)
        self._settle(change.member.id if isinstance(change, wire.PeerJoined) else change.id)

    patch.setattr(RosterCore, "_apply", apply)


def ignore_gaps(patch: Patch) -> None:
    was = RosterCore.receive_delta

    def receive(self: RosterCore, delta: wire.Roster, now: float) -> None:
        if self._version is not None:
            self._version = max(self._version, delta.base)
        was(self, delta, now)

    patch.setattr(RosterCore, "receive_delta", receive)


def take_old_deltas(patch: Patch) -> None:
    was = RosterCore.receive_delta

    def receive(self: RosterCore, delta: wire.Roster, now: float) -> None:
        if self._version is not None:
            self._version = min(self._version, delta.version - 1)
        was(self, delta, now)

    patch.setattr(RosterCore, "receive_delta", receive)


def think_everyone_gone(patch: Patch) -> None:
    was = RosterCore.receive_joined

    def receive(self: RosterCore, joined: wire.Joined, now: float) -> None:
        was(self, wire.Joined(**{**{f: getattr(joined, f) for f in joined.__struct_fields__}, "resumed": True}), now)

    patch.setattr(RosterCore, "receive_joined", receive)


def keep_no_early_deltas(patch: Patch) -> None:
    was = Presence.receive

    def receive(self: Presence, event: Any) -> None:
        if self._early is None or not isinstance(event, wire.Roster):
            was(self, event)

    patch.setattr(Presence, "receive", receive)


def last_come_first_served(patch: Patch) -> None:
    was = Roster.join

    def join(self: Roster, new: Entry, most: int) -> Admission:
        held = self.get(new.id)
        if held is not None and (new.incarnation, new.connection) <= (held.incarnation, held.connection):
            held.incarnation, held.connection = new.incarnation, new.connection - 1
        return was(self, new, most)

    patch.setattr(Roster, "join", join)


def come_back_in_silence(patch: Patch) -> None:
    was = Roster.join

    def join(self: Roster, new: Entry, most: int) -> Admission:
        admission = was(self, new, most)
        changes: list[Change] = [change for change in admission.changes if not isinstance(change, PeerBack)]
        self.version -= len(admission.changes) - len(changes)
        return Admission(changes, admission.resumed, admission.replaced)

    patch.setattr(Roster, "join", join)


def no_grace(patch: Patch) -> None:
    async def gone(self: Membership, client: Any, reason: str) -> None:
        for seat in list(client.seats.values()):
            changes, version = await self._store.leave(seat.room, seat.peer, client.sid, "lost")
            self._announcer.changed(seat.room, changes, version)
        client.seats.clear()

    patch.setattr(Membership, "gone", gone)


SWITCHES = (
    Switch(
        "statement-check",
        ("K1", "V2", "P4"),
        "members announce whoever the server shows",
        instead(RosterCore, "_read", lambda self, told: read_statement(from_text(told.statement))),
        of(BELIEVED, *(f"{NOT_SHOWN}[{which}]" for which in ("changes3-another id", "changes4-another id")))
        + of(BELIEVED, *(f"{NOT_SHOWN}[{which}]" for which in ("changes6-another room", "changes8-not signed"))),
    ),
    Switch(
        "no-older-statement",
        ("K1", "P4"),
        "the server may show a member as it was before",
        believe_older_statements,
        of(BELIEVED, "test_the_server_cannot_turn_the_clock_back"),
    ),
    Switch(
        "slices",
        ("K1",),
        "the statements of a large roster are checked in one go",
        instead(presence, "SLICE", 1e9),
        of("peers/test_presence.py", "test_a_large_roster_is_taken_in_slices"),
    ),
    Switch(
        "incarnations-grow",
        ("V1", "P2"),
        "an incarnation is what the clock says",
        instead(Identity, "next_incarnation", lambda self, room, clock_ms, above=0: clock_ms),
        of(
            "peers/test_identity.py",
            "test_incarnations_grow_whatever_the_clock_does",
            "test_incarnations_outlive_the_program_when_the_clock_is_set_back",
            "test_two_programs_of_one_identity_never_share_an_incarnation",
        ),
    ),
    Switch(
        "the-highest-wins",
        ("V1", "P2"),
        "whoever joins last has the place",
        last_come_first_served,
        of(KEPT, "test_a_later_one_in_the_room_keeps_its_place")
        + of(JOINING, "test_one_that_is_not_later_is_told_replaced_with_the_held_statement"),
    ),
    Switch(
        "replaced",
        ("V1",),
        "who has lost its place is not told",
        instead(Membership, "_replace", nothing),
        of(JOINING, "test_a_later_connection_takes_the_place_of_an_earlier", "test_a_new_incarnation_is_a_new_peer")
        + of(REPLACED, "test_a_second_program_with_the_same_identity_replaces_the_first"),
    ),
    Switch(
        "outbid-once",
        ("V1",),
        "a program whose clock is behind stays out",
        instead(Member, "outbid", always(False)),
        of(REPLACED, "test_a_clock_that_was_set_back_does_not_keep_a_program_out"),
    ),
    Switch(
        "the-replaced-stays-out",
        ("V1",),
        "a program that was replaced while it was away outbids the one that has its place",
        instead(RosterCore, "joined", property(always(False))),
        of(REPLACED, "test_who_comes_back_and_finds_its_place_taken_stays_out"),
    ),
    Switch(
        "connections-are-announced",
        ("V1", "P2"),
        "a member's new connection is not announced",
        come_back_in_silence,
        of(KEPT, "test_a_higher_connection_takes_over_and_is_announced")
        + of(JOINING, "test_a_client_that_drops_is_away_and_resumes"),
    ),
    Switch(
        "grace",
        ("V2", "P2"),
        "a member whose connection drops is gone at once",
        no_grace,
        of(JOINING, "test_a_client_that_drops_is_away_and_resumes", "test_one_that_resumed_in_time_is_not_lost"),
    ),
    Switch(
        "grace-ends",
        ("V2", "P6"),
        "a member that stays away is a member for ever",
        instead(Membership, "_start", nothing),
        of(JOINING, "test_a_member_that_stays_away_is_lost") + of(COMING_BACK, "test_gone_past_the_grace_is_left"),
    ),
    Switch(
        "gap",
        ("V2",),
        "a gap in the versions of a roster is not noticed",
        ignore_gaps,
        of(BELIEVED, "test_a_gap_makes_it_join_again_and_asks_once"),
    ),
    Switch(
        "old-deltas",
        ("V2",),
        "a delta that is known already counts again",
        take_old_deltas,
        of(BELIEVED, "test_an_old_delta_is_ignored"),
    ),
    Switch(
        "what-comes-out-counts",
        ("V2",),
        "every change of a delta is told, known or not",
        tell_each_change,
        of(BELIEVED, "test_what_is_known_already_is_not_told_again"),
    ),
    Switch(
        "guests",
        ("V2", "guests"),
        "guests are taken for peers",
        instead(RosterCore, "_counts", lambda self, id: id != self._me),
        of(BELIEVED, "test_guests_are_not_peers"),
    ),
    Switch(
        "early-deltas",
        ("V2",),
        "a delta that overtakes the reply to `join` is lost",
        keep_no_early_deltas,
        of("peers/test_room.py", "test_who_joins_right_behind_is_seen"),
    ),
    Switch(
        "deltas-first",
        ("V2", "P1"),
        "a frame may come before the delta that announces its sender",
        instead(Announcer, "is_news", always(False)),
        of(
            "signalling/test_relay.py",
            "test_a_delta_comes_before_what_is_relayed_from_the_peer_that_it_announces[polling-large room]",
        )
        + of(
            "signalling/test_signals.py",
            "test_a_delta_comes_before_a_signal_from_the_peer_that_it_announces[large room]",
        ),
    ),
    Switch(
        "dropped-deltas-are-marked",
        ("V2", "P6"),
        "who missed a delta for want of room is not told",
        instead(Outbox, "push_roster", lambda self, room, parts, version: self.push(parts)),
        of("signalling/test_outbox.py", "test_a_dropped_delta_is_marked_when_everything_else_is_read")
        + of("signalling/test_slow_client.py", "test_deltas_that_found_no_room_leave_a_gap_that_the_client_sees"),
    ),
    Switch(
        "restarted-server",
        ("V2", "P2"),
        "the first visitor of a restarted server thinks everyone gone",
        think_everyone_gone,
        of(BELIEVED, "test_after_a_servers_restart_the_absent_have_the_grace_time")
        + of(COMING_BACK, "test_the_server_killed_and_restarted_in_mid_stream"),
    ),
    Switch(
        "absent-past-the-grace",
        ("V2",),
        "who does not find a restarted server is absent for ever",
        instead(RosterCore, "handle_timeout", nothing),
        of(BELIEVED, "test_after_a_servers_restart_the_absent_have_the_grace_time"),
    ),
    Switch(
        "a-later-profile",
        ("K1", "V1"),
        "an older profile, or another key within an incarnation, takes the place of the held one",
        instead(kept, "_check_successor", nothing),
        of(KEPT, "test_a_statement_that_cannot_follow_the_held_one_is_refused")
        + of(KEPT, "test_a_profile_is_replaced_by_a_later_one_alone"),
    ),
)
