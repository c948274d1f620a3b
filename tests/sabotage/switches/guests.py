"""Guests: members without a key, who signal and do nothing else."""

from typing import Any

from signalling import guests, membership, namespace
from signalling.clients import Client, Seat
from signalling.guests import admit_guest
from signalling.membership import Membership
from signalling.protocol.events import JoinAsGuest
from signalling.relay import Relays
from signalling.rooms.roster import Entry
from tests.sabotage.switch import Patch, Switch, always, instead, of

GUESTS = "signalling/test_guests.py"


def whatever_is_configured(join: JoinAsGuest, *, access: Any, allowed: bool, sid: str) -> Entry:
    return admit_guest(join, access=access, allowed=True, sid=sid)


def lacks_a_part(fields: object) -> bool:
    return isinstance(fields, dict) and not fields.keys() >= guests._SHOWN_BY_KEYS


def relay_for_guests(patch: Patch) -> None:
    """A guest may relay, and be relayed to."""
    was, pass_on = Relays.relay, Relays._pass_on

    def relay(self: Relays, client: Client, event: Any) -> None:
        seats = client.seats
        client.seats = {room: Seat(room, seat.peer, seat.relay_texts) for room, seat in seats.items()}
        for seat in client.seats.values():
            seat.is_guest = False
        try:
            was(self, client, event)
        finally:
            client.seats = seats

    def to_all(self: Relays, client: Client, event: Any, seat: Seat, roster: Any) -> None:
        keyless = [entry for entry in roster if not entry.key]
        for entry in keyless:
            entry.key = "none"
        try:
            pass_on(self, client, event, seat, roster)
        finally:
            for entry in keyless:
                entry.key = ""

    patch.setattr(Relays, "relay", relay)
    patch.setattr(Relays, "_pass_on", to_all)


def away_for_a_while(patch: Patch) -> None:
    was = Membership.gone

    async def gone(self: Membership, client: Client, reason: str) -> None:
        for seat in client.seats.values():
            seat.is_guest = False
        await was(self, client, reason)

    patch.setattr(Membership, "gone", gone)


SWITCHES = (
    Switch(
        "ids-of-guests",
        ("guests",),
        "the id of a guest can be guessed, or is another's too",
        instead(guests, "guest_id", always("guest-" + "a" * 24)),
        of(GUESTS, "test_a_guest_is_given_an_id_and_is_on_the_roster"),
    ),
    Switch(
        "guests-only-signal",
        ("guests",),
        "a guest relays in the clear, and is sent what it cannot open",
        relay_for_guests,
        of(GUESTS, "test_and_nothing_else"),
    ),
    Switch(
        "no-guests",
        ("guests",),
        "a server that is to admit no guests does",
        instead(membership, "admit_guest", whatever_is_configured),
        of(GUESTS, "test_a_server_may_admit_none"),
    ),
    Switch(
        "half-a-key-is-no-guest",
        ("guests",),
        "who forgets a part of its proof is let in without",
        instead(namespace, "asks_as_guest", lacks_a_part),
        of(GUESTS, "test_a_peer_that_forgets_something_is_no_guest"),
    ),
    Switch(
        "guests-are-gone-at-once",
        ("guests",),
        "a guest whose connection drops is away, although it cannot come back",
        away_for_a_while,
        of(GUESTS, "test_a_guest_that_is_gone_is_gone_at_once"),
    ),
)
