"""Which pages may use the server: Socket.IO over either transport, and HTTP alike."""

import aiohttp
import pytest

from signalling.config import Config
from signalling.origins import allows
from tests.signalling.actor import Actor
from tests.signalling.conftest import StartServer

OURS = "https://app.example.org"
GOOD = (OURS, OURS + ":443", "https://APP.example.org")
BAD = (
    "http://app.example.org",
    "https://app.example.org:8443",
    "https://evil.example",
    "null",
    "https://app.example.org.evil",
)


async def answers(url: str, origin: str | None) -> dict[str, int]:
    """The status of a request of each kind from a page of this origin."""
    headers = {} if origin is None else {"Origin": origin}
    found = {}
    async with aiohttp.ClientSession(headers=headers) as session:
        for name, path in (
            ("polling", "/socket.io/?EIO=4&transport=polling"),
            ("api", "/api/v1/openapi.json"),
        ):
            async with session.get(url + path) as answer:
                found[name] = answer.status
                allowed = answer.headers.get("Access-Control-Allow-Origin")
                if origin is not None:
                    assert (allowed in (origin, "*")) is (answer.status < 400), name
        try:
            async with session.ws_connect(url + "/socket.io/?EIO=4&transport=websocket"):
                found["websocket"] = 101
        except aiohttp.WSServerHandshakeError as error:
            found["websocket"] = error.status
    return found


async def test_pages_of_the_configured_origins_and_no_others(start_server: StartServer) -> None:
    server = await start_server(origins=(OURS,))
    for origin in (None, *GOOD):
        assert await answers(server.url, origin) == {"polling": 200, "api": 200, "websocket": 101}, origin
    for origin in BAD:
        assert await answers(server.url, origin) == {"polling": 400, "api": 403, "websocket": 400}, origin


async def test_without_any_every_page_may(start_server: StartServer) -> None:
    server = await start_server()
    for origin in (None, *GOOD, *BAD):
        assert await answers(server.url, origin) == {"polling": 200, "api": 200, "websocket": 101}


async def test_peers_dial_by_a_configured_origin_too(start_server: StartServer) -> None:
    server = await start_server(origins=(OURS,))
    actor = await Actor(server.url).connect()
    try:
        reply = await actor.call("join", actor.join_fields("lobby"))
        assert reply["error"]["code"] == "unauthorized"
        assert "origin" in reply["error"]["message"]
        assert "error" not in await actor.call(
            "join", actor.join_fields("lobby", proof=actor.proof("lobby", origin=OURS))
        )
    finally:
        await actor.close()


def test_origins_of_other_kinds_are_taken_as_they_are_spelled() -> None:
    assert allows(["capacitor://localhost"], "capacitor://localhost")
    assert not allows(["capacitor://localhost"], "capacitor://elsewhere")
    assert not allows(["capacitor://localhost"], "ionic://localhost")


@pytest.mark.parametrize("wrong", ["app.example.org", "https://app.example.org/path", "https://a b", "https://", "*"])
def test_what_is_no_origin_is_told_at_the_start(wrong: str) -> None:
    with pytest.raises(ValueError, match="--origins"):
        Config().changed(origins=[wrong])
