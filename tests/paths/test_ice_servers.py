"""Which ICE servers can be used, and what is remembered of them."""

import logging

import pytest

from peers.paths.ice_servers import MAX_REMEMBERED, MAX_SERVERS, REMEMBERED, Memory, Server, parse_servers
from signalling.protocol.events import IceServer


def server(name: str) -> Server:
    return Server(f"stun:{name}", "stun", name, 3478, "udp")


A, B, C, D = map(server, "abcd")


def test_urls_are_sorted_into_stun_and_turn() -> None:
    told = [
        IceServer(urls=["stun:one.example", "turn:two.example?transport=udp"], username="u", credential="c"),
        IceServer(urls=["turn:two.example:3479?transport=tcp", "turns:two.example"], username="u", credential="c"),
        IceServer(urls=["turn:[2001:db8::1]:99"], username="u", credential="c"),
    ]
    stun, turn = parse_servers(told)
    assert [(s.host, s.port, s.relays) for s in stun] == [("one.example", 3478, False)]
    assert [(s.host, s.port, s.transport, s.tls) for s in turn] == [
        ("two.example", 3478, "udp", False),
        ("two.example", 3479, "tcp", False),
        ("two.example", 5349, "tcp", True),
        ("2001:db8::1", 99, "udp", False),
    ]
    assert all(s.relays and (s.username, s.credential) == ("u", "c") for s in turn)


UNUSABLE = """
    http://x stun: stuns:x stun:x:0 stun:x:65536 stun:x:y stun:x?transport=udp stun:x/path stun://x
    turns:x?transport=udp turn:x?transport=sctp turn:[::1
"""


@pytest.mark.parametrize("url", ["", *UNUSABLE.split()])
def test_a_url_that_cannot_be_used_is_left_out_with_a_word(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert parse_servers([IceServer(urls=[url], username="u", credential="c")]) == ([], [])
    assert "left out" in caplog.text


def test_turn_without_a_credential_is_left_out_with_a_word(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert parse_servers([IceServer(urls=["turn:x"], username="u")]) == ([], [])
    assert "gave no credential" in caplog.text


def test_there_are_no_nats_to_ask_about_with_ipv6(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert parse_servers([IceServer(urls=["stun:[2001:db8::1]:3478"])]) == ([], [])
    assert caplog.text == ""


def test_only_so_many_servers_are_used() -> None:
    urls = [f"stun:{n}.example" for n in range(20)] + [f"turn:{n}.example" for n in range(20)]
    stun, turn = parse_servers([IceServer(urls=urls, username="u", credential="c")])
    assert (len(stun), len(turn)) == (MAX_SERVERS, MAX_SERVERS)


def test_the_quickest_is_asked_first_and_who_failed_last() -> None:
    memory = Memory()
    memory.failed(A, 0)
    memory.answered(C, 0.2, 0)
    memory.answered(D, 0.1, 0)
    assert memory.best_first([A, B, C, D], 1) == [D, C, B, A]
    assert [memory.seconds(s, 1) for s in (A, B, C)] == [None, None, 0.2]
    assert [memory.has_failed(s, 1) for s in (A, B, C)] == [True, False, False]
    assert [memory.is_known(s, 1) for s in (A, B, C)] == [True, False, True]


def test_after_some_minutes_nothing_is_known() -> None:
    memory = Memory()
    memory.failed(A, 0)
    memory.answered(B, 0.1, 0)
    assert not any(memory.is_known(s, REMEMBERED) for s in (A, B))
    assert memory.best_first([A, B], REMEMBERED) == [A, B]


def test_what_came_last_counts_and_the_first_time_is_kept() -> None:
    memory = Memory()
    memory.failed(A, 0)
    memory.answered(A, 0.1, 1)
    memory.answered(A, 0.7, 2)
    assert memory.seconds(A, 3) == 0.1
    memory.failed(A, 4)
    assert memory.has_failed(A, 5)


def test_in_another_network_everything_may_be_different() -> None:
    memory = Memory()
    memory.answered(A, 0.1, 0)
    memory.forget()
    assert not memory.is_known(A, 0)


def test_only_so_many_are_remembered() -> None:
    memory = Memory()
    servers = [server(f"{n}.example") for n in range(MAX_REMEMBERED + 5)]
    for one in servers:
        memory.failed(one, 0)
    assert [memory.is_known(one, 1) for one in servers] == [False] * 5 + [True] * MAX_REMEMBERED
