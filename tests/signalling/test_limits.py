"""Counts and rates that one client, one room and one address are held to."""

import asyncio
import json
import logging
import time

import msgspec
import pytest
from socketio.exceptions import ConnectionError as Refused

from tests.signalling.actor import Actor, until
from tests.signalling.conftest import Connect, StartServer
from tests.signalling.raw import RawClient, RawPoller


async def test_a_flood_is_refused_and_others_do_not_notice(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(event_rate=5.0, event_burst=100)
    ada, bob, eve = [await connect(server.url) for _ in range(3)]
    await ada.join("lobby")
    await bob.join("lobby")
    await eve.join("lobby")
    answers: list[str] = []
    for _ in range(400):
        await eve.sio.emit("leave", {"room": "hall"}, callback=lambda reply: answers.append(reply["error"]["code"]))
    worst = 0.0
    for _ in range(10):
        start = time.monotonic()
        await ada.relay("lobby", [bob.id], [b"in the middle of it"])
        await bob.next("relay")
        worst = max(worst, time.monotonic() - start)
        await asyncio.sleep(0.01)
    assert worst < 1.0
    error = (await eve.call("leave", {"room": "hall"}))["error"]
    assert error["code"] == "rate-limited"
    assert 0 < error["retry_after"] < 1
    assert answers[0] == "not-in-room"
    assert answers.count("rate-limited") > 200
    n = await eve.relay("lobby", [ada.id], [b"x"])
    assert await eve.next("refused") == {"n": n, "to": ada.id, "code": "rate-limited"}
    assert await eve.next("relayed") == {"n": n}


async def test_a_thousand_rooms(start_server: StartServer) -> None:
    server = await start_server()
    async with RawClient(server.url) as raw:
        ada = Actor(server.url)
        sid = await raw.greet()
        for number in range(1_000):
            room = f"room {number}"
            await raw.ws.send_str(
                f"42{number}" + json.dumps(["join", ada.join_fields(room, proof=ada.proof(room, sid=sid))])
            )
        codes: list[str | None] = []
        while len(codes) < 1_000:
            if (text := await raw.ws.receive_str()).startswith("43"):
                codes.append(json.loads(text[text.index("[") :])[0].get("error", {}).get("code"))
        assert codes == [None] * 64 + ["forbidden"] * 936
        await raw.call("leave", {"room": "room 0"})
        assert "error" not in await raw.call("join", ada.join_fields("room 999", proof=ada.proof("room 999", sid=sid)))


async def test_a_full_room(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(max_peers=2)
    ada, bob, cyd = [await connect(server.url) for _ in range(3)]
    await ada.join("lobby")
    await bob.join("lobby")
    assert (await cyd.call("join", cyd.join_fields("lobby")))["error"]["code"] == "room-full"
    await bob.call("leave", {"room": "lobby"})
    await cyd.join("lobby")


async def test_connections_from_one_address(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(max_connections=2)
    ada, bob = [await connect(server.url) for _ in range(2)]
    cyd = Actor(server.url)
    with pytest.raises(Refused):
        await cyd.connect()
    assert cyd.refusal["data"]["code"] == "rate-limited"
    await cyd.close()
    await bob.close()
    await connect(server.url)
    await ada.join("lobby")


async def test_connections_that_never_greet_are_closed(start_server: StartServer) -> None:
    server = await start_server(hello_timeout=0.1)
    async with RawClient(server.url) as silent, RawClient(server.url) as greeted:
        await greeted.greet()
        assert await silent.closed()
        assert (await greeted.call("leave", {"room": "lobby"}))["error"]["code"] == "not-in-room"


async def test_a_handler_that_hangs_keeps_no_others_connection(
    start_server: StartServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server = await start_server(hello_timeout=1.5)
    async with RawClient(server.url) as busy, RawClient(server.url) as silent:
        await busy.greet()
        (client,) = server.signalling._clients.values()
        async with client.lock:  # as a handler has it that waits for a disk
            client.access = msgspec.structs.replace(client.access, expires=0.0)
            assert await busy.closed()
            assert await silent.closed()
            assert client.sid in server.signalling._clients
        assert sum("token expired" in record.getMessage() for record in caplog.records) == 1
        await until(lambda: client.sid not in server.signalling._clients)


async def test_connections_beyond_twice_the_limit_get_no_answer_at_all(start_server: StartServer) -> None:
    server = await start_server(max_connections=1)
    async with RawClient(server.url), RawClient(server.url):
        third = RawClient(server.url)
        with pytest.raises(Exception, match="401"):
            await third.__aenter__()
        await third._session.close()


async def test_behind_a_trusted_proxy_its_word_counts(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(max_connections=1, trust_forwarded=True)
    await connect(server.url, headers={"X-Forwarded-For": "192.0.2.1"})
    await connect(server.url, headers={"X-Forwarded-For": "192.0.2.1, 192.0.2.2"})
    third = Actor(server.url)
    with pytest.raises(Refused):
        await third.connect(headers={"X-Forwarded-For": "192.0.2.9, 192.0.2.2"})
    await third.close()


async def test_a_client_that_falls_silent_is_noticed(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(ping_interval=1.0, ping_timeout=1.0)
    ada = await connect(server.url)
    await ada.join("lobby")
    async with RawClient(server.url) as raw:
        sid = await raw.greet()
        eve = Actor(server.url)
        await raw.call("join", eve.join_fields("lobby", proof=eve.proof("lobby", sid=sid)))
        await ada.next("roster")
        silent_since = time.monotonic()
        away = (await ada.next("roster"))["changes"][0]  # it reads, and answers no ping
        assert away["change"] == "peer-away"
        assert time.monotonic() - silent_since < 4.5, "the two of them, and a second to look"


async def test_a_polling_client_that_falls_silent_is_noticed(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(ping_interval=1.0, ping_timeout=1.0)
    ada = await connect(server.url)
    await ada.join("lobby")
    async with RawPoller(server.url) as poller:
        eve = Actor(server.url)
        fields = eve.join_fields("lobby", proof=eve.proof("lobby", sid=await poller.greet()))
        await poller.post("42" + json.dumps(["join", fields]))
        await ada.next("roster")
        silent_since = time.monotonic()
        assert (await ada.next("roster"))["changes"][0]["change"] == "peer-away"
        assert time.monotonic() - silent_since < 4.5
    await until(
        lambda: len(server.engine.sio.eio.sockets) == 1
    )  # although no request of its own comes and finds it closed
