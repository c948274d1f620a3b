"""V6: the way back to the server: soon, not together with all others, and leaving nothing."""

import random
from typing import Any

import aiohttp

from peers import connection, tries
from peers.backoff import Backoff
from peers.connection import Connection
from peers.dialling import Dialler
from peers.tries import Line
from tests.sabotage.switch import Patch, Switch, always, instead, nothing, of

BACKOFF = "peers/test_backoff.py"
TRIES = "peers/test_tries.py"
CONNECTION = "peers/test_connection.py"
DIALLING = "peers/test_dialling.py"


class Latest(random.Random):
    """Draws the latest moment every time."""

    def uniform(self, a: float, b: float) -> float:
        return b


def come_in_step(patch: Patch) -> None:
    was = Backoff.__init__

    def init(self: Backoff, **options: Any) -> None:
        was(self, **{**options, "rng": Latest()})

    patch.setattr(Backoff, "__init__", init)


def somebody_always(patch: Patch) -> None:
    was = Backoff.next

    def following(self: Backoff, *, nobody: bool, outage: float = 0.0) -> float:
        return was(self, nobody=False, outage=outage)

    patch.setattr(Backoff, "next", following)


def outages_are_short(patch: Patch) -> None:
    was = Backoff.next

    def following(self: Backoff, *, nobody: bool, outage: float = 0.0) -> float:
        return was(self, nobody=nobody)

    patch.setattr(Backoff, "next", following)


def come_back_at_once(self: Connection, nobody: bool, outage: float) -> float:
    return self._backoff.next(nobody=nobody, outage=outage)


def know_no_websockets(patch: Patch) -> None:
    was = aiohttp.ClientSession

    def session(*, ws_response_class: Any = None, **options: Any) -> aiohttp.ClientSession:
        return was(**options)

    patch.setattr(aiohttp, "ClientSession", session)


SWITCHES = (
    Switch(
        "nobody-there",
        ("V6", "P3"),
        "a server that is not there is tried ever less often, as one that has too much to do",
        somebody_always,
        of(
            BACKOFF,
            "test_where_nobody_is_tries_stay_a_second_apart_and_after_ten_seconds_two_and_a_half",
            "test_a_thousand_clients_come_back_soon_and_not_together",
        ),
    ),
    Switch(
        "long-outages",
        ("V6", "P6"),
        "after a long outage all clients come back within a second",
        outages_are_short,
        of(
            BACKOFF,
            "test_where_nobody_is_tries_stay_a_second_apart_and_after_ten_seconds_two_and_a_half",
            "test_a_thousand_clients_come_back_soon_and_not_together",
        ),
    ),
    Switch(
        "not-together",
        ("V6", "P6"),
        "all clients of a server come back in step",
        come_in_step,
        of(BACKOFF, "test_a_thousand_clients_come_back_soon_and_not_together"),
    ),
    Switch(
        "asked-to-stay-away",
        ("V6", "P6"),
        "all clients that are asked to stay away for a while end it at once",
        instead(Backoff, "after", lambda self, asked: asked),
        of(BACKOFF, "test_who_is_asked_to_come_back_later_does_not_come_with_all_others"),
    ),
    Switch(
        "when-it-was-asked-to",
        ("V6", "P6"),
        "a client that is asked to come back later comes back at once",
        instead(Connection, "_pause", come_back_at_once),
        of(CONNECTION, "test_who_is_asked_to_come_back_later_comes_a_little_later_than_that"),
    ),
    Switch(
        "steady-connections",
        ("V6", "P6"),
        "a connection that is lost at once is made again without a pause, as often as it likes",
        instead(connection, "STEADY", 0.0),
        of(CONNECTION, "test_a_connection_that_is_lost_again_and_again_is_tried_less_often"),
    ),
    Switch(
        "steady-connections-start-over",
        ("V6", "P3"),
        "the wait after a connection that has lasted is as long as the one before it",
        instead(Backoff, "reset", nothing),
        of(CONNECTION, "test_after_a_connection_that_lasted_the_first_wait_is_short_again"),
    ),
    Switch(
        "hanging-tries-are-overtaken",
        ("V6", "P3"),
        "while one try hangs no other is begun",
        instead(tries, "OVERLAP", (1e6, 1e6)),
        of(DIALLING, "test_a_network_that_is_back_is_noticed_though_a_try_hangs_on_it"),
    ),
    Switch(
        "five-tries",
        ("V6", "P6"),
        "while tries hang more are begun, without end",
        instead(tries, "MOST_TRIES", 10**9),
        of(TRIES, "test_while_tries_hang_more_are_begun_but_not_without_end"),
    ),
    Switch(
        "no-try-beside-an-answer",
        ("V6", "P6"),
        "a second try is begun though the server has answered the first",
        instead(Line, "hangs", property(always(True))),
        of(
            TRIES,
            "test_no_second_try_loads_a_server_that_has_answered",
            "test_no_second_try_asks_for_a_name_beside_the_first",
        ),
    ),
    Switch(
        "no-transport-after-silence",
        ("V6", "P3"),
        "where nobody answers, the next transport is waited for as well",
        instead(Line, "answered", property(always(True))),
        of(DIALLING, "test_where_nobody_answers_no_second_transport_is_tried"),
    ),
    Switch(
        "forsaken-tries",
        ("V6", "P6"),
        "tries that were overtaken go on",
        instead(Dialler, "_forsake", nothing),
        of(DIALLING, "test_a_network_that_is_back_is_noticed_though_a_try_hangs_on_it"),
    ),
    Switch(
        "forgotten-websockets",
        ("V6", "P6"),
        "a WebSocket that is given up before its first packet stays open",
        know_no_websockets,
        of(DIALLING, "test_a_websocket_on_which_nothing_follows_is_closed"),
    ),
)
