"""Direct paths through a TURN server: real coturn, with the credentials that our server mints."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from peers import Client
from peers.codec.frames import Lane
from peers.paths import description
from peers.paths.loading import load_stack
from signalling.config import Config
from signalling.ice import ice_servers
from signalling.protocol.events import IceServer
from tests.paths.check_path import open_sockets, settled
from tests.paths.coturn import KINDS, MISSING, SECRET, Coturn, coturn
from tests.paths.direct_pair import MakeEnd, describe, ends
from tests.serving import serving
from tests.waiting import Log, eventually

pytestmark = pytest.mark.skipif(MISSING is not None, reason=MISSING or "")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Coturn]:
    """A running coturn. Nothing of ours remains beside it."""
    async with coturn(tmp_path) as server:
        tasks, sockets = len(asyncio.all_tasks()), open_sockets()
        yield server
        await settled(lambda: len(asyncio.all_tasks()) <= tasks and open_sockets() <= sockets)


@pytest.fixture
async def only_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a network that lets nothing through but TURN: no other candidate is told to the peer."""
    stack = await load_stack()
    write, found = description.write, stack.Stack._found

    def write_relayed(kind: Any, local: description.Local, **how: Any) -> dict[str, str]:
        candidates = [candidate for candidate in local.candidates if candidate.type == "relay"]
        return write(kind, msgspec.structs.replace(local, candidates=candidates), **how)

    def found_relayed(self: Any, candidate: Any) -> None:
        if candidate is None or candidate.type == "relay":
            found(self, candidate)

    monkeypatch.setattr(description, "write", write_relayed)
    monkeypatch.setattr(stack.Stack, "_found", found_relayed)


def minted(url: str, *, secret: str = SECRET, age: float = 0.0) -> list[IceServer]:
    """What our server tells a peer that joined so many seconds ago, when credentials held for a minute."""
    config = Config(ice_servers=(url,), turn_secret=secret, turn_lifetime=60)
    return ice_servers(config, stun_port=None, host="", peer="ada", now=time.time() - age)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_pair_of_relayed_candidates_carries_packets(
    server: Coturn, only_turn: None, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    left, right = ends(minted(server.url(kind)))
    await describe(left, right)
    for end in (left, right):
        await end.until(lambda end=end: end.opened == 1)  # type: ignore[misc]
        stats = end.direct.stats()
        assert stats is not None
        assert (stats.local_type, stats.remote_type) == ("relay", "relay")
    left.direct.send(Lane.RELIABLE, b"through coturn")
    await right.until(lambda: right.packets == [(Lane.RELIABLE, b"through coturn")])
    await asyncio.gather(left.direct.close(), right.direct.close())
    assert server.log.count("ALLOCATE processed, success") == 2
    assert server.log.count("REFRESH processed, success") == 2  # both addresses are given back


@pytest.mark.parametrize("wrong", [{"secret": "another"}, {"age": 3_600}])
async def test_a_refused_credential_leaves_its_reason_in_the_log(
    server: Coturn, wrong: dict[str, Any], caplog: pytest.LogCaptureFixture, offering: MakeEnd
) -> None:
    end = offering(minted(server.url("udp"), **wrong))
    with caplog.at_level(logging.WARNING):
        await end.direct.offer()
        await eventually(lambda: "refused to give an address" in caplog.text)
    assert f"{server.url('udp')} refused to give an address: STUN transaction failed (401" in caplog.text


async def test_a_certificate_that_is_not_trusted_leaves_its_reason_in_the_log(
    server: Coturn, caplog: pytest.LogCaptureFixture, offering: MakeEnd
) -> None:
    end = offering(minted(server.url("tls")))
    with caplog.at_level(logging.INFO):
        await end.direct.offer()
        await eventually(lambda: "CERTIFICATE_VERIFY_FAILED" in caplog.text)


@pytest.mark.parametrize(("secret", "path"), [(SECRET, "direct"), ("another", "relay")])
async def test_two_peers_that_reach_each_other_through_turn_alone(
    server: Coturn, only_turn: None, secret: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(ice_servers=[server.url("udp")], turn_secret=secret) as url:
        async with Client(url) as ada, Client(url) as bob:
            got: Log[Any] = Log()
            with caplog.at_level(logging.WARNING):
                room, there = await ada.join("lobby"), await bob.join("lobby")
                there.on("message", got)
                peer = await room.wait_for_peer(timeout=10)
                await eventually(
                    lambda: peer.path == "direct" if path == "direct" else "refused to give an address" in caplog.text
                )
                await peer.send("hello")
            (message,) = await got.count(1)
            assert (message.data, message.path) == ("hello", path)
            assert peer._link.way == ("turn" if path == "direct" else "relay")
            if path == "direct":
                assert f":{ada.id}>" in server.log  # the user name that our server minted for Ada
            else:
                assert "401" in caplog.text
