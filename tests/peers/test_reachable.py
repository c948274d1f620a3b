"""When there is a relay again, a direct path is tried again soon, however long the wait was to be."""

import pytest

from peers import Client
from peers.negotiation import retry
from peers.paths.direct import DirectPath
from tests.serving import serving
from tests.waiting import Log


async def test_a_new_connection_ends_the_wait_for_the_next_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: Log[DirectPath] = Log()

    async def fail(path: DirectPath) -> dict[str, str]:
        tried(path)
        path._end("there is no network")
        raise ConnectionError("there is no network")

    monkeypatch.setattr(DirectPath, "offer", fail)
    monkeypatch.setattr(retry, "RETRY", (30.0, 30.0))
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
