"""What a token grants, and who may use a server that asks for none."""

from collections.abc import Iterable
from typing import Any

import msgspec

from signalling import access as accesses
from signalling import cli
from signalling.access import Access, Grant
from signalling.engine import server
from signalling.http.api import cors
from signalling.http.api.gate import Gate
from signalling.relay import Relays
from signalling.tokens import Verifier
from tests.sabotage.switch import Breaker, Patch, Switch, always, instead, nothing, of

ACCESS = "signalling/test_access.py"
OVER_HTTP = "signalling/http/test_access.py"
ROUTE = "test_each_route_needs_a_token_with_its_grant[{}]"
ON_ITS_OWN_MACHINE = "test_an_open_server_is_ruled_by_programs_on_its_own_machine"


def granted(grant: Grant) -> Breaker:
    """Everybody has this grant in the rooms of its token."""

    def breaks(patch: Patch) -> None:
        was = Access.check

        def check(self: Access, wanted: Grant, room: str | None = None) -> None:
            was(msgspec.structs.replace(self, grants=self.grants | {grant}), wanted, room)

        patch.setattr(Access, "check", check)

    return breaks


def relay_for_all(patch: Patch) -> None:
    was = Relays.relay

    def relay(self: Relays, client: Any, event: Any) -> None:
        before = client.access
        client.access = msgspec.structs.replace(before, grants=before.grants | {"relay"})
        try:
            was(self, client, event)
        finally:
            client.access = before

    patch.setattr(Relays, "relay", relay)


def every_page(patch: Patch) -> None:
    for module in (server, cors):
        patch.setattr(module, "allows", always(True))


def rule_everywhere(patch: Patch) -> None:
    was = Access.check

    def check(self: Access, grant: Grant, room: str | None = None) -> None:
        was(self, grant, None if grant == "admin" else room)

    patch.setattr(Access, "check", check)


def watch_what_is_for_admins(self: Access, room: str, topics: Iterable[str]) -> None:
    self.check("watch", room)


SWITCHES = (
    Switch(
        "rooms-of-a-token",
        ("tokens",),
        "a token is for every room",
        instead(accesses, "_matches", always(True)),
        of(ACCESS, "test_patterns[lobby-rooms1-others1]", "test_patterns[a*b*c-rooms5-others5]")
        + of(ACCESS, "test_rooms_are_those_of_the_token")
        + of(OVER_HTTP, ROUTE.format("GET-/rooms/lobby/feed-watch")),
    ),
    Switch(
        "grant-join",
        ("tokens",),
        "whoever is let in may join",
        granted("join"),
        of(ACCESS, "test_each_event_needs_its_grant")
        + of(OVER_HTTP, ROUTE.format("GET-/rooms/lobby/peers-join"))
        + of("signalling/test_guests.py", "test_with_tokens_it_needs_the_grant"),
    ),
    Switch(
        "grant-relay",
        ("tokens",),
        "whoever joins may relay",
        relay_for_all,
        of(ACCESS, "test_without_relay_packets_are_refused_and_signals_are_not"),
    ),
    Switch(
        "grant-post",
        ("tokens", "feeds"),
        "whoever is let in may post",
        granted("post"),
        of(ACCESS, "test_each_event_needs_its_grant") + of(OVER_HTTP, ROUTE.format("POST-/rooms/lobby/feed-post")),
    ),
    Switch(
        "grant-watch",
        ("tokens", "feeds"),
        "whoever is let in may watch",
        granted("watch"),
        of(ACCESS, "test_each_event_needs_its_grant")
        + of(OVER_HTTP, ROUTE.format("GET-/rooms/lobby/feed-watch"), ROUTE.format("GET-/rooms/lobby/feed/1-watch")),
    ),
    Switch(
        "grant-guest",
        ("tokens", "guests"),
        "whoever is let in may join as a guest",
        granted("guest"),
        of("signalling/test_guests.py", "test_with_tokens_it_needs_the_grant"),
    ),
    Switch(
        "grant-admin",
        ("tokens",),
        "whoever is let in rules over rooms",
        granted("admin"),
        of(OVER_HTTP, ROUTE.format("GET-/rooms-admin"), ROUTE.format("DELETE-/rooms/lobby-admin"))
        + of(OVER_HTTP, ROUTE.format("POST-/tokens-admin"))
        + of("signalling/webhooks/test_routes.py", "test_their_topic_is_for_those_who_administer"),
    ),
    Switch(
        "webhooks-are-for-admins",
        ("tokens", "webhooks"),
        "whoever may watch sees a room's webhooks",
        instead(Access, "check_watch", watch_what_is_for_admins),
        of(ACCESS, "test_who_watches_what_is_for_admins_stays_one")
        + of("signalling/webhooks/test_routes.py", "test_their_topic_is_for_those_who_administer"),
    ),
    Switch(
        "admins-of-their-rooms",
        ("tokens", "webhooks"),
        "who administers some rooms rules over all of them, and makes tokens for them",
        rule_everywhere,
        of(OVER_HTTP, "test_tokens_are_made_for_no_more_than_one_has", "test_only_rooms_of_the_token_are_listed")
        + of("signalling/webhooks/test_routes.py", "test_it_is_for_those_who_administer_and_for_their_rooms"),
    ),
    Switch(
        "origins",
        ("tokens",),
        "pages of every origin may use the server, whichever are configured",
        every_page,
        of("signalling/test_origins.py", "test_pages_of_the_configured_origins_and_no_others")
        + of(OVER_HTTP, "test_pages_of_other_origins_are_refused"),
    ),
    Switch(
        "operators-are-on-the-machine",
        ("tokens",),
        "on an open server whoever reaches it rules over rooms",
        instead(Gate, "_is_operator", always(True)),
        of(OVER_HTTP, *(f"{ON_ITS_OWN_MACHINE}[headers{number}-False]" for number in (3, 4, 6, 7))),
    ),
    Switch(
        "open-on-purpose",
        ("tokens",),
        "a server that asks for no tokens listens to everyone without being told to",
        instead(cli, "is_loopback", always(True)),
        of("signalling/test_serve.py", "test_nobody_opens_a_server_to_others_by_mistake[192.0.2.1]"),
        elsewhere=True,
    ),
    Switch(
        "open-servers-say-so",
        ("tokens",),
        "the log of an open server says nothing of it",
        instead(Verifier, "warn_if_open", nothing),
        of(ACCESS, "test_an_open_server_asks_for_none_and_says_so"),
    ),
)
