"""Long-polling: no packet is dropped in silence, however many come at once (V5)."""

import asyncio
import json
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.signalling.actor import Actor
from tests.signalling.conftest import Connect, Server
from tests.signalling.raw import RawClient, RawPoller


async def test_many_events_at_once_reach_a_stock_polling_client(server: Server, connect: Connect) -> None:
    ada, bob = await connect(server.url), await connect(server.url, "polling")
    await ada.join("lobby")
    await bob.join("lobby")
    for number in range(100):
        await ada.relay("lobby", [bob.id], [b"%d" % number])
    assert [(await bob.next("relay"))["packet"] for _ in range(100)] == [b"%d" % number for number in range(100)]


async def test_one_poll_brings_no_more_than_any_client_can_read(server: Server, connect: Connect) -> None:
    ada, eve = await connect(server.url), Actor(server.url)
    await ada.join("lobby")
    async with RawPoller(server.url) as poller:
        fields = eve.join_fields("lobby", proof=eve.proof("lobby", sid=await poller.greet()))
        await poller.post("42" + json.dumps(["join", fields]))
        for _ in range(20):
            await ada.relay("lobby", [eve.id], [b"x"])
        await ada.next("relayed")
        polls: list[int] = []
        while sum(polls) < 40:
            polls.append(len((await poller.get())[1].split("\x1e")))
        assert max(polls) <= 16, "python-engineio drops them all if there are more"


async def test_many_events_at_once_from_a_polling_client(server: Server, connect: Connect) -> None:
    ada, bob = await connect(server.url), await connect(server.url, "polling")
    await ada.join("lobby")
    await bob.join("lobby")
    for number in range(40):  # 80 packets; python-engineio puts all that wait into one request
        await bob.relay("lobby", [ada.id], [b"%d" % number])
    assert [(await ada.next("relay"))["packet"] for _ in range(40)] == [b"%d" % number for number in range(40)]


async def test_a_client_that_upgrades_loses_nothing(server: Server, connect: Connect) -> None:
    ada = await connect(server.url)
    await ada.join("lobby")
    bob = await connect(server.url, "polling", "websocket")
    assert bob.sio.transport() == "websocket"
    await bob.join("lobby")
    for number in range(50):
        await ada.relay("lobby", [bob.id], [b"%d" % number])
    assert [(await bob.next("relay"))["packet"] for _ in range(50)] == [b"%d" % number for number in range(50)]


@pytest.mark.parametrize(
    "body",
    ["\x1e".join(['42["leave"]'] * 300), "x", "42[oops", "4" + "[" * 100_000, '459999-["relay"]', "b!", "42{}", "9"],
    ids=["300 packets", "no packet", "no JSON", "deep JSON", "attachments", "no base64", "no event", "no type"],
)
async def test_a_request_that_cannot_be_parsed_ends_the_connection(server: Server, body: str) -> None:
    async with RawPoller(server.url) as poller:
        await poller.greet()
        await poller.post(body)
        status, _ = await poller.get()
        assert status == 400, "it goes on as if nothing had been dropped"


async def test_a_polling_client_that_leaves_is_away_at_once(server: Server, connect: Connect) -> None:
    ada, bob = await connect(server.url), Actor(server.url)
    await ada.join("lobby")
    await bob.connect("polling")
    await bob.join("lobby")
    await ada.next("roster")
    await bob.close()
    assert (await ada.next("roster", 2))["changes"][0]["change"] == "peer-away"


async def test_a_request_that_comes_in_pieces_is_read_whole(server: Server) -> None:
    """engine.io takes what has arrived of a body for all of it: more than 64 KiB, or any slow network, breaks it."""
    host, port = urlsplit(server.url).hostname, urlsplit(server.url).port
    async with RawPoller(server.url) as poller:
        await poller.greet()
        body = ('42["nonsense",{"fill":"' + "x" * 100_000 + '"}]\x1e421["leave",{"room":"r"}]').encode()
        path = poller.url.partition(f":{port}")[2]
        reader, writer = await asyncio.open_connection(host, port)
        head = f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: text/plain\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode())
        for start in range(0, len(body), 30_000):
            writer.write(body[start : start + 30_000])
            await writer.drain()
            await asyncio.sleep(0.02)  # so that it really comes in pieces
        assert (await reader.readline()).split()[1] == b"200"
        writer.close()
        await writer.wait_closed()
        status, text = await poller.get()
        assert status == 200
        assert "not-in-room" in text


async def test_who_fails_to_go_over_to_websocket_still_polls_what_it_can_read(server: Server, connect: Connect) -> None:
    ada, eve = await connect(server.url), Actor(server.url)
    await ada.join("lobby")
    async with RawPoller(server.url) as poller:
        fields = eve.join_fields("lobby", proof=eve.proof("lobby", sid=await poller.greet()))
        await poller.post("42" + json.dumps(["join", fields]))
        await poller.get()
        async with aiohttp.ClientSession() as http:
            async with http.ws_connect(poller.url.replace("transport=polling", "transport=websocket")):
                pass
        for _ in range(20):
            await ada.relay("lobby", [eve.id], [b"x"])
        await ada.next("relayed")
        polls: list[int] = []
        while sum(polls) < 40:
            polls.append(len((await poller.get())[1].split("\x1e")))
        assert max(polls) <= 16


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_who_has_closed_cannot_connect_again(server: Server, transport: str) -> None:
    """python-socketio would connect it, and never forget it."""
    packets = ["1", '40{"protocol":1}']
    if transport == "polling":
        async with RawPoller(server.url) as poller:
            await poller.post("\x1e".join(packets))
    else:
        async with RawClient(server.url) as raw:
            for packet in packets:
                await raw.ws.send_str(packet)
            await raw.closed()
    assert not list(server.engine.sio.manager.get_namespaces())
