"""Both sides of a link load what a direct path needs at once, rather than one after the other."""

from types import ModuleType

import pytest

from peers import Client, attempts
from peers.paths.direct import DirectPath
from peers.paths.loading import load_stack
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
