"""The handshake, by long-polling and by WebSocket."""

import aiohttp
import pytest

from tests.engineio.clients import Poller, Server, Socket, is_refused
from tests.engineio.program import MAX_PAYLOAD, PING_INTERVAL, PING_TIMEOUT

WRONG = [
    pytest.param({"transport": "{}"}, id="no EIO"),
    pytest.param({"EIO": "abc", "transport": "{}"}, id="a wrong EIO"),
    pytest.param({"EIO": "4", "transport": "abc"}, id="a wrong transport"),
]
NO_TRANSPORT = pytest.param(
    {"EIO": "4"},
    id="no transport",
    marks=pytest.mark.differs("stock", "python-engineio takes a request without transport for polling"),
)


def _check(handshake: dict[str, object], upgrades: list[str]) -> None:
    assert set(handshake) == {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}
    assert isinstance(handshake["sid"], str)
    assert handshake["upgrades"] == upgrades
    assert handshake["maxPayload"] == MAX_PAYLOAD
    assert handshake["pingTimeout"] == PING_TIMEOUT * 1000
    assert handshake["pingInterval"] == PING_INTERVAL * 1000


@pytest.mark.differs("stock", "python-engineio announces ping intervals in whole seconds")
async def test_polling_opens_a_session(server: Server) -> None:
    async with Poller(server) as poller:
        _check(poller.handshake, ["websocket"])


@pytest.mark.differs("stock", "python-engineio announces ping intervals in whole seconds")
async def test_websocket_opens_a_session(server: Server) -> None:
    async with Socket(server) as socket:
        _check(socket.handshake, [])


async def test_sessions_have_ids_of_their_own(server: Server) -> None:
    async with Poller(server) as one, Poller(server) as another, Socket(server) as third:
        assert len({one.sid, another.sid, third.handshake["sid"]}) == 3


@pytest.mark.parametrize("query", [*WRONG, NO_TRANSPORT])
async def test_polling_with_a_wrong_query_is_refused(server: Server, query: dict[str, str]) -> None:
    filled = {name: value.format("polling") for name, value in query.items()}
    async with aiohttp.ClientSession() as http, http.get(server.at(**filled)) as answer:
        assert answer.status == 400


@pytest.mark.parametrize("query", [*WRONG, NO_TRANSPORT])
async def test_a_websocket_with_a_wrong_query_is_refused(server: Server, query: dict[str, str]) -> None:
    filled = {name: value.format("websocket") for name, value in query.items()}
    assert await is_refused(server.at(**filled))


@pytest.mark.parametrize(
    "method",
    [
        "post",
        pytest.param(
            "put",
            marks=[
                pytest.mark.differs("stock", "the application's router answers 405"),
                pytest.mark.differs("attached", "the application's router answers 405"),
            ],
        ),
    ],
)
async def test_polling_with_another_method_opens_nothing(server: Server, method: str) -> None:
    async with aiohttp.ClientSession() as http:
        async with http.request(method, server.at(EIO="4", transport="polling")) as answer:
            assert answer.status == 400


@pytest.mark.parametrize("method", ["get", "post"])
async def test_an_unknown_session_is_refused(server: Server, method: str) -> None:
    async with aiohttp.ClientSession() as http:
        async with http.request(method, server.at(EIO="4", transport="polling", sid="abc"), data=b"") as answer:
            assert answer.status == 400


async def test_a_websocket_to_an_unknown_session_is_refused(server: Server) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError):
        async with Socket(server, sid="abc"):
            pass
