"""Sides of direct paths that are closed at the end of a test, whatever became of it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from signalling.protocol.events import IceServer
from tests.paths.direct_pair import DirectEnd, MakeEnd


@pytest.fixture
async def offering() -> AsyncIterator[MakeEnd]:
    """Makes offering sides: their tasks and sockets must not fail other tests when this one fails."""
    made: list[DirectEnd] = []

    def make(ice_servers: list[IceServer], **options: Any) -> DirectEnd:
        made.append(DirectEnd(offers=True, ice_servers=ice_servers, **options))
        return made[-1]

    yield make
    await asyncio.gather(*(end.direct.close() for end in made))
