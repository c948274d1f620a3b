"""Credentials for TURN servers are asked for anew before they expire."""

import asyncio

from peers import Client
from peers.paths.ice_servers import Server
from peers.room import Room
from signalling.protocol.events import IceServer
from tests.serving import serving
from tests.waiting import Log, eventually

TURN = "turn:turn.example:3478"


def turn(room: Room) -> Server:
    """What the next attempt would use."""
    return room._links._ice_servers.turn[-1]


async def test_who_stays_has_fresh_credentials_all_the_time() -> None:
    async with serving(ice_servers=[TURN], turn_secret="north", turn_lifetime=2) as url:
        async with Client(url) as ada, Client(url) as bob:
            room, there = await ada.join("lobby", p2p="auto"), await bob.join("lobby", p2p="auto")
            seen: Log[object] = Log()
            room.on("message", lambda message: None)
            there.on("peer_joined", seen)
            there.on("peer_left", seen)
            peer = await there.wait_for_peer(timeout=10)
            relay = peer._link.relay
            used = [turn(room).username]
            for _ in range(2):
                at = asyncio.get_running_loop().time()
                await eventually(lambda: turn(room).username != used[-1])
                assert asyncio.get_running_loop().time() - at < 2  # before the end of the last one
                used.append(turn(room).username)
            assert all(name is not None and name.endswith(":" + ada.id) for name in used)
            await peer.send("still the same peer")
            await peer.flush()
            assert peer._link.relay is relay
            assert len(seen.items) <= 1  # that Ada was here, at most
    assert room._presence._renewal is not None
    assert room._presence._renewal.cancelled()


async def test_without_a_lifetime_nobody_joins_again() -> None:
    async with serving() as url, Client(url) as ada:
        room = await ada.join("lobby", p2p="auto")
        assert room._presence._renewal is None


async def test_a_lifetime_of_nonsense_makes_no_storm_of_joins() -> None:
    async with serving() as url, Client(url) as ada:
        room = await ada.join("lobby", p2p="auto")
        now = asyncio.get_running_loop().time()
        for lifetime in (0.0, -1e300, float("nan"), 1e300, float("inf")):
            room._presence._renew_before_they_expire([IceServer(urls=[TURN], lifetime=lifetime)])
            assert room._presence._renewal is not None
            assert 0.9 < room._presence._renewal.when() - now < 86_500
