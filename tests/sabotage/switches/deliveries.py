"""Webhooks, many of them: their order, how long they are tried, and what is kept until they have arrived."""

from collections import OrderedDict
from typing import Any

from signalling.webhooks import lanes, outbox, schedule, webhooks
from signalling.webhooks.database import Database, Dead, State
from signalling.webhooks.endpoint import Endpoint
from signalling.webhooks.kept import Kept
from signalling.webhooks.lanes import Lanes
from signalling.webhooks.outbox import Outbox
from signalling.webhooks.webhooks import Webhooks
from tests.sabotage.switch import Patch, Switch, always, instead, nothing, of

LANES = "signalling/webhooks/test_lanes.py"
SCHEDULE = "signalling/webhooks/test_schedule.py"
ENDPOINT = "signalling/webhooks/test_endpoint.py"
OUTBOX = "signalling/webhooks/test_outbox.py"
KEPT = "signalling/webhooks/test_kept.py"
IN_ORDER = "test_a_room_waits_for_its_first_and_for_no_other_room"


def a_lane_for_each(patch: Patch) -> None:
    was = Lanes.add
    patch.setattr(Lanes, "add", lambda self, number, room, failures=0: was(self, number, f"{room} {number}", failures))


def one_lane(patch: Patch) -> None:
    was = Lanes.add
    patch.setattr(Lanes, "add", lambda self, number, room, failures=0: was(self, number, "", failures))


def any_number_at_once(patch: Patch) -> None:
    was = Lanes.__init__
    patch.setattr(Lanes, "__init__", lambda self, most, draw: was(self, 10**9, draw))


def every_second(failures: int, asked: float, draw: Any) -> float | None:
    return None if failures >= schedule.MOST_FAILURES else max(1.0, asked)


def as_if_nobody_asked(patch: Patch) -> None:
    was = schedule.wait
    patch.setattr(lanes, "wait", lambda failures, asked, draw: was(failures, 0.0, draw))


def forget_the_failures(patch: Patch) -> None:
    was = Lanes.add
    patch.setattr(Lanes, "add", lambda self, number, room, failures=0: was(self, number, room))


def throw_away(self: Endpoint, number: int, failures: int, error: str) -> None:
    self._counts.dead += 1
    self._outbox.remove(number)
    self._on_removed(number)


def wait_for_a_restart(self: Webhooks, dead: Dead, endpoint: Endpoint) -> None:
    assert self._outbox is not None
    self._number += 1
    self._outbox.move(dead.number, self._number)
    self._kept.replay(dead.number, self._number)


def drop_from_the_shortest(patch: Patch) -> None:
    patch.setattr(webhooks, "max", min, raising=False)


def keep_in_memory(patch: Patch) -> None:
    was = Database.__init__
    patch.setattr(Database, "__init__", lambda self, path: was(self, ":memory:"))


def write_each(patch: Patch) -> None:
    was = Outbox._call

    async def call(self: Outbox, work: Any, *arguments: Any) -> Any:
        if arguments and isinstance(arguments[0], OrderedDict):
            for number, webhook in arguments[0].items():
                await was(self, work, {number: webhook}, {}, set(), {})
            arguments = ({}, *arguments[1:])
        return await was(self, work, *arguments)

    patch.setattr(Outbox, "_call", call)


def write_no_changes(patch: Patch) -> None:
    was = Outbox.change

    def change(self: Outbox, number: int, state: State) -> None:
        if state.dead:
            was(self, number, state)

    patch.setattr(Outbox, "change", change)


def keep_what_has_arrived(patch: Patch) -> None:
    was = Outbox.remove

    def remove(self: Outbox, number: int) -> None:
        was(self, number)
        self._changes.removed.discard(number)

    patch.setattr(Outbox, "remove", remove)


async def at_once(self: Webhooks, topic: str) -> None:
    """In place of waiting."""


SWITCHES = (
    Switch(
        "in-order-for-each-room",
        ("webhooks",),
        "a room's next webhook does not wait for the one before it",
        a_lane_for_each,
        of(LANES, IN_ORDER) + of(ENDPOINT, "test_failures_in_between_change_no_order"),
    ),
    Switch(
        "no-room-waits-for-another",
        ("webhooks",),
        "a webhook that fails holds up those of all rooms",
        one_lane,
        of(LANES, IN_ORDER, "test_no_more_are_on_their_way_than_allowed"),
    ),
    Switch(
        "16-on-their-way",
        ("webhooks", "P6"),
        "any number of requests to one endpoint are on their way at once",
        any_number_at_once,
        of(LANES, "test_no_more_are_on_their_way_than_allowed", "TestAnything::runTest")
        + of(ENDPOINT, "test_an_endpoint_that_hangs_holds_up_no_other"),
    ),
    Switch(
        "tried-again",
        ("webhooks",),
        "what has failed once is given up",
        instead(lanes, "wait", always(None)),
        of(LANES, IN_ORDER) + of(ENDPOINT, "test_what_could_not_be_delivered_is_there_after_a_restart"),
    ),
    Switch(
        "ever-more-patience",
        ("webhooks",),
        "what fails is tried again every second",
        instead(lanes, "wait", every_second),
        of(LANES, "test_an_hour_of_failures_costs_few_tries_and_ends_well")
        + of(LANES, "test_a_single_bad_one_is_left_alone_while_others_arrive"),
    ),
    Switch(
        "an-hour-at-most",
        ("webhooks",),
        "waits are doubled for days",
        instead(schedule, "LONGEST", 1e9),
        of(SCHEDULE, "test_it_begins_soon_and_goes_on_for_three_days_as_in_the_specification"),
    ),
    Switch(
        "waits-are-spread",
        ("webhooks",),
        "what failed together is tried again together",
        instead(schedule, "SPREAD", 0.0),
        of(SCHEDULE, "test_waits_are_spread_and_never_shorter_than_asked"),
    ),
    Switch(
        "not-before-it-was-asked-to",
        ("webhooks",),
        "a receiver that asks for a rest gets none",
        as_if_nobody_asked,
        of(LANES, "test_a_receiver_that_asks_for_a_rest_gets_it"),
    ),
    Switch(
        "three-days",
        ("webhooks", "P6"),
        "what fails is tried for ever, and its room waits for it",
        instead(schedule, "MOST_FAILURES", 10**9),
        of(SCHEDULE, "test_it_begins_soon_and_goes_on_for_three_days_as_in_the_specification")
        + of(LANES, "test_one_that_fails_for_three_days_is_a_dead_letter_and_the_next_one_is_due"),
    ),
    Switch(
        "failures-outlive-a-restart",
        ("webhooks",),
        "a server that is started again begins to count anew",
        forget_the_failures,
        of(ENDPOINT, "test_how_often_one_has_failed_outlives_a_restart"),
    ),
    Switch(
        "failures-are-written",
        ("webhooks",),
        "how often one has failed is in memory alone",
        write_no_changes,
        of(ENDPOINT, "test_how_often_one_has_failed_outlives_a_restart")
        + of(OUTBOX, "test_what_was_settled_is_there_again"),
    ),
    Switch(
        "at-once-when-it-is-back",
        ("webhooks",),
        "what waited for an endpoint that was down waits on when it is back",
        instead(Lanes, "_wake", nothing),
        of(LANES, "test_when_an_endpoint_is_back_nothing_waits_any_longer"),
    ),
    Switch(
        "dead-letters",
        ("webhooks",),
        "what was tried for the last time is gone",
        instead(Endpoint, "_bury", throw_away),
        of(ENDPOINT, "test_410_turns_an_endpoint_off_until_a_replay"),
    ),
    Switch(
        "replay",
        ("webhooks",),
        "a dead letter that is to be sent again waits for the server's next start",
        instead(Webhooks, "_replay", wait_for_a_restart),
        of(ENDPOINT, "test_dead_letters_are_listed_and_replayed"),
    ),
    Switch(
        "on-disk",
        ("webhooks",),
        "webhooks are in memory alone, and a server that is killed has forgotten them",
        keep_in_memory,
        of("signalling/webhooks/test_killed.py", "test_what_was_acknowledged_is_delivered_by_the_next_server"),
        elsewhere=True,
    ),
    Switch(
        "on-disk-before-it-is-acknowledged",
        ("webhooks",),
        "a post is acknowledged while its webhook waits for the disk",
        instead(Webhooks, "settled", at_once),
        of(ENDPOINT, "test_a_disk_that_is_full_concerns_who_posts_there_alone"),
    ),
    Switch(
        "many-in-one-commit",
        ("webhooks",),
        "each webhook waits for a commit of its own",
        write_each,
        of(OUTBOX, "test_a_thousand_are_a_few_commits"),
    ),
    Switch(
        "what-has-arrived-goes",
        ("webhooks", "P6"),
        "what has arrived stays on disk, and is sent again after a restart",
        keep_what_has_arrived,
        of(OUTBOX, "test_what_was_settled_is_there_again")
        + of(ENDPOINT, "test_what_could_not_be_delivered_is_there_after_a_restart"),
    ),
    Switch(
        "webhook-backlog",
        ("webhooks", "P6"),
        "any number of webhooks is kept",
        instead(Kept, "full", property(always(False))),
        of(KEPT, "test_dead_letters_go_first_the_oldest_first_and_only_as_many_as_must", "test_bytes_count_too")
        + of(ENDPOINT, "test_what_is_kept_is_bounded_and_an_endpoint_that_is_down_costs_itself"),
    ),
    Switch(
        "dead-letters-go-first",
        ("webhooks",),
        "dead letters take the room of those that wait",
        instead(Kept, "surplus", lambda self: iter(())),
        of(KEPT, "test_dead_letters_go_first_the_oldest_first_and_only_as_many_as_must"),
    ),
    Switch(
        "who-is-down-costs-itself",
        ("webhooks",),
        "an endpoint that is down takes the room of those that are well",
        drop_from_the_shortest,
        of(ENDPOINT, "test_what_is_kept_is_bounded_and_an_endpoint_that_is_down_costs_itself"),
    ),
    Switch(
        "memory-while-the-disk-is-full",
        ("webhooks", "P6"),
        "what waits for a full disk grows without end",
        instead(outbox, "_UNWRITTEN", 10**12),
        of(OUTBOX, "test_while_the_disk_is_full_memory_is_bounded"),
    ),
)
