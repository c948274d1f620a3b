"""Peers that are admitted by tokens: shown, renewed in time, refused."""

import asyncio
import base64
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from peers import Client, Refused
from peers.tokens import expiry
from signalling import create_token
from tests.serving import serving
from tests.signalling.keys import OTHER_SECRET, SECRET
from tests.waiting import Log, eventually

Fresh = Callable[[], Awaitable[str]]


def token(user: str = "ada", lifetime: float = 60.0, key: str = SECRET, **claims: Any) -> str:
    return create_token(key, user=user, rooms=["*"], lifetime=lifetime, **claims)


def fresh(given: Log[str], lifetime: float) -> Fresh:
    """A function such as an application has, and what it gave."""

    async def fresh() -> str:
        made = token(lifetime=lifetime, attributes={"n": len(given.items)})
        given(made)
        return made

    return fresh


async def test_users_and_attributes_are_seen_by_others() -> None:
    async with serving(token_secret=[SECRET]) as url:
        ada = Client(url, token=token("ada", attributes={"role": "teacher"}))
        bob = Client(url, token=token("bob"))
        async with ada, bob, ada.join("r", p2p="never"), bob.join("r", p2p="never") as room:
            peer = await room.wait_for_peer(timeout=10)
            assert (peer.user, peer.attributes) == ("ada", {"role": "teacher"})


async def test_who_stays_is_admitted_all_the_time() -> None:
    """Over three lifetimes of tokens nobody notices anything, and messages go on."""
    given: Log[str] = Log()
    async with serving(token_secret=[SECRET]) as url:
        ada, bob = Client(url, token=fresh(given, 2.0)), Client(url, token=token("bob"))
        gone: Log[Any] = Log()
        updated: Log[Any] = Log()
        ada.on("disconnected", gone)
        async with ada, bob, ada.join("r", p2p="never") as here, bob.join("r", p2p="never") as there:
            there.on("peer_left", gone)
            there.on("peer_updated", lambda peer: updated(peer.attributes["n"]))
            there.on("message", lambda message: None)
            peer = await here.wait_for_peer(timeout=10)
            begun = time.monotonic()
            while time.monotonic() - begun < 6.0:
                await peer.send("still here")
                await peer.flush()
                await asyncio.sleep(0.1)
            assert len(given.items) >= 3
            await eventually(lambda: len(updated.items) >= 2)
            assert updated.items == sorted(updated.items)
            assert there.peers[ada.id].attributes["n"] == updated.items[-1]
            assert not gone.items
    count = len(given.items)
    await asyncio.sleep(1.6)
    assert len(given.items) == count  # and nothing asks for more when the client is closed


async def test_a_function_that_fails_is_asked_again() -> None:
    given: Log[str] = Log()
    errors: Log[Exception] = Log()
    good = fresh(given, 4.0)
    calls = 0

    async def flaky() -> str:
        nonlocal calls
        calls += 1
        match calls:
            case 2:
                raise RuntimeError("the application's server is away")
            case 3:
                return token("eve")
        return await good()

    async with serving(token_secret=[SECRET]) as url, Client(url, token=flaky) as client:
        client.on("error", errors)
        await client.join("r", p2p="never")
        assert isinstance((await errors.count(1, 20))[0], RuntimeError)
        other = (await errors.count(2, 20))[1]
        assert isinstance(other, Refused)
        assert other.code == "forbidden"  # that token was another user's
        await eventually(lambda: len(given.items) >= 2 and client.connected, 20)


async def test_one_token_is_for_as_long_as_it_lasts() -> None:
    closed: Log[str] = Log()
    errors: Log[Exception] = Log()
    async with serving(token_secret=[SECRET]) as url, Client(url, token=token(lifetime=1.5)) as client:
        client.on("error", errors)
        room = await client.join("r", p2p="never")
        room.on("closed", closed)
        (error,) = await errors.count(1, 20)
        assert isinstance(error, Refused)
        assert error.code == "unauthorized"
        assert "expired" in str(error)
        await closed.count(1)


async def test_a_function_that_is_late_finds_its_way_back() -> None:
    """It gives what it has kept, which has run out, before it knows of a new one."""
    kept = token(lifetime=1.2)
    calls = 0

    async def late() -> str:
        nonlocal calls
        calls += 1
        return kept if calls < 6 else token()

    async with serving(token_secret=[SECRET]) as url, Client(url, token=late) as client:
        gone: Log[str] = Log()
        client.on("disconnected", gone)
        room = await client.join("r", p2p="never")
        await gone.count(1, 20)
        await eventually(lambda: client.connected and calls >= 6, 30)
        assert room.name in client.rooms


async def test_a_token_by_another_key_is_refused_at_once() -> None:
    async with serving(token_secret=[SECRET]) as url:
        for bad in (token(key=OTHER_SECRET), "nonsense", None):
            with pytest.raises(Refused) as refused:
                await Client(url, token=bad).connect()
            assert refused.value.code == "unauthorized"
        with pytest.raises(Refused, match="forbidden"):
            async with Client(url, token=token(grants=["watch"])) as client:
                await client.join("r")


async def test_without_relay_nobody_is_reached_and_the_log_says_why(caplog: pytest.LogCaptureFixture) -> None:
    """Handshakes go by the relay, so that a member without it sees who is there and no more."""
    async with serving(token_secret=[SECRET]) as url:
        ada, bob = (Client(url, token=token(user, grants=["join"])) for user in ("ada", "bob"))
        async with ada, bob, ada.join("r") as here, bob.join("r"):
            peer = await here.wait_for_peer(timeout=10)
            await peer.send("hello")
            await eventually(lambda: "needs the grant `relay`" in caplog.text, 20)
            await asyncio.sleep(0.5)
            assert caplog.text.count("needs the grant `relay`") <= 2  # each client says it once


NO_TIMES: tuple[object, ...] = ("5", None, [], -1, 0, 1e300, float("inf"), float("nan"))
NO_CLAIMS: tuple[object, ...] = ([], 5, "x", None, {})


def spelled(claims: object) -> str:
    return "e30." + base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=") + ".x"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (spelled({"exp": 5}), 5.0),
        (spelled({"exp": 5.5}), 5.5),
        *[(spelled({"exp": value}), None) for value in NO_TIMES],
        *[(spelled(value), None) for value in NO_CLAIMS],
        *[(text, None) for text in ("", "x", "..", "a.b.c", "é.é.é", "s3cret")],
    ],
)
def test_what_a_token_says_of_its_end(text: str, expected: float | None) -> None:
    assert expiry(text) == expected
