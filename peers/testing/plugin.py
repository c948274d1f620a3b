"""The fixtures `eitherway_server` and `eitherway_network`, for pytest.

They are ordinary fixtures, so that tests may be run by pytest-asyncio in any mode, by anyio's plugin on asyncio, or be
no coroutines at all.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from peers.testing.network import Network
    from peers.testing.server import Server

MARKER = "eitherway_server(**options): options of the server that the fixture of this name starts, as grace=1.0"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture
def eitherway_server(request: pytest.FixtureRequest) -> "Iterator[Server]":
    """A real signalling server on a loopback port. Its options come from the marker `eitherway_server`."""
    from peers.testing.server import Server

    options: dict[str, object] = {}
    for mark in reversed(list(request.node.iter_markers("eitherway_server"))):
        options.update(mark.kwargs)
    with Server(**options) as server:
        yield server


@pytest.fixture
def eitherway_network(eitherway_server: "Server") -> "Iterator[Network]":
    """The network between clients of this process, and between them and the server."""
    from peers.testing.network import Network

    with Network(eitherway_server) as network:
        yield network
