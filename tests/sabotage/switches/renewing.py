"""Tokens of those who are connected: when they run out, what a fresh one changes, and what others are shown of them."""

import json
from typing import Any

import msgspec

from signalling import admission, membership
from signalling.access import Access
from signalling.http.api.gate import Gate
from signalling.membership import Membership
from signalling.posts import Posts
from signalling.protocol.events import Authorized, Join
from signalling.rooms.roster import Admission, Entry, Roster
from signalling.tokens import Verifier
from tests.sabotage.switch import Patch, Switch, always, instead, nothing, of

TOKENS = "signalling/test_tokens.py"
ACCESS = "signalling/test_access.py"
OVER_HTTP = "signalling/http/test_access.py"
BAD = "test_what_is_no_good_token_is_refused"


def once_in_always_in(patch: Patch) -> None:
    was = Verifier.access

    def access(self: Verifier, token: object, now: float) -> Access:
        return msgspec.structs.replace(was(self, token, now), expires=None)

    patch.setattr(Verifier, "access", access)


def renew_in_words_alone(patch: Patch) -> None:
    was = Membership.renew

    async def renew(self: Membership, client: Any, access: Access) -> Authorized:
        before = client.access
        reply = await was(self, client, access)
        client.access = before
        return reply

    patch.setattr(Membership, "renew", renew)


def renew_for_anybody(patch: Patch) -> None:
    was = Membership.renew

    async def renew(self: Membership, client: Any, access: Access) -> Authorized:
        return await was(self, client, msgspec.structs.replace(access, user=client.access.user))

    patch.setattr(Membership, "renew", renew)


def believe_the_member(patch: Patch) -> None:
    was = admission.check_join

    def check(join: Join, **given: Any) -> Entry:
        entry = was(join, **given)
        entry.user = json.loads(join.profile).get("user", entry.user)
        return entry

    patch.setattr(membership, "check_join", check)


def keep_the_first_attributes(patch: Patch) -> None:
    was = Membership.renew

    async def renew(self: Membership, client: Any, access: Access) -> Authorized:
        return await was(self, client, msgspec.structs.replace(access, attributes=client.access.attributes))

    patch.setattr(Membership, "renew", renew)


def come_back_as_another(patch: Patch) -> None:
    was = Roster.join

    def join(self: Roster, new: Entry, most: int) -> Admission:
        held = self.get(new.id)
        if held is not None and held.incarnation == new.incarnation:
            new.user = held.user
        return was(self, new, most)

    patch.setattr(Roster, "join", join)


SWITCHES = (
    Switch(
        "the-connected-run-out",
        ("tokens",),
        "who is connected stays when its token has run out",
        once_in_always_in,
        of(ACCESS, "test_who_lets_its_token_run_out_is_let_go"),
    ),
    Switch(
        "streams-run-out",
        ("tokens", "streams"),
        "a stream goes on when its token has run out",
        instead(Gate, "has_expired", always(False)),
        of(OVER_HTTP, "test_a_stream_ends_when_its_token_expires"),
    ),
    Switch(
        "renewed-tokens",
        ("tokens",),
        "a fresh token is acknowledged and forgotten",
        renew_in_words_alone,
        of(ACCESS, "test_a_fresh_token_in_time_keeps_it"),
    ),
    Switch(
        "renewed-by-the-same-user",
        ("tokens",),
        "a connection goes on by the token of another user",
        renew_for_anybody,
        of(ACCESS, "test_renewal_that_is_refused_changes_nothing"),
    ),
    Switch(
        "renewed-for-what-is-watched",
        ("tokens", "feeds"),
        "who has renewed its token goes on watching what that does not grant",
        instead(Posts, "check", nothing),
        of(ACCESS, "test_renewal_that_is_refused_changes_nothing", "test_who_watches_what_is_for_admins_stays_one"),
    ),
    Switch(
        "users-by-tokens-alone",
        ("tokens",),
        "a member is the user that it says itself",
        believe_the_member,
        of(ACCESS, "test_user_and_attributes_are_the_tokens_and_nobody_elses_word"),
    ),
    Switch(
        "attributes-are-renewed",
        ("tokens",),
        "the roster shows the attributes of a token that has been renewed",
        keep_the_first_attributes,
        of(ACCESS, "test_a_fresh_token_in_time_keeps_it"),
    ),
    Switch(
        "a-place-is-one-users",
        ("tokens",),
        "another user takes the place of a member that is away",
        come_back_as_another,
        of(ACCESS, "test_a_peer_that_comes_back_is_the_same_users"),
    ),
)
