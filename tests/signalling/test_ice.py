"""Which ICE servers a newcomer is told of, and the credentials that come with them."""

import base64
import hashlib
import hmac
import logging

import pytest

from signalling.config import Config
from signalling.ice import ice_servers
from signalling.protocol.events import IceServer
from tests.signalling.conftest import Connect, StartServer

TURN = ("turn:turn.example:3478", "turns:turn.example:5349?transport=tcp")
NOW = 1_800_000_000.5


def told(config: Config, now: float = NOW, peer: str = "ada") -> list[IceServer]:
    return ice_servers(config, stun_port=None, host="example.org", peer=peer, now=now)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("example.org:8080", "stun:example.org:3478"),
        ("192.0.2.1", "stun:192.0.2.1:3478"),
        ("[2001:db8::1]:8080", "stun:[2001:db8::1]:3478"),
    ],
)
def test_our_own_responder_is_named_as_the_client_dialled(host: str, url: str) -> None:
    config = Config(ice_servers=("stun:s.example:1",))
    assert ice_servers(config, stun_port=3478, host=host, peer="ada", now=NOW) == [
        IceServer(urls=[url]),
        IceServer(urls=["stun:s.example:1"]),
    ]


@pytest.mark.parametrize(("host", "port"), [("example.org", None), ("", 3478), ("[bad", 3478)])
def test_without_a_responder_or_a_name_it_is_left_out(host: str, port: int | None) -> None:
    assert ice_servers(Config(), stun_port=port, host=host, peer="ada", now=NOW) == []


def test_a_credential_is_minted_for_the_turn_servers() -> None:
    config = Config(ice_servers=("stun:s.example:1", *TURN), turn_secret="north", turn_lifetime=600)
    stun, turn = told(config)
    assert stun == IceServer(urls=["stun:s.example:1"])
    assert turn.urls == list(TURN)
    assert turn.username == "1800000601:ada"
    assert turn.lifetime == 600
    expected = hmac.new(b"north", b"1800000601:ada", hashlib.sha1).digest()
    assert turn.credential == base64.b64encode(expected).decode()


def test_it_is_as_coturn_computes_it() -> None:
    # echo -n 1800000601:ada | openssl dgst -sha1 -hmac north -binary | base64
    (turn,) = told(Config(ice_servers=TURN, turn_secret="north", turn_lifetime=600))
    assert turn.credential == "AYR24rGjd5Bu5h8t4wmGjNGD5gU="


def test_every_peer_and_every_time_has_another() -> None:
    config = Config(ice_servers=TURN, turn_secret="north", turn_lifetime=600)
    minted = [told(config), told(config, peer="bob"), told(config, now=NOW + 60)]
    assert [servers[0].username for servers in minted] == ["1800000601:ada", "1800000601:bob", "1800000661:ada"]
    assert len({servers[0].credential for servers in minted}) == 3


def test_without_a_secret_there_is_no_credential() -> None:
    assert told(Config(ice_servers=TURN)) == [IceServer(urls=list(TURN))]


async def test_a_turn_server_without_a_secret_is_warned_of(
    start_server: StartServer, caplog: pytest.LogCaptureFixture
) -> None:
    await start_server(ice_servers=TURN, turn_secret="north")
    assert "--turn-secret" not in caplog.text
    with caplog.at_level(logging.WARNING):
        await start_server(ice_servers=TURN)
    assert "--turn-secret" in caplog.text


@pytest.mark.parametrize("url", ["turn.example:3478", "turn:", "http://turn.example", "turn:a b", "turn://a"])
def test_what_is_no_url_of_an_ice_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="--ice-servers"):
        Config().changed(ice_servers=[url])


async def test_joining_again_brings_a_fresh_credential_and_nobody_notices(
    start_server: StartServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start_server(ice_servers=TURN, turn_secret="north", turn_lifetime=600)
    ada, bob = await connect(server.url), await connect(server.url)
    await ada.join("lobby")
    monkeypatch.setattr("signalling.membership.time.time", lambda: NOW)
    first = await bob.join("lobby")
    await ada.roster()
    monkeypatch.setattr("signalling.membership.time.time", lambda: NOW + 300)
    again = await bob.join("lobby")
    assert [reply["ice_servers"][-1]["username"] for reply in (first, again)] == [
        f"1800000601:{bob.id}",
        f"1800000901:{bob.id}",
    ]
    assert again["resumed"] is True
    assert again["version"] == first["version"]
    await bob.relay("lobby", [ada.id], [b"after whatever else there is for Ada"])
    await ada.next("relay")
    assert not ada.waiting("roster")
