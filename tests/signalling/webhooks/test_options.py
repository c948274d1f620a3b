"""Options of webhooks that make no sense are refused at the start, with what to do about it."""

import asyncio
import sys
from typing import Any

import pytest

from signalling.app import Signalling
from signalling.config import Config
from signalling.webhooks.options import read_options
from signalling.webhooks.signing import read_secret
from tests.signalling.webhooks.receivers import SECRET

URL = "https://example.com/hook"


def read(**changed: Any) -> Any:
    return read_options(Config().changed(**{"webhook": [URL], "webhook_secret": [SECRET], **changed}))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"webhook": ["example.com"]}, "--webhook: a URL looks like https://example.com/hook, not 'example.com'"),
        ({"webhook": ["ftp://example.com/"]}, "--webhook: a URL looks like"),
        ({"webhook": ["http://"]}, "--webhook: a URL looks like"),
        ({"webhook": ["http://example.com:99999/"]}, "--webhook: a URL looks like"),
        ({"webhook": ["http://exam ple.com/"]}, "--webhook: a URL looks like"),
        ({"webhook": ["https://user:secret@example.com/"]}, "--webhook: no user"),
        ({"webhook": ["https://example.com/#here"]}, "--webhook: no user and no fragment"),
        ({"webhook": [f"{URL}/{n}" for n in range(17)]}, "--webhook: at most 16"),
        ({"webhook_secret": []}, "--webhook needs --webhook-secret .* here is a new one: whsec_"),
        ({"webhook_secret": ["secret"]}, "--webhook-secret: a webhook secret begins with 'whsec_'"),
        ({"webhook_topics": ["orders.*.**.x"]}, r"--webhook-topics: '\*\*' stands only at the end"),
        ({"webhook_topics": [f"a{n}" for n in range(65)]}, "--webhook-topics: at most 64"),
        ({"webhook_events": ["peer.jumped"]}, r"--webhook-events: room\.started, .*; not peer\.jumped"),
    ],
)
def test_what_makes_no_sense(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read(**changed)


def test_what_does() -> None:
    urls, keys, wanted = read(webhook=[URL, URL], webhook_topics=["orders.*"], webhook_events=["post"])
    assert (urls, keys) == ((URL,), (read_secret(SECRET),))
    assert wanted.type("post")
    assert not wanted.type("peer.joined")
    for _ in range(2):  # the second time from memory
        assert wanted.topic("orders.new")
        assert not wanted.topic("orders")
        assert not wanted.topic("$webhooks")
    assert all(wanted.topic(f"orders.{number}") for number in range(5_000))
    assert len(wanted._known) <= 1_024


def test_posts_are_wanted_only_if_their_type_is() -> None:
    assert not read(webhook_topics=["**"], webhook_events=["peer.joined"]).wanted.topic("orders")


def test_an_embedded_server_is_told_too() -> None:
    with pytest.raises(ValueError, match="--webhook needs --webhook-secret"):
        Signalling(Config(webhook=(URL,)))


async def test_the_command_is_told() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "peers.cli", "serve", "--port", "0", "--stun-port", "0", "--webhook", URL),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        _, said = await process.communicate()
    assert process.returncode == 2
    assert b"--webhook needs --webhook-secret" in said
    assert b"Traceback" not in said
