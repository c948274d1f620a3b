"""Reports as a real server hears them from real clients."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from peers import Client
from peers.testing.network import Network
from peers.testing.server import Server
from signalling.membership import Membership
from signalling.namespace import SignallingNamespace
from signalling.protocol.events import Joined
from signalling.protocol.limits import REPORT_EVERY_SECONDS
from tests.peers.pairs import Connect, direct, pair
from tests.waiting import eventually

Report = dict[str, Any]
RELAY = {"direct": 0, "turn": 0, "relay": 1}
DIRECT = {"direct": 1, "turn": 0, "relay": 0}
NONE = {"direct": 0, "turn": 0, "relay": 0}


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[Report]:
    """What servers of this process are told, whatever thread they are in."""
    log: list[Report] = []
    handle = SignallingNamespace.trigger_event

    async def hear(self: SignallingNamespace, event: str, *args: Any) -> Any:
        if event == "report":
            log.append({**args[1], "sid": args[0], "at": asyncio.get_running_loop().time()})
        return await handle(self, event, *args)

    monkeypatch.setattr(SignallingNamespace, "trigger_event", hear)
    return log


def counts(report: Report) -> dict[str, int]:
    """How many links are on which path."""
    return {way: report[way] for way in NONE}


def of(client: Client) -> Callable[[Report], bool]:
    """Whether a report is of the connection that a client has now."""
    sid = client._connection.sid
    return lambda report: report["sid"] == sid


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_both_ends_of_a_relayed_link_report_it_and_its_end(
    connect: Connect, heard: list[Report], transport: str
) -> None:
    ada, bob = connect(transports=[transport]), connect()
    room, _ = await ada.join("lobby", p2p="never"), await bob.join("lobby", p2p="never")
    await room.wait_for_peer(timeout=10)
    await eventually(lambda: len(heard) == 2)
    (first,) = filter(of(ada), heard)
    assert [counts(report) for report in heard] == [RELAY, RELAY]
    assert all("times" not in report for report in heard)
    await bob.close()
    await eventually(lambda: len(heard) == 3)
    last = heard[-1]
    assert (of(ada)(last), counts(last)) == (True, NONE)
    assert last["at"] - first["at"] > REPORT_EVERY_SECONDS / 2
    assert await ada._connection.request("report", NONE) == {}, "it was understood"


async def test_a_link_that_became_direct_tells_how_long_it_took(connect: Connect, heard: list[Report]) -> None:
    begun = asyncio.get_running_loop().time()
    *_, to_b, to_a = await pair(connect, "auto")
    await direct(to_b, to_a)
    took = asyncio.get_running_loop().time() - begun
    for peer in (to_b, to_a):
        mine = of(peer.room.client)
        await eventually(lambda mine=mine: any(counts(report) == DIRECT for report in filter(mine, heard)))  # type: ignore[misc]
        times = [time for report in filter(mine, heard) for time in report.get("times", [])]
        assert len(times) == 1
        assert 0 < times[0] <= took


async def test_links_are_counted_while_there_is_a_room_that_has_them(connect: Connect) -> None:
    ada, bob = connect(), connect()
    assert ada._ways() is None
    async with ada.join("lobby", p2p="never") as lobby, ada.join("hall", p2p="never") as hall:
        assert ada._ways() == []
        async with bob.join("lobby", p2p="never"), bob.join("hall", p2p="never"):
            for room in (lobby, hall):
                await room.wait_for_peer(timeout=10)
            assert ada._ways() == ["relay", "relay"]
        await eventually(lambda: not lobby.peers and not hall.peers)
        assert ada._ways() == []
    assert ada._ways() is None


async def test_who_only_watches_says_nothing(connect: Connect) -> None:
    ada = await connect().connect()
    async with ada.feed("lobby").watch("**", since=0) as watch:
        await ada.feed("lobby").post("a", 1)
        async for _ in watch:
            break
        assert ada._reports._timer is None


async def test_an_older_server_is_told_nothing(
    connect: Connect, heard: list[Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    join = Membership.join

    async def join_as_before(self: Membership, *args: Any) -> Joined:
        return msgspec.structs.replace(await join(self, *args), reports=False)

    monkeypatch.setattr(Membership, "join", join_as_before)
    *_, to_b, to_a = await pair(connect, "auto")
    await direct(to_b, to_a)
    for peer in (to_a, to_b):
        assert peer.room.client._reports._timer is None
        assert len(peer.room.client._reports._reports._times) == 1  # kept for a server that takes it
    assert heard == []


async def test_a_new_connection_is_told_what_the_last_one_was(
    eitherway_server: Server, eitherway_network: Network, heard: list[Report]
) -> None:
    async with Client(eitherway_server.url) as ada, Client(eitherway_server.url) as bob:
        room, there = await ada.join("lobby"), await bob.join("lobby")
        await direct(await room.wait_for_peer(timeout=10), await there.wait_for_peer(timeout=10))
        was = of(ada)
        await eventually(lambda: any(counts(report) == DIRECT for report in filter(was, heard)))
        eitherway_network.hang_up(ada)
        await eventually(lambda: any(not was(report) and not of(bob)(report) for report in heard))
        new = list(filter(of(ada), heard))
        assert [(counts(report), report.get("times", [])) for report in new] == [(DIRECT, [])]
