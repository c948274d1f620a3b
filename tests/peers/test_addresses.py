"""Which addresses are this machine's."""

import errno
import socket

import pytest

from peers import Client, connection
from peers.addresses import is_ours
from tests.serving import serving
from tests.waiting import Log


def test_an_address_in_use_is_ours_whatever_its_port() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.bind(("127.0.0.1", 0))
        assert is_ours(listening.getsockname())


def test_an_address_of_another_machine_is_not() -> None:
    # RFC 5737 and RFC 3849: addresses for documentation, which nobody has.
    assert not is_ours(("192.0.2.1", 1234))
    assert not is_ours(("2001:db8::1", 1234, 0, 0))


def test_what_says_nothing_about_the_address_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(socket, "socket", fail)
    assert is_ours(("192.0.2.1", 1234))


async def test_a_client_whose_address_is_gone_connects_anew_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[object] = []

    def is_gone(address: object) -> bool:
        """The first one that is looked at, and no other."""
        gone[:] = gone or [address]
        return address not in gone

    async with serving() as url, Client(url) as client:
        connected: Log[None] = Log()
        client.on("connected", connected)
        reasons: Log[str] = Log()
        client.on("disconnected", reasons)
        async with client.join("r"):
            monkeypatch.setattr(connection, "is_ours", is_gone)
            await connected.count(1, 5)
            assert reasons.items == ["this machine's address is another one now"]
            assert client.connected
            async with Client(url) as other, other.join("r") as room:
                assert (await room.wait_for_peer(timeout=5)).id == client.id
