"""S10 and S11: peers that lie, and peers that are not announced yet."""

from typing import Any

from peers import presence
from peers.presence import Presence
from peers.session.binding import EndedHalves, Half
from peers.session.lane import SendLane
from peers.session.session import Session
from tests.sabotage.switch import Patch, Switch, constants, instead, nothing, of

LIES = "session/test_lies.py"
PRESENCE = "peers/test_presence.py"


def believe_acknowledgements(patch: Patch) -> None:
    was = SendLane.acknowledged

    def acknowledged(self: SendLane, upto: int, path: Any, now: float) -> Any:
        return was(self, min(upto, self.next), path, now)

    patch.setattr(SendLane, "acknowledged", acknowledged)


def hold_nothing(patch: Patch) -> None:
    was = Presence.receive

    def receive(self: Presence, event: Any) -> None:
        was(self, event)
        self._held.clear()

    patch.setattr(Presence, "receive", receive)


def one_room_for_all(patch: Patch) -> None:
    get, discard = EndedHalves.get, EndedHalves.discard

    def get_anywhere(self: EndedHalves, room: str, peer: str) -> Half:
        return get(self, "", peer)

    def discard_everywhere(self: EndedHalves, room: str, peer: str, half: Half) -> None:
        discard(self, "", peer, half)

    patch.setattr(EndedHalves, "get", get_anywhere)
    patch.setattr(EndedHalves, "discard", discard_everywhere)


SWITCHES = (
    Switch(
        "a-lie-ends-the-session",
        ("S10",),
        "a peer that breaks the protocol is talked to as before",
        instead(Session, "fail", nothing),
        of(LIES, "test_a_lie_ends_the_session"),
    ),
    Switch(
        "acknowledgements-of-the-unsent",
        ("S10",),
        "an acknowledgement of what was never sent is believed",
        believe_acknowledgements,
        of(
            LIES,
            "test_a_lie_ends_the_session[acknowledge_the_unsent]",
            "test_a_lie_ends_the_session[acknowledge_unsent_bulk]",
        ),
    ),
    Switch(
        "absurd-credit",
        ("S10", "P6"),
        "a peer may give credit without end",
        constants(credit_most=2**60),
        of(LIES, "test_a_lie_ends_the_session[absurd_limit]"),
    ),
    Switch(
        "endless-channels",
        ("S4", "S10", "P6"),
        "a peer may open channels without end",
        constants(channels=10**6),
        of(LIES, "test_a_lie_ends_the_session[endless_channels]")
        + of("session/test_credit.py", "test_the_65th_channel_is_refused_until_one_is_closed_and_handled"),
    ),
    Switch(
        "endless-pings",
        ("S10", "P6"),
        "every ping of a turn is answered, however many there are",
        constants(pongs_most=10**9),
        of("session/test_pings.py", "test_pings_without_end_are_answered_in_bounds"),
    ),
    Switch(
        "strangers-are-held",
        ("S11", "P1", "V2"),
        "what comes of a peer before it is announced is dropped",
        hold_nothing,
        of(PRESENCE, "test_what_a_stranger_sends_waits_until_it_is_announced"),
    ),
    Switch(
        "held-for-2-s",
        ("S11",),
        "what came of a stranger is held for ever",
        instead(presence, "STRANGER_SECONDS", 1e9),
        of(PRESENCE, "test_what_a_stranger_sends_is_dropped_after_2_s"),
    ),
    Switch(
        "held-in-bounds",
        ("S11", "P6"),
        "strangers' frames are held without end",
        instead(presence, "MAX_HELD", 10**9),
        of(PRESENCE, "test_what_strangers_send_is_bounded")
        + of("peers/test_hostile.py", "test_a_server_that_sends_nonsense_is_survived"),
    ),
    Switch(
        "a-link-for-each-room",
        ("S11", "S2"),
        "halves that ended in one room count in all rooms",
        one_room_for_all,
        of("session/test_binding.py", "test_the_highest_ended_half_is_kept_for_each_peer_of_each_room"),
    ),
)
