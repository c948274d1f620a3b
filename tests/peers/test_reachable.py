"""When there is a relay again, a direct path is tried again soon, however long the wait was to be."""

from typing import Any

import pytest

from peers import Client
from peers.negotiation import retry
from peers.paths.direct import DirectPath
from peers.paths.relay import RelayPath
from peers.session.handshake import SECOND
from peers.testing import Server
from tests.serving import serving
from tests.waiting import Log, eventually


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> Log[DirectPath]:
    """The attempts that are made: each fails at once, and the next one would come after 30 s."""
    tried: Log[DirectPath] = Log()

    async def fail(path: DirectPath) -> dict[str, str]:
        tried(path)
        path._end("there is no network")
        raise ConnectionError("there is no network")

    monkeypatch.setattr(DirectPath, "offer", fail)
    monkeypatch.setattr(retry, "RETRY", (30.0, 30.0))
    return tried


async def test_a_new_connection_ends_the_wait_for_the_next_attempt(tried: Log[DirectPath]) -> None:
    async with serving() as url, Client(url) as one, Client(url) as other:
        async with one.join("r") as room, other.join("r"):
            await room.wait_for_peer(timeout=10)
            await tried.count(1)
            back: Log[None] = Log()
            one.on("connected", back)
            lost = one._connection._lost
            assert lost is not None
            lost.set_result("a test pulled the plug")
            await back.count(1, 5)
            await tried.count(2, 5)


async def test_while_the_server_is_gone_nothing_is_tried_and_soon_after_it_is_back_again(
    eitherway_server: Server, tried: Log[DirectPath]
) -> None:
    async with Client(eitherway_server.url) as one, Client(eitherway_server.url) as other:
        async with one.join("r") as room, other.join("r") as there:
            links = [(await each.wait_for_peer(timeout=10))._link for each in (room, there)]
            waits = [link.attempts.negotiation.next_timeout for link in links]
            await tried.count(1)
            await eventually(lambda: None not in [wait() for wait in waits])
            await eitherway_server.kill()
            await eventually(lambda: [wait() for wait in waits] == [None, None], 5)
            count = len(tried.items)
            await eitherway_server.start()
            await tried.count(count + 1, 10)


async def test_a_signal_that_waited_for_a_key_goes_behind_what_gives_it_to_the_peer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The peer could not open it before, and the attempt would wait for it to be sent again."""
    went: Log[str] = Log()
    send = RelayPath.send

    def sent(path: RelayPath, packet: bytes, what: Any) -> None:
        if packet[0] == SECOND:
            went("the key")
        send(path, packet, what)

    async with serving() as url, Client(url) as one, Client(url) as other:
        async with one.join("r", p2p="never") as room, other.join("r", p2p="never") as there:
            link = (await room.wait_for_peer(timeout=10))._link
            monkeypatch.setattr(RelayPath, "send", sent)
            monkeypatch.setattr(link, "_send_signal", lambda *_: went("the signal"))
            link._signals.append(("request", 1, {"seen": 1}))
            assert not link.core.bound
            await there.send("hello")
            assert await went.count(2) == ["the key", "the signal"]
