"""Tokens on a real server: who may connect, join, relay, post and watch, for how long, and how others are told."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from socketio.exceptions import ConnectionError as SocketIOConnectionError

from signalling import create_token
from signalling.access import OPEN, Access
from signalling.protocol.errors import ProtocolError
from signalling.protocol.events import PeerAway, PeerJoined, PeerLeft, PeerUpdated
from tests.signalling.actor import Actor, until
from tests.signalling.conftest import Connect, Server, StartServer
from tests.signalling.keys import ED25519, OTHER_SECRET, SECRET, private_pem, public_pem

Admit = Callable[..., Awaitable[Actor]]


def auth(user: str = "ada", rooms: tuple[str, ...] = ("*",), key: str = SECRET, **claims: Any) -> dict[str, Any]:
    """What a client shows in its handshake."""
    return {"protocol": 1, "token": create_token(key, user=user, rooms=rooms, **claims)}


@pytest.fixture
async def guarded(start_server: StartServer) -> Server:
    """A server that asks for tokens."""
    return await start_server(token_secret=(SECRET,))


@pytest.fixture
def admit(guarded: Server, connect: Connect) -> Admit:
    """Connects an actor with a token that says so."""

    async def admit(user: str = "ada", like: Actor | None = None, **claims: Any) -> Actor:
        return await connect(guarded.url, like=like, auth=auth(user, **claims))

    return admit


async def refusal(server: Server, shown: dict[str, Any], *transports: str) -> dict[str, Any]:
    """What a client is told that is not let in."""
    actor = Actor(server.url)
    with pytest.raises(SocketIOConnectionError):
        await actor.connect(*transports, auth=shown)
    await actor.close()
    found: dict[str, Any] = actor.refusal["data"]
    assert shown.get("token") is None or str(shown["token"]) not in str(actor.refusal)
    return found


def code(reply: dict[str, Any]) -> str:
    """Of the error in a reply."""
    return str(reply["error"]["code"])


# ---- connecting


async def test_without_a_token_nobody_is_let_in_and_is_told_what_to_do(guarded: Server) -> None:
    for transport in ("websocket", "polling"):
        told = await refusal(guarded, {"protocol": 1}, transport)
        assert told["code"] == "unauthorized"
        assert "eitherway token" in told["message"]


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_bad_tokens(guarded: Server, transport: str) -> None:
    expired = create_token(SECRET, user="ada", rooms=["*"], clock=lambda: time.time() - 4_000)
    for token in (expired, auth(key=OTHER_SECRET)["token"], "nonsense", 5, ["a"], {"a": 1}, "x" * 100_000):
        assert (await refusal(guarded, {"protocol": 1, "token": token}, transport))["code"] == "unauthorized"


async def test_the_log_names_users_and_no_tokens(
    guarded: Server, admit: Admit, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shown = auth(key=OTHER_SECRET)
    await refusal(guarded, shown)
    ada = await admit("ada lovelace")
    await ada.join("lobby")
    again = auth("ada lovelace")["token"]
    await ada.call("auth", {"token": again})
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("signalling"))
    assert "user='ada lovelace'" in ours
    assert "code=unauthorized" in ours
    for token in (shown["token"], again):
        for part in token.split(".")[1:]:
            assert part not in ours


async def test_keys_from_files(start_server: StartServer, connect: Connect, tmp_path: Any) -> None:
    (tmp_path / "public.pem").write_text(public_pem(ED25519))
    (tmp_path / "secret").write_text(OTHER_SECRET + "\n")
    server = await start_server(token_key=(str(tmp_path / "public.pem"), str(tmp_path / "secret")))
    for key in (private_pem(ED25519), OTHER_SECRET):
        await (await connect(server.url, auth=auth(key=key))).join("lobby")
    assert (await refusal(server, auth(key=SECRET)))["code"] == "unauthorized"
    # The public key's file is no secret, though everybody may have it.
    assert (await refusal(server, auth(key=public_pem(ED25519).replace("-----", "_____"))))["code"] == "unauthorized"


async def test_an_open_server_asks_for_none_and_says_so(
    start_server: StartServer, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    server = await start_server()
    ada = await connect(server.url, auth={"protocol": 1, "token": "whatever"})
    joined = await ada.join("lobby")
    assert "user" not in joined["peers"][0]
    assert await ada.call("auth", {"token": "whatever else"}) == {}
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert any("NO ADMISSION CONTROL" in text for text in warnings)


async def test_a_guarded_server_warns_of_nothing(guarded: Server, caplog: pytest.LogCaptureFixture) -> None:
    assert not [record for record in caplog.records if "ADMISSION" in record.getMessage()]


# ---- grants and rooms


async def test_rooms_are_those_of_the_token(admit: Admit) -> None:
    ada = await admit(rooms=("team-*", "lobby"))
    for room in ("team-", "team-a", "lobby"):
        await ada.join(room)
    for room in ("team", "Lobby", "lobby2", "a-team-a"):
        reply = await ada.call("join", ada.join_fields(room))
        assert code(reply) == "forbidden"
        assert room in reply["error"]["message"]


async def test_each_event_needs_its_grant(admit: Admit) -> None:
    nothing = await admit(grants=())
    room = {"room": "lobby"}
    for event, fields, grant in (
        ("join", nothing.join_fields("lobby"), "join"),
        ("post", {**room, "topic": "a", "data": 1}, "post"),
        ("watch", {**room, "topics": ["a"]}, "watch"),
    ):
        reply = await nothing.call(event, fields)
        assert code(reply) == "forbidden"
        assert grant in reply["error"]["message"]
    reply = await nothing.call("signal", {**room, "to": nothing.id, "kind": "offer", "attempt": 1, "packet": "x"})
    assert code(reply) == "not-in-room"
    poster = await admit(grants=("post",))
    assert "id" in await poster.call("post", {**room, "topic": "a", "data": 1})
    assert code(await poster.call("watch", {**room, "topics": ["a"]})) == "forbidden"


async def test_without_relay_packets_are_refused_and_signals_are_not(admit: Admit) -> None:
    ada, bob = await admit("ada", grants=("join",)), await admit("bob")
    await ada.join("lobby")
    await bob.join("lobby")
    n = await ada.relay("lobby", [bob.id], [b"packet"])
    assert await ada.next("refused") == {"n": n, "to": bob.id, "code": "forbidden"}
    assert (await ada.next("relayed"))["n"] == n
    signal = {"room": "lobby", "to": bob.id, "kind": "offer", "attempt": 1, "packet": "x"}
    assert await ada.call("signal", signal) == {}
    assert (await bob.next("signal"))["from"] == ada.id
    await bob.relay("lobby", [ada.id], [b"packet"])
    assert (await ada.next("relay"))["packet"] == b"packet"
    assert bob.waiting("relay") == 0


@pytest.mark.parametrize(
    ("pattern", "rooms", "others"),
    [
        ("*", ("", "lobby"), ()),
        ("lobby", ("lobby",), ("", "lobby ", "Lobby", "lobb")),
        ("a*", ("a", "ab", "a*"), ("", "ba")),
        ("*a", ("a", "ba"), ("ab",)),
        ("a*a", ("aa", "aba", "a*a"), ("a", "ab")),
        ("a*b*c", ("abc", "a--b--c", "abbc"), ("ac", "acb")),
        ("**", ("", "x"), ()),
        ("[ab]?", ("[ab]?",), ("ax", "b?")),
        ("", ("",), ("a",)),
    ],
)
def test_patterns(pattern: str, rooms: tuple[str, ...], others: tuple[str, ...]) -> None:
    access = Access(rooms=(pattern,))
    for room in rooms:
        access.check("join", room)
    for room in others:
        with pytest.raises(ProtocolError, match="forbidden"):
            access.check("join", room)


def test_no_pattern_is_slow() -> None:
    access = Access(rooms=("*a" * 60 + "b",) * 64)
    begun = time.perf_counter()
    with pytest.raises(ProtocolError):
        access.check("join", "a" * 128)
    assert time.perf_counter() - begun < 0.1


def test_open_is_everything() -> None:
    for grant in ("join", "relay", "post", "watch", "admin"):
        OPEN.check(grant, "any room")


# ---- what others are told


async def test_user_and_attributes_are_the_tokens_and_nobody_elses_word(admit: Admit) -> None:
    ada = await admit("ada", attributes={"role": "teacher", "groups": [1, 2], "größe": "ü"})
    await ada.join("lobby")
    bob = await admit("bob")
    reply = await bob.call(
        "join",
        {**bob.join_fields("lobby", '{"user":"root"}'), "user": "root", "attributes": {"role": "teacher"}},
    )
    first, second = reply["peers"]
    assert (first["user"], first["attributes"]) == (
        "ada",
        {"role": "teacher", "groups": [1, 2], "größe": "ü"},
    )
    assert second["user"] == "bob"
    assert "attributes" not in second
    member = (await ada.change(PeerJoined)).member
    assert (member.user, member.attributes) == ("bob", {})


async def test_a_peer_that_comes_back_is_the_same_users(admit: Admit) -> None:
    ada = await admit("ada", attributes={"n": 1})
    bob = await admit("bob")
    await ada.join("lobby")
    await bob.join("lobby")
    await ada.close()
    await bob.change(PeerAway)
    thief = await admit("eve", like=ada)
    thief.connection += 1
    reply = await thief.call("join", thief.join_fields("lobby"))
    assert code(reply) == "forbidden"
    again = await admit("ada", like=ada, attributes={"n": 2})
    again.connection += 1
    assert (await again.join("lobby"))["resumed"]
    assert (await bob.change(PeerUpdated)).attributes == {"n": 2}
    restarted = await admit("eve", like=again)
    restarted.incarnation += 1
    await restarted.join("lobby")
    left, joined = (await bob.roster()).changes
    assert isinstance(left, PeerLeft)
    assert left.reason == "restarted"
    assert isinstance(joined, PeerJoined)
    assert joined.member.user == "eve"


# ---- expiry and renewal


async def test_who_lets_its_token_run_out_is_let_go(guarded: Server, admit: Admit) -> None:
    ada, bob = await admit("ada", lifetime=1.2), await admit("bob")
    await bob.join("lobby")
    await ada.join("lobby")
    begun = time.monotonic()
    async with asyncio.timeout(10):
        await ada.ended.wait()
    assert time.monotonic() - begun > 0.5
    await bob.change(PeerAway)
    assert not bob.ended.is_set()


async def test_a_long_polling_client_too(guarded: Server, connect: Connect) -> None:
    ada = await connect(guarded.url, "polling", auth=auth(lifetime=1.2))
    await ada.join("lobby")
    async with asyncio.timeout(10):
        await ada.ended.wait()


async def test_a_fresh_token_in_time_keeps_it(guarded: Server, admit: Admit) -> None:
    ada, bob = await admit("ada", lifetime=2.0, attributes={"n": 1}), await admit("bob")
    await bob.join("lobby")
    await ada.join("lobby")
    fresh = create_token(SECRET, user="ada", rooms=["lobby"], lifetime=60, attributes={"n": 2})
    before = time.time()
    reply = await ada.call("auth", {"token": fresh})
    assert before + 59 < reply["expires"] < time.time() + 61
    changed = await bob.change(PeerUpdated)
    assert (changed.id, changed.attributes) == (ada.id, {"n": 2})
    joined = await (await admit("dora")).join("lobby")
    assert joined["peers"][1]["attributes"] == {"n": 2}
    # What was granted first has run out by now, for sweeps go on.
    short = await admit("carol", lifetime=2.5)
    async with asyncio.timeout(10):
        await short.ended.wait()
    assert not ada.ended.is_set()
    await ada.relay("lobby", [bob.id], [b"still here"])
    assert (await bob.next("relay"))["packet"] == b"still here"
    assert code(await ada.call("join", ada.join_fields("elsewhere"))) == "forbidden"


async def test_renewal_that_is_refused_changes_nothing(guarded: Server, admit: Admit) -> None:
    ada = await admit("ada", rooms=("lobby", "feed"))
    await ada.join("lobby")
    assert "id" in await ada.call("watch", {"room": "feed", "topics": ["a"]})

    def token(user: str = "ada", rooms: tuple[str, ...] = ("lobby", "feed"), key: str = SECRET, **more: Any) -> str:
        return str(auth(user, rooms, key, **more)["token"])

    for fields, expected in (
        ({"token": token("bob")}, "forbidden"),
        ({"token": token(rooms=("feed",))}, "forbidden"),
        ({"token": token(rooms=("lobby",))}, "forbidden"),
        ({"token": token(grants=("watch",))}, "forbidden"),
        ({"token": token(grants=("join",))}, "forbidden"),
        ({"token": token(key=OTHER_SECRET)}, "unauthorized"),
        ({"token": token(clock=lambda: time.time() - 4_000)}, "unauthorized"),
        ({"token": ""}, "unauthorized"),
        ({"token": None}, "bad-request"),
        ({}, "bad-request"),
        ("x", "bad-request"),
    ):
        assert code(await ada.call("auth", fields)) == expected, fields
    joined = await ada.join("lobby")
    assert joined["peers"][0]["user"] == "ada"
    assert "id" in await ada.call("watch", {"room": "feed", "topics": ["b"]})
    assert "expires" in await ada.call("auth", {"token": token()})


async def test_who_watches_what_is_for_admins_stays_one(admit: Admit) -> None:
    ada = await admit("ada", grants=("watch", "admin"))
    assert "id" in await ada.call("watch", {"room": "shop", "topics": ["$webhooks"]})
    assert code(await ada.call("auth", {"token": auth("ada", grants=("watch",))["token"]})) == "forbidden"
    assert "error" not in await ada.call("unwatch", {"room": "shop"})
    assert "expires" in await ada.call("auth", {"token": auth("ada", grants=("watch",))["token"]})
    assert code(await ada.call("watch", {"room": "shop", "topics": ["$webhooks"]})) == "forbidden"


async def test_the_server_remembers_nobody_who_ran_out(guarded: Server, admit: Admit) -> None:
    for _ in range(3):
        actor = await admit("ada", lifetime=0.7)
        async with asyncio.timeout(10):
            await actor.ended.wait()
    await until(lambda: not guarded.signalling._clients)
