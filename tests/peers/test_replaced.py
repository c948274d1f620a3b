"""Who is who (V1): the same identity again, by another program, with another clock, or after a restart."""

from pathlib import Path
from typing import Any

import pytest

from peers import Client, ConnectionFailed, Identity, NotInRoom, Undelivered
from tests.waiting import Log, eventually


async def test_a_second_program_with_the_same_identity_replaces_the_first(url: str) -> None:
    identity = Identity.generate()
    async with Client(url, identity=identity) as one, Client(url) as other:
        replaced, closed, events = Log[Any](), Log[Any](), Log[Any]()
        one.on("replaced", replaced)
        first = await one.join("r")
        first.on("closed", closed)
        third = await other.join("r")
        third.on("peer_left", lambda peer, reason: events(reason))
        third.on("peer_joined", lambda peer: events("joined"))
        async with Client(url, identity=identity) as two:
            await two.join("r")
            await replaced.count(1)
            assert "replaced" in (await closed.count(1))[0]
            with pytest.raises(NotInRoom, match="replaced"):
                await first.send("x")
            await events.count(2)
            assert events.items == ["restarted", "joined"]


async def test_a_clock_that_was_set_back_does_not_keep_a_program_out(url: str) -> None:
    identity = Identity.generate()
    ahead = Identity(identity._private)
    ahead.next_incarnation("r", 2**45)
    async with Client(url, identity=ahead) as one, Client(url, identity=identity) as two:
        await one.join("r")
        room = await two.join("r")
        assert room._presence.membership.incarnation > 2**45
        assert "r" not in one.rooms or await closed(one)


async def closed(client: Client) -> bool:
    """Until the client has lost its rooms."""
    await eventually(lambda: not client.rooms)
    return True


async def test_a_restarted_program_is_a_new_peer_and_what_is_unknown_is_reported(tmp_path: Path, url: str) -> None:
    path = tmp_path / "id.pem"
    async with Client(url) as one:
        a = await one.join("r", p2p="never")
        reports: Log[Undelivered] = Log()
        a.on("undelivered", reports)
        two = Client(url, identity=path)
        await two.join("r", p2p="never")
        peer = await a.wait_for_peer(two.id, timeout=10)
        await peer.send("taken")
        await peer.ping(timeout=10)
        two._connection._sio.eio.ws._response.connection.transport.abort()  # as if the program had been killed
        two._connection._closed = True
        for n in range(3):
            await peer.send({"lost": n})
        async with Client(url, identity=path) as again:
            b = await again.join("r", p2p="never")
            assert again.id == two.id
            got: Log[Any] = Log()
            b.on("message", lambda m: got(m.data))
            (report,) = await reports.count(1)
            assert [m.data for m in report.messages] == [{"lost": n} for n in range(3)]
            assert report.peer is peer
            await eventually(lambda: a.peers.get(two.id) not in (None, peer))
            await a.peers[two.id].send("fresh")
            await got.count(1)
            assert got.items == ["fresh"]
        await two.close()


async def cut_off(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Break a client's connection to the server, and keep it from coming back."""

    async def refuse() -> None:
        raise ConnectionFailed("no way there")

    monkeypatch.setattr(client._connection, "_dial", refuse)
    client._connection._sio.eio.ws._response.connection.transport.abort()
    await eventually(lambda: not client.connected)


async def test_who_comes_back_and_finds_its_place_taken_stays_out(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else two programs with one identity would drive each other out for ever."""
    identity = Identity.generate()
    async with Client(url, identity=identity) as one, Client(url, identity=identity) as two:
        replaced, closed = Log[Any](), Log[Any]()
        one.on("replaced", replaced)
        first = await one.join("r", p2p="never")
        first.on("closed", closed)
        with monkeypatch.context() as patch:
            await cut_off(one, patch)
            second = await two.join("r", p2p="never")
        second.on("closed", closed)
        await eventually(lambda: one.connected)
        assert "replaced" in (await closed.count(1))[0]
        await replaced.count(1)
        assert "r" not in one.rooms
        assert two.rooms["r"] is second
        assert (await two._connection.request("leave", {"room": "r"})) == {}, "it is still a member"
        assert len(closed.items) == 1
