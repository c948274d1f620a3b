"""ICE servers are asked whether they answer: real ones, silent ones, and those that are something else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from peers.paths import probing
from peers.paths.ice_servers import IceServers, Server
from peers.paths.probing import Prober, probe
from signalling.protocol.events import IceServer
from signalling.stun import StunResponder
from tests.paths.check_path import open_sockets, settled
from tests.paths.coturn import KINDS, MISSING, coturn
from tests.waiting import eventually, free_port

TURN = {"scheme": "turn", "username": "u", "credential": "c"}


@pytest.fixture(autouse=True)
async def nothing_remains() -> AsyncIterator[None]:
    """No task and no socket."""
    tasks, sockets = len(asyncio.all_tasks()), open_sockets()
    yield
    await settled(lambda: len(asyncio.all_tasks()) <= tasks and open_sockets() <= sockets)


def told(url: str) -> list[IceServer]:
    return [IceServer(urls=[url], username="u", credential="c")]


def server(url: str) -> Server:
    servers = IceServers(told(url), Prober().memory)
    return (*servers.stun, *servers.turn)[0]


class Deaf(asyncio.DatagramProtocol):
    """Keeps what is sent to it; answers with `answer`, if that isn't None."""

    def __init__(self, answer: bytes | None = None) -> None:
        self.answer = answer
        self.got: list[bytes] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.url = f"stun:127.0.0.1:{transport.get_extra_info('sockname')[1]}"

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.got.append(data)
        if self.answer is not None:
            self.transport.sendto(self.answer, addr)


@pytest.fixture
async def deaf() -> AsyncIterator[Deaf]:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(Deaf, local_addr=("127.0.0.1", 0))
    yield protocol
    transport.close()


async def test_our_own_stun_responder_answers() -> None:
    responder = StunResponder()
    port = await responder.start("127.0.0.1", 0)
    assert 0 < await probe(server(f"stun:127.0.0.1:{port}")) < probing.RESENT_AFTER
    responder.close()


@pytest.mark.skipif(MISSING is not None, reason=MISSING or "")
@pytest.mark.parametrize("kind", [*KINDS, "stun"])
async def test_coturn_answers_and_allocates_nothing(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with coturn(tmp_path) as running:
        monkeypatch.setenv("SSL_CERT_FILE", str(running.certificate))
        url = f"stun:127.0.0.1:{running.port}" if kind == "stun" else running.url(kind)
        assert 0 < await probe(server(url)) < probing.TIMEOUT
        assert "ALLOCATE" not in running.log


async def test_a_request_that_is_lost_is_sent_again(deaf: Deaf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "RESENT_AFTER", 0.05)
    asking = asyncio.create_task(probe(server(deaf.url)))
    await eventually(lambda: len(deaf.got) >= 2)
    assert len(set(deaf.got)) == 1
    asking.cancel()
    await asyncio.wait([asking])


async def test_one_that_never_answers_is_given_up(deaf: Deaf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "TIMEOUT", 0.1)
    with pytest.raises(TimeoutError):
        await probe(server(deaf.url))


@pytest.mark.parametrize("answer", [b"", b"no STUN", bytes(20), b"\x01\x01" + bytes(18)])
async def test_an_answer_to_something_else_is_none(deaf: Deaf, answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "TIMEOUT", 0.2)
    deaf.answer = answer
    with pytest.raises(TimeoutError):
        await probe(server(deaf.url))


@pytest.mark.parametrize("url", ["stun:127.0.0.1:{}", "turn:127.0.0.1:{}", "turn:127.0.0.1:{}?transport=tcp"])
async def test_a_port_where_nobody_listens_is_known_at_once(url: str) -> None:
    with pytest.raises(ConnectionRefusedError):
        await probe(server(url.format(free_port())))


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
async def test_what_is_no_turn_server_is_none(answer: bytes) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(20)
        writer.write(answer)
        writer.close()

    other = await asyncio.start_server(reply, "127.0.0.1", 0)
    with pytest.raises(ConnectionError):
        await probe(server(f"turn:127.0.0.1:{other.sockets[0].getsockname()[1]}?transport=tcp"))
    other.close()
    await other.wait_closed()


async def test_a_server_is_asked_once_and_remembered(deaf: Deaf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "TIMEOUT", 0.2)
    prober = Prober()
    servers = IceServers(told(deaf.url), prober.memory)
    now = asyncio.get_running_loop().time
    prober.probe(servers)
    prober.probe(servers)  # of another room
    await eventually(lambda: prober.memory.has_failed(servers.stun[0], now()))
    prober.probe(servers)
    prober.forget()
    assert len(deaf.got) == 1


async def test_a_name_that_is_none_is_remembered_as_silent() -> None:
    prober = Prober()
    servers = IceServers(told("stun:" + "x" * 70 + ".invalid"), prober.memory)
    prober.probe(servers)
    now = asyncio.get_running_loop().time
    await eventually(lambda: prober.memory.has_failed(servers.stun[0], now()))
    prober.forget()


async def test_what_was_asked_in_another_network_does_not_count(deaf: Deaf) -> None:
    prober = Prober()
    servers = IceServers(told(deaf.url), prober.memory)
    prober.probe(servers)
    await eventually(lambda: bool(deaf.got))
    prober.forget()
    await settled(lambda: not prober._tasks)
    assert not prober.memory.is_known(servers.stun[0], asyncio.get_running_loop().time())
    prober.probe(servers)
    await eventually(lambda: len(deaf.got) == 2)
    prober.forget()


async def test_forgetting_at_once_leaves_nothing(deaf: Deaf) -> None:
    prober = Prober()
    prober.probe(IceServers(told(deaf.url), prober.memory))
    prober.forget()
    await settled(lambda: not prober._tasks)
    assert not deaf.got
