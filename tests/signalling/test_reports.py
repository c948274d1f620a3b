"""Reports: what clients tell of their links is counted while they are there, within bounds, and nobody is named."""

import asyncio
from itertools import chain
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from peers import Client
from peers.testing.network import Network
from peers.testing.server import Server as UsersServer
from signalling.metrics import PATHS
from signalling.protocol.limits import MAX_REPORT_TIME, MAX_REPORT_TIMES
from tests.signalling.actor import Actor, until
from tests.signalling.conftest import Connect, Server, StartServer


def ends(server: Server) -> dict[str, float | None]:
    """Ends of links by path, as an operator sees them."""
    sample = server.signalling.registry.get_sample_value
    return {path: sample("eitherway_link_ends", {"path": path}) for path in PATHS}


def times(server: Server) -> tuple[float | None, float | None]:
    """How many links became direct, and after how many seconds in sum."""
    sample = server.signalling.registry.get_sample_value
    return sample("eitherway_time_to_direct_seconds_count"), sample("eitherway_time_to_direct_seconds_sum")


def report(direct: Any = 0, turn: Any = 0, relay: Any = 0, **more: Any) -> dict[str, Any]:
    return {"direct": direct, "turn": turn, "relay": relay, **more}


NONE = report()


async def code(actor: Actor, data: Any) -> str:
    return str((await actor.call("report", data))["error"]["code"])


async def test_the_last_report_of_each_client_counts(server: Server, connect: Connect) -> None:
    ada, bob = await connect(server.url), await connect(server.url, "polling")
    assert (await ada.join("lobby"))["reports"] is True
    await bob.join("lobby")
    assert ends(server) == NONE
    assert await ada.call("report", report(3, 1, 2, times=[0.5, 2])) == {}
    assert await bob.call("report", report(1, relay=5)) == {}
    assert (ends(server), times(server)) == (report(4, 1, 7), (2, 2.5))
    assert await ada.call("report", report(relay=1, times=[0, MAX_REPORT_TIME], later={"x": 1})) == {}
    assert (ends(server), times(server)) == (report(1, 0, 6), (4, 2.5 + MAX_REPORT_TIME))


async def test_who_goes_is_forgotten_and_times_are_not(server: Server, connect: Connect) -> None:
    ada, bob = await connect(server.url), await connect(server.url)
    for actor in (ada, bob):
        await actor.join("lobby")
        await actor.call("report", report(2, times=[1]))
    assert ends(server) == report(4)
    await ada.close()
    await until(lambda: ends(server) == report(2))
    back = await connect(server.url, like=ada)
    back.connection += 1
    await back.join("lobby")
    assert (ends(server), times(server)) == (report(2), (2, 2)), "a new connection has told nothing yet"


async def test_only_members_count(server: Server, connect: Connect) -> None:
    ada, bob = await connect(server.url), await connect(server.url)
    for room in ("lobby", "hall"):
        await ada.join(room)
    await bob.join("lobby")
    await ada.call("report", report(2))
    await ada.call("leave", {"room": "hall"})
    assert ends(server) == report(2)
    await ada.call("leave", {"room": "lobby"})
    assert ends(server) == NONE
    await ada.join("lobby")
    assert ends(server) == report(2), "it would say so, if it were otherwise"
    signalling = server.signalling
    assert signalling._parts is not None
    await signalling._parts.membership.remove("lobby", ada.id)
    assert ends(server) == NONE
    await bob.call("report", report(relay=1))
    await bob.call("join", {"room": "other"})
    await bob.call("leave", {"room": "lobby"})
    assert ends(server) == NONE, "what remains of it is a guest"


async def test_guests_and_those_who_are_in_no_room_have_nothing_to_report(server: Server, connect: Connect) -> None:
    guest, watcher = await connect(server.url), await connect(server.url)
    assert "reports" not in await guest.call("join", {"room": "lobby"})
    assert await code(guest, report(1)) == "forbidden"
    await watcher.call("watch", {"room": "lobby", "topics": ["**"]})
    assert await code(watcher, report(1)) == "not-in-room"
    assert ends(server) == NONE


TIMES: list[Any] = [[0.1] * (MAX_REPORT_TIMES + 1), None, "1", {}]
BAD: list[Any] = [
    *(report(**{path: bad}) for path in PATHS for bad in (-1, 41, 2**53, 1.0, "1", None, True)),
    *({name: count for name, count in report(1).items() if name != path} for path in PATHS),
    *(report(1, times=[bad]) for bad in (-0.1, MAX_REPORT_TIME + 0.1, 1e300, "1", None)),
    *(report(1, times=bad) for bad in TIMES),
    *(None, [], "x", 1, b"x"),
]


async def test_what_makes_no_sense_is_refused_and_changes_nothing(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(max_peers=10, max_rooms=4)
    ada = await connect(server.url)
    await ada.join("lobby")
    most = report(40, 40, 40, times=[0.1] * MAX_REPORT_TIMES)
    assert await ada.call("report", most) == {}
    for bad in BAD:
        assert await code(ada, bad) == "bad-request", bad
    assert (ends(server), times(server)[0]) == (report(40, 40, 40), MAX_REPORT_TIMES)
    assert await ada.call("report", report(1)) == {}
    assert ends(server) == report(1)


@pytest.mark.parametrize("event", ["report", "an event of a newer client"])
async def test_nobody_is_disturbed_by_one_that_asks_for_no_answer(server: Server, connect: Connect, event: str) -> None:
    ada = await connect(server.url)
    await ada.sio.emit(event, report(1))
    await ada.join("lobby")
    assert (ends(server), ada.log) == (NONE, [])


async def until_seen(url: str, counts: dict[str, Any], deadline: float = 20.0) -> float:
    """Waits until a server in another thread shows these ends of links. Returns how many have become direct."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(deadline):
        while True:
            async with session.get(f"{url}/metrics") as response:
                families = list(text_string_to_metric_families(await response.text()))
            samples = {
                (each.name, each.labels.get("path")): each.value for each in chain(*(f.samples for f in families))
            }
            if {path: samples["eitherway_link_ends", path] for path in PATHS} == counts:
                return samples["eitherway_time_to_direct_seconds_count", None]
            await asyncio.sleep(0.1)


async def test_links_of_real_peers_by_the_paths_that_they_take(
    eitherway_server: UsersServer, eitherway_network: Network
) -> None:
    url = eitherway_server.url
    async with Client(url) as ada, Client(url) as bob:
        await ada.join("lobby")
        await bob.join("lobby")
        assert await until_seen(url, report(2)) == 2
        eitherway_network.cut("direct")
        await until_seen(url, report(relay=2))
        async with Client(url) as eve:
            await eve.join("lobby", p2p="never")
            assert await until_seen(url, report(relay=6)) == 2
        await until_seen(url, report(relay=2))
    await until_seen(url, NONE)
