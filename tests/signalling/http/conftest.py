"""The API of a server that serves in this process."""

from collections.abc import AsyncIterator

import pytest

from tests.signalling.conftest import Server
from tests.signalling.http.reading import Api


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Api]:
    """The API of the server with the default limits."""
    async with Api(server.url) as api:
        yield api
