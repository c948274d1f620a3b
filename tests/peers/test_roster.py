"""What is believed of a room's members (V1, V2)."""

from typing import Any

import pytest

from peers import roster as roster_module
from peers.guests import GuestCame, GuestLeft
from peers.roster import (
    BadMember,
    MustJoinAgain,
    PeerAppeared,
    PeerCameBack,
    PeerChanged,
    PeerVanished,
    PeerWentAway,
    RosterCore,
)
from signalling.protocol import events as wire
from signalling.protocol.ids import from_text, to_text
from signalling.protocol.statements import Statement, read_statement
from tests.peers.people import GRACE, ME, ROOM, Person, core_with, delta, events, joined


@pytest.fixture
def ada() -> Person:
    return Person("ada")


@pytest.fixture
def bob() -> Person:
    return Person("bob")


# ---- joining


def test_the_reply_to_join_announces_the_others_in_their_order(ada: Person, bob: Person) -> None:
    core = RosterCore(ROOM, ME.id)
    assert not core.joined
    core.receive_joined(joined(bob, ada), 0.0)
    assert core.joined
    told = events(core)
    assert [type(event) for event in told] == [PeerAppeared, PeerAppeared]
    assert [event.member.id for event in told if isinstance(event, PeerAppeared)] == [bob.id, ada.id]
    member = core.member(ada.id)
    assert member is not None
    assert (member.key, member.static, member.incarnation) == (ada.key, ada.static, 1_000)
    assert member.remote == (ada.id, ada.key, 1_000, ada.static, from_text(ada.statement()))
    assert core.member(ME.id) is None


def test_what_the_server_says_of_a_member_is_kept(ada: Person) -> None:
    core = RosterCore(ROOM, ME.id)
    core.receive_joined(joined(ada.member(away=True, user="ada@x", attributes={"role": "host"})), 0.0)
    (told,) = events(core)
    assert isinstance(told, PeerAppeared)
    assert (told.member.away, told.member.user, told.member.attributes) == (True, "ada@x", {"role": "host"})


def test_guests_are_not_peers(ada: Person) -> None:
    core = RosterCore(ROOM, ME.id)
    core.receive_joined(joined(ada.member(id="guest-7", key="", statement="")), 0.0)
    assert [type(event) for event in events(core)] == [GuestCame]
    assert core.member("guest-7") is None
    core.receive_delta(delta(10, 11, wire.PeerLeft(id="guest-7", reason="left")), 0.0)
    assert [type(event) for event in events(core)] == [GuestLeft]


def test_one_statement_is_checked_for_each_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """So a shell can pause within a large roster."""
    checked = []

    def counted(data: bytes) -> Statement:
        checked.append(data)
        return read_statement(data)

    monkeypatch.setattr(roster_module, "read_statement", counted)
    core = RosterCore(ROOM, ME.id)
    core.receive_joined(joined(*(Person(str(number)) for number in range(5))), 0.0)
    for number in range(5):
        assert len(checked) == number
        assert isinstance(core.next_event(), PeerAppeared)
    assert core.next_event() is None


def test_a_statement_that_did_not_change_is_not_checked_again(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    core = core_with(ada)
    monkeypatch.delattr(roster_module, "read_statement")
    core.receive_joined(joined(ada, version=11, resumed=True), 0.0)
    core.receive_delta(delta(11, 12, ada.come_back(), wire.PeerAway(id=ada.id)), 0.0)
    assert events(core) == [PeerWentAway(ada.id)]


# ---- statements


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"statement": "!"}, "not base64url"),
        ({"key": "!"}, "not base64url"),
        ({"statement": "AAAA"}, "too short"),
        ({"statement": Person("bob").statement()}, "another id"),
        ({"key": to_text(Person("bob").key)}, "another id"),
        ({"id": Person("bob").id}, "another id"),
        ({"statement": Person("ada").statement(room="attic")}, "another room"),
        ({"statement": Person("ada").statement(key=Person("bob").key)}, "signature"),
        ({"profile": '{"name": "Eve"}'}, "not signed"),
        ({"profile": "\ud800"}, "not signed"),
    ],
)
def test_who_is_not_what_the_server_shows_is_not_announced(ada: Person, changes: dict[str, Any], why: str) -> None:
    core = RosterCore(ROOM, ME.id)
    core.receive_joined(joined(ada.member(**changes)), 0.0)
    (told,) = events(core)
    assert isinstance(told, BadMember)
    assert why in told.why
    assert core.member(told.id) is None
    assert core.bad.total() == 1


def test_a_bad_member_does_not_hide_the_others(ada: Person, bob: Person) -> None:
    core = RosterCore(ROOM, ME.id)
    core.receive_joined(joined(ada.member(profile="x"), bob), 0.0)
    assert [type(event) for event in events(core)] == [BadMember, PeerAppeared]


def test_a_member_that_was_withheld_is_announced_once_it_is_right(ada: Person) -> None:
    core = RosterCore(ROOM, ME.id)
    core.receive_joined(joined(ada.member(profile="x")), 0.0)
    assert [type(event) for event in events(core)] == [BadMember]
    core.receive_delta(delta(10, 11, ada.say('{"n": 1}')), 0.0)
    assert [type(event) for event in events(core)] == [PeerAppeared]


def test_a_withheld_member_can_leave(ada: Person) -> None:
    core = RosterCore(ROOM, ME.id)
    core.receive_joined(joined(ada.member(profile="x")), 0.0)
    events(core)
    core.receive_delta(delta(10, 11, wire.PeerLeft(id=ada.id, reason="left")), 0.0)
    assert events(core) == []


@pytest.mark.parametrize("old", ["incarnation", "profile", "same version"])
def test_the_server_cannot_turn_the_clock_back(ada: Person, old: str) -> None:
    ada.version = 5
    before = {
        "incarnation": ada.statement(incarnation=999, profile_version=9),
        "profile": ada.statement(profile_version=4),
        "same version": ada.statement(static=bytes(32)),
    }[old]
    core = core_with(ada)
    core.receive_delta(delta(10, 11, wire.PeerJoined(member=ada.member(statement=before))), 0.0)
    assert events(core) == [BadMember(ada.id, "an older statement")]
    member = core.member(ada.id)
    assert member is not None
    assert (member.incarnation, member.profile_version, member.static) == (1_000, 5, ada.static)


def test_a_forged_profile_changes_nothing_but_the_connection_is_the_servers_to_tell(ada: Person) -> None:
    core = core_with(ada)
    forged = wire.PeerUpdated(id=ada.id, profile='{"name": "Eve"}', statement=ada.statement())
    core.receive_delta(delta(10, 11, forged, wire.PeerAway(id=ada.id)), 0.0)
    assert events(core) == [BadMember(ada.id, "a profile that was not signed"), PeerWentAway(ada.id)]
    member = core.member(ada.id)
    assert member is not None
    assert member.profile == "{}"


def test_attributes_are_the_servers_to_tell(ada: Person) -> None:
    core = core_with(ada)

    def told(attributes: dict[str, Any] | None) -> wire.PeerUpdated:
        member = ada.member()
        return wire.PeerUpdated(id=ada.id, profile=member.profile, statement=member.statement, attributes=attributes)

    core.receive_delta(delta(10, 11, told({"role": "teacher"})), 0.0)
    assert events(core) == [PeerChanged(ada.id, "{}", {"role": "teacher"})]
    core.receive_delta(delta(11, 12, told(None)), 0.0)
    assert events(core) == []
    core.receive_delta(delta(12, 13, ada.say('{"n": 2}')), 0.0)
    assert events(core) == [PeerChanged(ada.id, '{"n": 2}', {"role": "teacher"})]
    core.receive_delta(delta(13, 14, told({})), 0.0)
    assert events(core) == [PeerChanged(ada.id, '{"n": 2}', {})]


# ---- deltas


def test_each_change_is_told(ada: Person, bob: Person) -> None:
    core = core_with(ada)
    core.receive_delta(delta(10, 11, wire.PeerJoined(member=bob.member())), 0.0)
    assert [type(event) for event in events(core)] == [PeerAppeared]
    core.receive_delta(delta(11, 12, bob.say('{"name": "Bob"}')), 0.0)
    assert events(core) == [PeerChanged(bob.id, '{"name": "Bob"}')]
    core.receive_delta(delta(12, 13, wire.PeerAway(id=ada.id)), 0.0)
    assert events(core) == [PeerWentAway(ada.id)]
    core.receive_delta(delta(13, 14, ada.come_back()), 0.0)
    assert events(core) == [PeerCameBack(ada.id, 2)]
    core.receive_delta(delta(14, 15, ada.come_back()), 0.0)
    assert events(core) == [PeerCameBack(ada.id, 3)], "a new connection without having been away"
    core.receive_delta(delta(15, 16, wire.PeerLeft(id=ada.id, reason="removed")), 0.0)
    assert events(core) == [PeerVanished(ada.id, "removed")]
    assert core.member(ada.id) is None


def test_a_new_incarnation_is_another_peer(ada: Person) -> None:
    core = core_with(ada)
    ada.restart()
    core.receive_delta(delta(10, 11, wire.PeerJoined(member=ada.member())), 0.0)
    first, second = events(core)
    assert first == PeerVanished(ada.id, "restarted")
    assert isinstance(second, PeerAppeared)
    assert second.member.incarnation == 1_001


def test_a_member_that_left_and_joined_again_in_one_delta_has_restarted(ada: Person) -> None:
    core = core_with(ada)
    ada.restart()
    core.receive_delta(
        delta(10, 12, wire.PeerLeft(id=ada.id, reason="left"), wire.PeerJoined(member=ada.member())), 0.0
    )
    assert [type(event) for event in events(core)] == [PeerVanished, PeerAppeared]


def test_what_is_known_already_is_not_told_again(ada: Person) -> None:
    """A delta for everybody may begin before the reply to this one's `join`."""
    core = RosterCore(ROOM, ME.id)
    core.receive_joined(joined(ada, version=12), 0.0)
    events(core)
    before: list[wire.Change] = [wire.PeerJoined(member=ada.member()), wire.PeerLeft(id=ada.id, reason="left")]
    core.receive_delta(delta(9, 14, *before, wire.PeerJoined(member=ada.member()), wire.PeerAway(id=ada.id)), 0.0)
    assert events(core) == [PeerWentAway(ada.id)]


@pytest.mark.parametrize(("base", "version"), [(5, 9), (5, 10), (10, 10)])
def test_an_old_delta_is_ignored(ada: Person, base: int, version: int) -> None:
    core = core_with(ada)
    core.receive_delta(delta(base, version, wire.PeerLeft(id=ada.id, reason="left")), 0.0)
    assert events(core) == []


def test_a_gap_makes_it_join_again_and_asks_once(ada: Person, bob: Person) -> None:
    core = core_with(ada)
    core.receive_delta(delta(11, 12, wire.PeerLeft(id=ada.id, reason="left")), 0.0)
    core.receive_delta(delta(12, 13, wire.PeerJoined(member=bob.member())), 0.0)
    assert events(core) == [MustJoinAgain()]
    core.receive_joined(joined(bob, version=13, resumed=True), 0.0)
    assert [type(event) for event in events(core)] == [PeerAppeared, PeerVanished]
    core.receive_delta(delta(15, 16), 0.0)
    assert events(core) == [MustJoinAgain()], "another gap, another question"


def test_deltas_before_the_reply_to_join_are_ignored(ada: Person) -> None:
    core = RosterCore(ROOM, ME.id)
    core.receive_delta(delta(0, 1, wire.PeerJoined(member=ada.member())), 0.0)
    assert events(core) == []


@pytest.mark.parametrize(
    "change",
    [
        wire.PeerAway(id="nobody"),
        wire.PeerLeft(id="nobody", reason="left"),
        wire.PeerBack(id="nobody", connection=2, statement="x"),
        wire.PeerUpdated(id="nobody", profile="{}", statement="x"),
        wire.PeerLeft(id=ME.id, reason="left"),
    ],
)
def test_changes_of_nobody_change_nothing(ada: Person, change: wire.Change) -> None:
    core = core_with(ada)
    core.receive_delta(delta(10, 11, change), 0.0)
    assert events(core) == []


# ---- joining again


def test_who_is_absent_after_our_own_absence_has_left(ada: Person, bob: Person) -> None:
    core = core_with(ada, bob)
    core.receive_joined(joined(bob, version=20, resumed=True), 5.0)
    assert events(core) == [PeerVanished(ada.id, "lost")]
    assert core.next_timeout() is None


def test_after_a_servers_restart_the_absent_have_the_grace_time(ada: Person, bob: Person) -> None:
    core = core_with(ada, bob)
    core.receive_joined(joined(version=1), 100.0)
    assert events(core) == [PeerWentAway(ada.id), PeerWentAway(bob.id)]
    assert core.next_timeout() == 100.0 + GRACE
    ada.connection += 1
    core.receive_delta(delta(1, 2, wire.PeerJoined(member=ada.member())), 110.0)
    assert events(core) == [PeerCameBack(ada.id, 2)]
    core.handle_timeout(129.9)
    assert events(core) == []
    core.handle_timeout(130.0)
    assert events(core) == [PeerVanished(bob.id, "lost")]
    assert core.next_timeout() is None


def test_a_second_restart_does_not_begin_the_grace_time_anew(ada: Person) -> None:
    core = core_with(ada)
    core.receive_joined(joined(version=1), 100.0)
    core.receive_joined(joined(version=1), 120.0)
    core.receive_joined(joined(version=2, resumed=True), 125.0)
    assert events(core) == [PeerWentAway(ada.id)]
    assert core.next_timeout() == 100.0 + GRACE


def test_a_restarted_program_is_another_peer_after_a_servers_restart_too(ada: Person) -> None:
    core = core_with(ada)
    core.receive_joined(joined(version=1), 100.0)
    events(core)
    ada.restart()
    core.receive_delta(delta(1, 2, wire.PeerJoined(member=ada.member())), 110.0)
    assert [type(event) for event in events(core)] == [PeerVanished, PeerAppeared]


def test_who_leaves_for_good_while_absent_is_gone_at_once(ada: Person) -> None:
    core = core_with(ada)
    core.receive_joined(joined(version=1), 100.0)
    events(core)
    core.receive_delta(delta(1, 2, wire.PeerLeft(id=ada.id, reason="closed")), 101.0)
    assert events(core) == [PeerVanished(ada.id, "closed")]
    assert core.next_timeout() is None


def test_what_changed_meanwhile_is_told(ada: Person, bob: Person) -> None:
    core = core_with(ada, bob)
    ada.say('{"n": 2}')
    ada.connection = 4
    core.receive_joined(joined(ada, bob.member(away=True), version=30, resumed=True), 9.0)
    assert events(core) == [PeerChanged(ada.id, '{"n": 2}'), PeerCameBack(ada.id, 4), PeerWentAway(bob.id)]
