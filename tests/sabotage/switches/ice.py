"""S9: what ICE asks, how often, and which of its pairs is used."""

import asyncio

from aioice import ice

from peers.paths import aioice_seam, gathering
from peers.paths.aioice_seam import Connection
from peers.paths.gathering import Gathering
from peers.paths.ice_servers import Server
from tests.sabotage.switch import Patch, Switch, always, instead, nothing, of

SEAM = "paths/test_aioice_seam.py"


def hold_on_both_sides(patch: Patch) -> None:
    was = Connection.check_start

    async def check(self: Connection, pair: ice.CandidatePair) -> None:
        now = asyncio.get_running_loop().time()
        if "relay" in (pair.local_candidate.type, pair.remote_candidate.type) and now < self._held_until:
            self.check_state(pair, ice.CandidatePair.State.IN_PROGRESS)
            await asyncio.sleep(self._held_until - now)
        await was(self, pair)

    patch.setattr(Connection, "check_start", check)


def ask_who_refused(patch: Patch) -> None:
    was = Gathering._relayed

    async def relayed(self: Gathering, server: Server, told: asyncio.Event) -> bool:
        await was(self, server, told)
        return told.is_set()

    patch.setattr(Gathering, "_relayed", relayed)


SWITCHES = (
    Switch(
        "checks-every-second",
        ("S9",),
        "the time between two packets of one check doubles without end",
        instead(Connection, "ask_every", always(1e9)),
        of(SEAM, "test_a_check_goes_out_steadily_for_as_long_as_an_attempt_lasts"),
    ),
    Switch(
        "checks-as-long-as-the-attempt",
        ("S9",),
        "a check is given up in the midst of its attempt",
        instead(aioice_seam, "MOST_ASKED", 7),
        of(SEAM, "test_so_many_packets_last_as_long_as_an_attempt"),
    ),
    Switch(
        "checks-of-many-pairs",
        ("S9", "P6"),
        "with many pairs each is checked as often as with few",
        instead(Connection, "ask_every", lambda self: aioice_seam.ASK_EVERY),
        of(SEAM, "test_with_many_pairs_each_is_checked_less_often"),
    ),
    Switch(
        "checked-is-checked",
        ("S9",),
        "a check that was lost does not go out again when the peer's comes",
        instead(aioice_seam.Protocol, "ask_again", nothing),
        of(SEAM, "test_a_check_that_was_lost_goes_out_again_when_the_peer_checks_the_same_pair"),
    ),
    Switch(
        "turn-goes-last",
        ("S9",),
        "a pair through a TURN server is checked and nominated before the others had their turn",
        instead(Connection, "check_start", ice.Connection.check_start),
        of(SEAM, "test_a_pair_through_a_turn_server_lets_the_others_go_before_it"),
    ),
    Switch(
        "turn-has-its-turn",
        ("S9",),
        "the side that does not nominate holds pairs through TURN servers back as well",
        hold_on_both_sides,
        of(SEAM, "test_a_pair_through_a_turn_server_has_its_turn[False]"),
    ),
    Switch(
        "best-of-the-nominated",
        ("S9",),
        "of several nominated pairs the last one is used",
        instead(Connection, "check_complete", ice.Connection.check_complete),
        of(SEAM, "test_the_best_of_the_nominated_pairs_is_used_and_not_the_last"),
    ),
    Switch(
        "silent-servers-are-asked-anew",
        ("S9",),
        "an ICE server that is silent is not asked again in the same attempt",
        instead(gathering, "ASKED_FOR", 0.0),
        of(
            "paths/test_gathering.py",
            "test_one_that_comes_back_in_the_midst_of_an_attempt_is_of_use_to_it",
        ),
    ),
    Switch(
        "refusals-of-turn-servers",
        ("S9", "P6"),
        "a TURN server that has refused is asked again and again",
        ask_who_refused,
        of("paths/test_gathering.py", "test_one_that_refuses_is_not_asked_anew"),
    ),
)
