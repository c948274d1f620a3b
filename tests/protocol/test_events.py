"""Events of the wire: their names, and how strict and how lenient they are."""

from typing import Any

import msgspec
import pytest

from signalling.protocol import events
from signalling.protocol.limits import MAX_INTEGER

MEMBER = {"id": "a" * 32, "key": "k", "statement": "s", "profile": "{}", "connection": 1}


def convert(data: Any, type: Any) -> Any:
    """As both sides read what Socket.IO hands them: JSON values, with bytes where packets are."""
    return msgspec.convert(data, type, builtin_types=(bytes,))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({"change": "peer-joined", "member": MEMBER}, events.PeerJoined),
        ({"change": "peer-left", "id": "x", "reason": "lost"}, events.PeerLeft),
        ({"change": "peer-updated", "id": "x", "profile": "{}", "statement": "s"}, events.PeerUpdated),
        ({"change": "peer-away", "id": "x"}, events.PeerAway),
        ({"change": "peer-back", "id": "x", "connection": 2, "statement": "s"}, events.PeerBack),
    ],
)
def test_changes_are_told_by_their_name(data: dict[str, Any], kind: type) -> None:
    roster = convert({"room": "lobby", "base": 1, "version": 2, "changes": [data]}, events.Roster)
    assert type(roster.changes[0]) is kind
    assert msgspec.to_builtins(roster)["changes"] == [data]


def test_sender_is_called_from() -> None:
    packet = b"\x03sealed"
    relay = convert({"room": "lobby", "from": "x", "packet": packet}, events.RelayFrom)
    assert relay.sender == "x"
    assert msgspec.to_builtins(relay, builtin_types=(bytes,)) == {"room": "lobby", "from": "x", "packet": packet}
    signal = convert(
        {"room": "lobby", "from": "x", "kind": "offer", "attempt": 1, "packet": {"any": []}}, events.SignalFrom
    )
    assert (signal.sender, signal.packet) == ("x", {"any": []})


def test_what_a_newer_client_adds_is_ignored() -> None:
    assert convert({"room": "lobby", "later": {"x": 1}}, events.Leave) == events.Leave(room="lobby")


def test_what_is_left_out_gets_its_default_and_stays_out() -> None:
    member = convert(MEMBER, events.Member)
    assert (member.away, member.user, member.attributes) == (False, None, {})
    assert msgspec.to_builtins(member) == MEMBER


@pytest.mark.parametrize(
    ("data", "type"),
    [
        ({}, events.Leave),
        ({"room": 7}, events.Leave),
        ({"room": "lobby", "to": "x", "kind": "shout", "attempt": 1, "packet": b""}, events.Signal),
        ({"room": "lobby", "to": "x", "kind": "offer", "attempt": "1", "packet": b""}, events.Signal),
        ({"room": "lobby", "to": "x", "kind": "offer", "attempt": True, "packet": b""}, events.Signal),
        ({"room": "lobby", "n": 1, "to": "x", "packets": []}, events.Relay),
        ({"room": "lobby", "n": 1, "to": ["x"], "packets": ["text"]}, events.Relay),
        ({"change": "peer-left", "id": "x", "reason": "bored"}, events.PeerLeft),
        ({"room": "lobby", "base": 1, "version": 2, "changes": [{"change": "peer-sang"}]}, events.Roster),
        ([], events.Leave),
        (None, events.Leave),
    ],
)
def test_what_does_not_fit_is_refused(data: Any, type: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        convert(data, type)


def test_events_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        events.Leave(room="lobby").room = "other"  # type: ignore[misc]


def test_every_signal_and_reason_has_its_name() -> None:
    assert events.SignalKind.__args__ == ("request", "offer", "answer", "candidate")  # type: ignore[attr-defined]
    assert events.LeftReason.__args__ == ("left", "removed", "closed", "lost", "restarted")  # type: ignore[attr-defined]


def test_numbers_keep_their_value_in_json() -> None:
    join = events.Join(room="lobby", peer="x", key="k", incarnation=MAX_INTEGER, connection=1, statement="s", proof="p")
    assert msgspec.json.decode(msgspec.json.encode(join), type=events.Join) == join
    assert float(MAX_INTEGER) == MAX_INTEGER
