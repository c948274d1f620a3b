"""Webhooks, one at a time: how they are signed, sent and answered, and where they are never sent."""

import hmac
import ipaddress
from types import SimpleNamespace
from typing import Any

import aiohttp

from signalling.webhooks import guard, sender, signing
from signalling.webhooks.endpoint import Endpoint
from signalling.webhooks.sender import Outcome, Sender
from tests.sabotage.switch import Patch, Switch, always, instead, nothing, of

SENDER = "signalling/webhooks/test_sender.py"
SIGNING = "signalling/webhooks/test_signing.py"
ENDPOINT = "signalling/webhooks/test_endpoint.py"
GUARD = "signalling/webhooks/test_guard.py"
SECOND = "test_nor_when_a_name_resolves_to_them_the_second_time"
NOWHERE = ipaddress.IPv6Network("ff00::/128")


def sign_the_body_alone(patch: Patch) -> None:
    was = hmac.digest

    def digest(key: bytes, signed: bytes, name: Any) -> bytes:
        return was(key, signed.split(b".", 2)[2], name)

    patch.setattr(signing, "hmac", SimpleNamespace(digest=digest))


def sign_by_the_first(patch: Patch) -> None:
    was = signing.sign
    patch.setattr(signing, "sign", lambda keys, *signed: was(keys[:1], *signed))


def another_id_each_time(patch: Patch) -> None:
    was = Sender.send

    async def send(self: Sender, url: str, id: str, body: bytes) -> Outcome:
        return await was(self, url, signing.new_id(), body)

    patch.setattr(Sender, "send", send)


def follow_redirects(patch: Patch) -> None:
    was = aiohttp.ClientSession.post

    def post(self: aiohttp.ClientSession, url: str, **options: Any) -> Any:
        return was(self, url, **{**options, "allow_redirects": True})

    patch.setattr(aiohttp.ClientSession, "post", post)


def wait_for_long(patch: Patch) -> None:
    was = aiohttp.ClientTimeout
    patch.setattr(aiohttp, "ClientTimeout", lambda **given: was(total=8))


async def read_100_megabytes(response: aiohttp.ClientResponse) -> bytes:
    left = 100_000_000
    while left > 0 and (part := await response.content.readany()):
        left -= len(part)
    return b""


SWITCHES = (
    Switch(
        "signatures-of-webhooks",
        ("webhooks",),
        "the signature is of the body alone, and an old request can be sent again",
        sign_the_body_alone,
        of(SIGNING, "test_they_are_those_of_the_library", "test_the_example_of_the_specification")
        + of(SENDER, "test_a_receiver_gets_it_signed"),
    ),
    Switch(
        "every-secret-signs",
        ("webhooks",),
        "of several secrets only the first one signs",
        sign_by_the_first,
        of("signalling/webhooks/test_webhooks.py", "test_both_secrets_sign_while_they_change"),
    ),
    Switch(
        "one-id-for-all-tries",
        ("webhooks",),
        "each try has an id of its own, and a receiver cannot tell that it had that one before",
        another_id_each_time,
        of(ENDPOINT, "test_what_could_not_be_delivered_is_there_after_a_restart")
        + of(ENDPOINT, "test_410_turns_an_endpoint_off_until_a_replay")
        + of("signalling/webhooks/test_webhooks.py", "test_every_endpoint_gets_it_under_the_same_id"),
    ),
    Switch(
        "no-private-addresses",
        ("webhooks",),
        "webhooks are sent to addresses within the network that the server is in",
        instead(guard, "why_not", always(None)),
        of(SENDER, "test_private_addresses_are_refused[127.0.0.1]", "test_private_addresses_are_refused[localhost]")
        + of(SENDER, SECOND)
        + of(GUARD, "test_no_socket_is_made_for_them"),
    ),
    Switch(
        "addresses-within-others",
        ("webhooks",),
        "an IPv6 address that leads to a private IPv4 address is taken for a public one",
        instead(guard, "_SIX_TO_FOUR", NOWHERE),
        of(GUARD, "test_nor_does_an_address_within_another_get_by"),
    ),
    Switch(
        "public-addresses-within-others",
        ("webhooks",),
        "in a network that has IPv6 alone no webhook gets out, for what translates it is taken for private",
        instead(guard, "_NAT64", NOWHERE),
        of(GUARD, "test_public_addresses_within_others_may"),
    ),
    Switch(
        "no-redirects",
        ("webhooks",),
        "a receiver that redirects decides where webhooks go",
        follow_redirects,
        of(SENDER, "test_redirects_are_not_followed"),
    ),
    Switch(
        "answers-in-part",
        ("webhooks", "P6"),
        "an answer is read to its end, however long it is",
        instead(sender, "_read", read_100_megabytes),
        of(SENDER, "test_two_gigabytes_are_not_read[200]"),
    ),
    Switch(
        "answers-for-a-second",
        ("webhooks",),
        "an answer whose status is known is waited for to its end",
        instead(sender, "_READING", 11.0),
        of(SENDER, "test_a_success_whose_body_never_ends_is_one"),
    ),
    Switch(
        "answers-in-time",
        ("webhooks", "P6"),
        "a receiver that hangs is waited for longer than was said",
        wait_for_long,
        of(SENDER, "test_one_that_hangs_is_given_up"),
    ),
    Switch(
        "what-they-say-is-kept-short",
        ("webhooks",),
        "what a receiver says goes into logs and terminals as it is",
        instead(sender, "_text", lambda said: said),
        of(SENDER, "test_what_it_says_is_kept_short_and_harmless"),
    ),
    Switch(
        "retry-after",
        ("webhooks",),
        "nobody hears that a receiver wants to be left alone",
        instead(sender, "_retry_after", always(0.0)),
        of(SENDER, "test_retry_after"),
    ),
    Switch(
        "410-means-no-more",
        ("webhooks",),
        "a receiver that wants no more goes on getting them",
        instead(Endpoint, "_disable", nothing),
        of(ENDPOINT, "test_410_turns_an_endpoint_off_until_a_replay"),
    ),
)
