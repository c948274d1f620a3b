"""What a program states about itself in a room."""

import json

import pytest

from peers.identity import Identity
from peers.membership import Membership, profile_text, read_profile
from signalling.protocol.ids import from_text, peer_id, to_text
from signalling.protocol.statements import Statement, read_proof, read_statement, sign_statement


def member(identity: Identity | None = None) -> Membership:
    """A program with a name."""
    return Membership(identity or Identity.generate(), bytes(range(32)), "lobby", {"name": "Ada"})


def test_join_carries_what_the_server_checks() -> None:
    me = member()
    event = me.join(origin="http://h:1", sid="s", connection=3)
    statement = read_statement(from_text(event.statement))
    proof = read_proof(from_text(event.proof), from_text(event.key))
    assert event.peer == peer_id(statement.key) == me.identity.id
    assert (statement.room, statement.incarnation, statement.profile_version) == ("lobby", event.incarnation, 1)
    assert (proof.origin, proof.sid, proof.room, proof.connection) == ("http://h:1", "s", "lobby", 3)
    assert json.loads(event.profile) == {"name": "Ada"}


def test_a_new_profile_has_a_higher_version_and_its_own_hash() -> None:
    me = member()
    before = read_statement(me.statement)
    event = me.set_profile({"name": "Grace"})
    after = read_statement(from_text(event.statement))
    assert after.profile_version == before.profile_version + 1
    assert after.profile_hash != before.profile_hash
    assert after.static == before.static
    with pytest.raises(ValueError, match="4096"):
        me.set_profile({"x": "y" * 5000})
    assert me.profile == {"name": "Grace"}


def held(identity: Identity, room: str, incarnation: int) -> str:
    """A statement as the server holds it."""
    statement = Statement(room, identity.key, incarnation, bytes(32), 1, bytes(32))
    return to_text(sign_statement(statement, identity.sign))


def test_outbid_goes_one_beyond_the_held_statement() -> None:
    identity = Identity.generate()
    me = member(identity)
    assert me.outbid(held(identity, "lobby", 2**50))
    assert me.incarnation == read_statement(me.statement).incarnation == 2**50 + 1
    assert identity.next_incarnation("lobby", 0) == 2**50 + 2


def test_outbid_believes_nobody_else() -> None:
    identity, other = Identity.generate(), Identity.generate()
    me = member(identity)
    before = me.incarnation
    for statement in (None, "", "nonsense", held(other, "lobby", 2**50), held(identity, "elsewhere", 2**50)):
        assert not me.outbid(statement)
    assert me.incarnation == before


@pytest.mark.parametrize("bad", [{"x": float("nan")}, {"x": b""}, {"x": {1, 2}}, {"x": "\ud800"}])
def test_what_is_no_profile_is_told(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="profile"):
        profile_text(bad)


@pytest.mark.parametrize("text", ["", "[]", "7", "null", "{", '"x"', "[" * 4096])
def test_what_others_write_there_is_no_profile(text: str) -> None:
    assert read_profile(text) == {}
