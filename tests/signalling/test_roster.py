"""Rosters: who comes in, who is replaced, and what each step does to the version."""

from typing import Any

import pytest

from signalling.protocol.errors import ProtocolError
from signalling.protocol.events import PeerAway, PeerBack, PeerJoined, PeerLeft, PeerUpdated
from signalling.rooms.roster import Entry, Roster


def entry(id: str = "ada", **changed: Any) -> Entry:
    fields: dict[str, Any] = {
        "id": id,
        "key": "key of " + id,
        "static": b"S",
        "statement": "statement 1",
        "profile": "{}",
        "profile_version": 1,
        "incarnation": 10,
        "connection": 1,
        "holder": "sid 1",
    }
    return Entry(**{**fields, **changed})


def test_members_are_listed_in_join_order_and_each_change_is_one_version() -> None:
    roster = Roster("lobby")
    for name in ("ada", "bob", "cyd"):
        roster.join(entry(name), 10)
    roster.leave("bob", "sid 1", "left")
    assert [member.id for member in roster.members()] == ["ada", "cyd"]
    assert roster.version == 4


def test_a_new_member_is_announced() -> None:
    admission = Roster("lobby").join(entry(), 10)
    assert admission.changes == [PeerJoined(member=entry().member())]
    assert not admission.resumed
    assert admission.replaced is None


def test_the_same_pair_from_the_same_client_changes_nothing() -> None:
    roster = Roster("lobby")
    roster.join(entry(), 10)
    admission = roster.join(entry(), 10)
    assert admission.changes == []
    assert admission.resumed
    assert roster.version == 1


@pytest.mark.parametrize(
    ("incarnation", "connection"), [(10, 1), (10, 0), (9, 5)], ids=["equal", "lower connection", "lower incarnation"]
)
def test_a_later_one_in_the_room_keeps_its_place(incarnation: int, connection: int) -> None:
    roster = Roster("lobby")
    roster.join(entry(), 10)
    with pytest.raises(ProtocolError) as caught:
        roster.join(entry(incarnation=incarnation, connection=connection, holder="sid 2", statement="other"), 10)
    assert caught.value.code == "replaced"
    assert caught.value.statement == "statement 1"
    assert roster.version == 1


def test_a_higher_connection_takes_over_and_is_announced() -> None:
    roster = Roster("lobby")
    roster.join(entry(), 10)
    admission = roster.join(entry(connection=2, holder="sid 2"), 10)
    assert admission.changes == [PeerBack(id="ada", connection=2, statement="statement 1")]
    assert admission.resumed
    assert admission.replaced == "sid 1"


def test_a_higher_connection_may_bring_a_later_profile() -> None:
    roster = Roster("lobby")
    roster.join(entry(), 10)
    later = entry(connection=2, profile='{"a":1}', profile_version=2, statement="statement 2")
    assert roster.join(later, 10).changes == [
        PeerBack(id="ada", connection=2, statement="statement 2"),
        PeerUpdated(id="ada", profile='{"a":1}', statement="statement 2"),
    ]


def test_a_higher_incarnation_is_a_new_member() -> None:
    roster = Roster("lobby")
    roster.join(entry(), 10)
    roster.join(entry("bob"), 10)
    new = entry(incarnation=11, holder="sid 2", static=b"another S", profile_version=0)
    admission = roster.join(new, 10)
    assert admission.changes == [PeerLeft(id="ada", reason="restarted"), PeerJoined(member=new.member())]
    assert not admission.resumed
    assert admission.replaced == "sid 1"
    assert [member.id for member in roster.members()] == ["bob", "ada"]


@pytest.mark.parametrize(
    "changed",
    [{"static": b"another S"}, {"statement": "older", "profile_version": 0}, {"statement": "same version"}],
    ids=["another key S", "older profile", "another statement of the same version"],
)
def test_a_statement_that_cannot_follow_the_held_one_is_refused(changed: dict[str, Any]) -> None:
    roster = Roster("lobby")
    roster.join(entry(), 10)
    with pytest.raises(ProtocolError, match="bad-request"):
        roster.join(entry(connection=2, **changed), 10)


def test_away_and_back() -> None:
    roster = Roster("lobby")
    roster.join(entry(), 10)
    assert roster.away("ada", "sid 1", "ping timeout") == [PeerAway(id="ada", reason="ping timeout")]
    assert roster.members()[0].away
    assert roster.join(entry(connection=2, holder="sid 2"), 10).replaced is None
    assert not roster.members()[0].away


def test_the_end_of_a_client_that_was_replaced_does_not_matter() -> None:
    roster = Roster("lobby")
    roster.join(entry(), 10)
    roster.join(entry(connection=2, holder="sid 2"), 10)
    assert roster.away("ada", "sid 1", "transport close") == []
    assert not roster.members()[0].away


def test_one_that_came_back_in_time_is_not_lost() -> None:
    roster = Roster("lobby")
    roster.join(entry(), 10)
    assert roster.leave("ada", None, "lost") == []
    roster.away("ada", "sid 1", "transport close")
    assert roster.leave("ada", None, "lost") == [PeerLeft(id="ada", reason="lost")]


def test_a_full_room_takes_back_its_members_but_nobody_new() -> None:
    roster = Roster("lobby")
    roster.join(entry(), 1)
    with pytest.raises(ProtocolError, match="room-full"):
        roster.join(entry("bob"), 1)
    assert roster.join(entry(connection=2), 1).resumed


def test_a_profile_is_replaced_by_a_later_one_alone() -> None:
    roster = Roster("lobby")
    roster.join(entry(), 10)
    assert roster.update("ada", static=b"S", version=2, profile='{"a":1}', statement="statement 2") == [
        PeerUpdated(id="ada", profile='{"a":1}', statement="statement 2")
    ]
    with pytest.raises(ProtocolError, match="bad-request"):
        roster.update("ada", static=b"S", version=2, profile="{}", statement="statement 3")
