"""The servers of `tests.engineio`, and clients that have connected to a namespace."""

from collections.abc import AsyncIterator

import pytest

from tests.engineio.clients import Server, Socket
from tests.engineio.conftest import _running, server  # noqa: F401
from tests.socketio.packets import Namespace


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In its main namespace `eitherway serve` has the signalling server and no application: nothing to try there."""
    items[:] = [item for item in items if not {("_running", "serve"), ("namespace", "/")} <= _parameters(item)]


def _parameters(item: pytest.Item) -> set[tuple[str, str]]:
    called = getattr(item, "callspec", None)
    return (
        {(name, called.params[name]) for name in ("_running", "namespace") if name in called.params}
        if called
        else set()
    )


@pytest.fixture(params=["/", "/custom"])
def namespace(request: pytest.FixtureRequest) -> Namespace:
    """A namespace with the application in it."""
    return Namespace(request.param)


@pytest.fixture
async def socket(server: Server, namespace: Namespace) -> AsyncIterator[Socket]:  # noqa: F811
    """A client that has connected to it, and has read what it was greeted with."""
    async with Socket(server) as socket:
        await socket.send(namespace.packet("0"))
        assert (await socket.receive()).startswith(namespace.packet("0", "{"))
        assert await socket.receive() == namespace.packet("2", '["auth",{}]')
        yield socket
