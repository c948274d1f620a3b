"""When the two sides of a link load what a direct path needs: at once, rather than one after the other, but after the
first message, which it would hold up."""

from types import ModuleType

import pytest

from peers import Client, attempts
from peers.link import link
from peers.paths import loading
from peers.paths.direct import DirectPath
from peers.paths.loading import DirectUnavailable, load_stack, stack_loaded
from peers.testing import Network, Server
from tests.serving import serving
from tests.waiting import Log


async def test_the_answering_side_does_not_wait_for_the_offer(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: Log[None] = Log()

    async def load() -> ModuleType:
        loaded()
        return await load_stack()

    async def fail(path: DirectPath) -> dict[str, str]:
        path._end("no offer is ever made")
        raise ConnectionError("no offer is ever made")

    monkeypatch.setattr(attempts, "load_stack", load)
    monkeypatch.setattr(DirectPath, "offer", fail)
    async with serving() as url, Client(url) as one, Client(url) as other:
        async with one.join("r"), other.join("r"):
            await loaded.count(2, 5)


def told(monkeypatch: pytest.MonkeyPatch) -> Log[str]:
    """What happens, in order; aiortc is not loaded, and "loads" is told for each link that would."""
    happened: Log[str] = Log()

    async def load() -> ModuleType:
        happened("loads")
        raise DirectUnavailable("not in this test")

    monkeypatch.setattr(link, "stack_loaded", lambda: False)
    monkeypatch.setattr(attempts, "load_stack", load)
    monkeypatch.setattr("peers.paths.direct.load_stack", load)
    return happened


async def test_the_first_message_goes_first(
    eitherway_server: Server, eitherway_network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened = told(monkeypatch)
    monkeypatch.setattr(link, "LOADING_DELAY", 60.0)  # however long the message takes, on whatever machine
    async with Client(eitherway_server.url) as one, Client(eitherway_server.url) as other:
        for client in (one, other):
            eitherway_network.delay(2 * link.DIRECT_DELAY, "relay", to=client)
        rooms = [await client.join("r") for client in (one, other)]
        for room in rooms:
            room.on("message", lambda message: happened(message.data))
        for room in rooms:
            await (await room.wait_for_peer(timeout=10)).send("first")
        await happened.until(lambda items: items.count("first") == 2 and items.count("loads") >= 2)
        assert happened.items.index("loads") > happened.items.index("first")


async def test_who_hears_nothing_loads_all_the_same(
    eitherway_server: Server, eitherway_network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened = told(monkeypatch)
    async with Client(eitherway_server.url) as one, Client(eitherway_server.url) as other:
        async with one.join("r") as room, other.join("r"):
            await room.wait_for_peer(timeout=10)
            eitherway_network.cut("relay", to=one)
            eitherway_network.cut("relay", to=other)
            await happened.count(2, 5)
            eitherway_network.heal()


def test_what_cannot_be_loaded_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "STACK", "peers.paths.not_there")
    assert not stack_loaded()
    monkeypatch.setattr(loading, "_failure", ImportError("not in this test"))
    assert stack_loaded()
