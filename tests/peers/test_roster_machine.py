"""What is believed of a room's members, whatever happens in whatever order (V1, V2)."""

import random
from typing import Any

import msgspec
import pytest

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
from tests.peers.people import ME, ROOM, Person, delta, joined


@pytest.mark.parametrize("seed", range(25))
def test_whatever_is_missed_or_doubled_all_come_to_believe_the_same(seed: int) -> None:
    """A server's roster changes at random; a member gets its deltas with gaps and copies, and joins again if told."""
    rng = random.Random(seed)
    people = [Person(f"{seed} {number}") for number in range(5)]
    there: dict[str, wire.Member] = {}
    version = 1
    history: list[tuple[int, wire.Change]] = []
    core = RosterCore(ROOM, ME.id)
    core.receive_joined(joined(version=version), 0.0)
    believed: dict[str, Any] = {}
    for _ in range(80):
        person = rng.choice(people)
        told = there.get(person.id)
        change: wire.Change
        if told is None:
            person.restart()
            there[person.id] = person.member()
            change = wire.PeerJoined(member=there[person.id])
        else:
            change = change_of(person, rng)
            apply(there, change)
        version += 1
        history.append((version, change))
        if rng.random() < 0.6:
            since = version - rng.choice((1, 1, 1, 2, 4))
            changes = [each for number, each in history if number > since]
            core.receive_delta(delta(since, version, *changes), 0.0)
        follow(core, believed, there, version)
    core.receive_joined(joined(*there.values(), version=version, resumed=True), 0.0)
    follow(core, believed, there, version)
    assert believed.keys() == there.keys()
    for id, member in there.items():
        profile, connection, away = believed[id]
        assert (profile, away) == (member.profile, member.away)
        assert away or connection == member.connection, "the connection of one who is away is told when it is back"
        assert core.member(id) is not None


def change_of(person: Person, rng: random.Random) -> wire.Change:
    match rng.randrange(4):
        case 0:
            return person.say(f'{{"n": {rng.random()}}}')
        case 1:
            return person.come_back()
        case 2:
            return wire.PeerAway(id=person.id)
        case _:
            return wire.PeerLeft(id=person.id, reason="left")


def apply(there: dict[str, wire.Member], change: wire.Change) -> None:
    """As the server's own roster changes."""
    match change:
        case wire.PeerLeft(id=id):
            del there[id]
        case wire.PeerAway(id=id):
            there[id] = msgspec.structs.replace(there[id], away=True)
        case wire.PeerBack(id=id, connection=connection, statement=statement):
            there[id] = msgspec.structs.replace(there[id], connection=connection, statement=statement, away=False)
        case wire.PeerUpdated(id=id, profile=profile, statement=statement, attributes=attributes):
            there[id] = msgspec.structs.replace(there[id], profile=profile, statement=statement)
            if attributes is not None:
                there[id] = msgspec.structs.replace(there[id], attributes=attributes)


def follow(core: RosterCore, believed: dict[str, Any], there: dict[str, wire.Member], version: int) -> None:
    """An application that keeps its own list by the events alone."""
    again = False
    while (event := core.next_event()) is not None:
        match event:
            case PeerAppeared(member):
                assert member.id not in believed
                believed[member.id] = (member.profile, member.connection, member.away)
            case PeerVanished(id):
                del believed[id]
            case PeerChanged(id, profile):
                believed[id] = (profile, *believed[id][1:])
            case PeerWentAway(id):
                believed[id] = (*believed[id][:2], True)
            case PeerCameBack(id, connection):
                believed[id] = (believed[id][0], connection, False)
            case MustJoinAgain():
                again = True
            case BadMember():
                raise AssertionError(event)
    if again:
        core.receive_joined(joined(*there.values(), version=version, resumed=True), 0.0)
        follow(core, believed, there, version)
