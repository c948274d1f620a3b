"""Which ICE servers are asked, and in what order."""

import asyncio
import logging
import socket

import pytest

from peers.paths import gathering
from peers.paths.gathering import MAX_SERVERS, parse_servers
from signalling.protocol.events import IceServer
from tests.paths.check_path import open_sockets, settled
from tests.paths.direct_pair import DirectEnd


def test_urls_are_sorted_into_stun_and_turn() -> None:
    servers = [
        IceServer(urls=["stun:one.example", "turn:two.example?transport=udp"], username="u", credential="c"),
        IceServer(urls=["turn:two.example:3479?transport=tcp", "turns:two.example"], username="u", credential="c"),
    ]
    stun, turn = parse_servers(servers)
    assert [(uri["host"], uri["port"]) for uri in stun] == [("one.example", 3478)]
    assert [(uri["scheme"], uri["port"], uri["transport"]) for uri, _ in turn] == [
        ("turn", 3478, "udp"),
        ("turn", 3479, "tcp"),
        ("turns", 5349, "tcp"),
    ]
    assert all(server.credential == "c" for _, server in turn)


def test_a_server_may_be_an_ipv6_address() -> None:
    """As the signalling server writes one that was dialled so (RFC 7064, RFC 7065)."""
    urls = ["stun:[2001:db8::1]:3479", "stun:[2001:db8::2]", "turns:[2001:db8::3]:443?transport=tcp"]
    stun, turn = parse_servers([IceServer(urls=urls, username="u", credential="c")])
    assert [(uri["host"], uri["port"]) for uri in stun] == [("2001:db8::1", 3479), ("2001:db8::2", 3478)]
    assert [(uri["host"], uri["port"], uri["transport"]) for uri, _ in turn] == [("2001:db8::3", 443, "tcp")]


@pytest.mark.parametrize(
    "url",
    ["", "http://x", "stun:", "stuns:x", "turns:x?transport=udp", "turn:x?transport=sctp", "turn:x", "stun:[::g]:1"],
)
def test_a_url_that_cannot_be_used_is_left_out_with_a_word(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert parse_servers([IceServer(urls=[url])]) == ([], [])
    assert "left out" in caplog.text


def test_only_so_many_servers_are_asked() -> None:
    urls = [f"stun:{n}.example" for n in range(20)] + [f"turn:{n}.example" for n in range(20)]
    stun, turn = parse_servers([IceServer(urls=urls, username="u", credential="c")])
    assert (len(stun), len(turn)) == (MAX_SERVERS, MAX_SERVERS)


async def test_a_turn_server_that_does_not_answer_makes_way_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "TURN_TIMEOUT", 0.2)
    asked = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # An Allocate request (RFC 8656) has come; that is all there is to see here.
        assert (await reader.readexactly(2)) == b"\x00\x03"
        asked.set()
        writer.close()

    tasks, sockets = len(asyncio.all_tasks()), open_sockets()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        urls = [
            f"turn:127.0.0.1:{silent.getsockname()[1]}",
            f"turn:127.0.0.1:{server.sockets[0].getsockname()[1]}?transport=tcp",
        ]
        end = DirectEnd(offers=True, ice_servers=[IceServer(urls=urls, username="u", credential="c")])
        await end.direct.offer()
        assert not asked.is_set()
        async with asyncio.timeout(5):
            await asked.wait()
        await end.until(lambda: end.candidates == [None])
        await end.direct.close()
        server.close()
        await server.wait_closed()
    await settled(lambda: len(asyncio.all_tasks()) <= tasks and open_sockets() <= sockets)
