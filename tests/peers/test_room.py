"""Rooms, peers and channels over the relay and directly, with a real server."""

import array
import asyncio
from typing import Any

import pytest

from peers import Message, NotInRoom, Peer, TooLarge
from tests.peers.pairs import P2P, Connect, data_into, direct, pair
from tests.waiting import Log, eventually


@pytest.mark.parametrize("p2p", ["never", "eager"])
@pytest.mark.parametrize("data", ["hello", b"\0\xff", {"x": [1, 2.5, None, True, "y", b"z"]}, 7, "", b"", [], None])
async def test_data_arrives_as_it_was_sent(connect: Connect, p2p: P2P, data: Any) -> None:
    _, b, to_b, to_a = await pair(connect, p2p)
    got: Log[Message[Any]] = Log()
    b.on("message", got)
    if p2p == "eager":
        await direct(to_b, to_a)
    await to_b.send(data)
    await to_b.flush()
    (message,) = got.items
    assert message.data == data
    assert type(message.data) is type(data)
    assert message.peer is to_a
    assert message.peer.profile["name"] == "Ada"
    assert (message.channel, message.lane) == ("", "reliable")
    assert message.path == ("direct" if p2p == "eager" else "relay")


async def test_the_first_message_needs_no_waiting(connect: Connect) -> None:
    a = await connect().join("r")
    got: Log[Message[Any]] = Log()
    a.on("message", got)
    b = await connect().join("r")
    await b.send("first")
    assert (await got.count(1))[0].data == "first"


async def test_messages_keep_their_order_across_the_change_to_direct(connect: Connect) -> None:
    _, b, to_b, to_a = await pair(connect, "eager")
    got: Log[Message[Any]] = Log()
    b.on("message", got)
    number = 0
    while to_b.path != "direct" or number < 200:
        await to_b.send(number)
        number += 1
        await asyncio.sleep(0.001)
    await to_b.flush()
    await to_b.send(number)  # by the direct path, however late that came
    await to_b.flush()
    assert [m.data for m in got.items] == list(range(number + 1))
    assert {m.path for m in got.items} == {"relay", "direct"}
    assert to_a.path == "direct"


async def test_large_messages_and_both_directions(connect: Connect) -> None:
    a, b, to_b, to_a = await pair(connect)
    big = bytes(range(256)) * 4096
    got_a: Log[Message[Any]] = Log()
    got_b: Log[Message[Any]] = Log()
    a.on("message", got_a)
    b.on("message", got_b)
    await asyncio.gather(*(to_b.send(big) for _ in range(4)), *(to_a.send(big) for _ in range(4)))
    await asyncio.gather(to_a.flush(), to_b.flush())
    assert [m.data == big for m in got_a.items] == [True] * 4
    assert [m.data == big for m in got_b.items] == [True] * 4


async def test_too_large_names_the_other_lane(connect: Connect) -> None:
    _, _, to_b, _ = await pair(connect)
    with pytest.raises(TooLarge, match="bulk lane"):
        await to_b.send(bytes(1024 * 1024 + 1))
    with pytest.raises(TooLarge, match="in pieces"):
        await to_b.channel("x", lane="bulk").send(bytes(16 * 1024 * 1024 + 1))
    with pytest.raises(TooLarge, match="datagram"):
        await to_b.channel("x", lane="datagram").send(bytes(16_381))
    with pytest.raises(TypeError, match=r"\['a'\]|\[\"a\"\]|a"):
        await to_b.send({"a": object()})


async def test_a_handler_that_raises_is_reported_and_stops_nothing(connect: Connect) -> None:
    _, b, to_b, _ = await pair(connect)
    errors: Log[BaseException] = Log()
    b.client.on("error", errors)
    got: Log[Message[Any]] = Log()

    @b.on("message")
    async def bad(message: Message[Any]) -> None:
        raise RuntimeError(f"no {message.data}")

    b.on("message", got)
    await to_b.send(1)
    await to_b.send(2)
    await to_b.flush()
    assert [m.data for m in got.items] == [1, 2]
    assert [str(e) for e in await errors.count(2)] == ["no 1", "no 2"]


async def test_flush_ends_when_the_peer_has_handled(connect: Connect) -> None:
    _, b, to_b, _ = await pair(connect)
    gate = asyncio.Event()

    @b.on("message")
    async def wait(message: Message[Any]) -> None:
        await gate.wait()

    await to_b.send("x")
    flushing = asyncio.ensure_future(to_b.flush())
    await asyncio.wait([flushing], timeout=0.3)
    assert not flushing.done()
    gate.set()
    await flushing


async def test_joined_left_updated(connect: Connect) -> None:
    a = await connect().join("r")
    log: Log[Any] = Log()
    a.on("peer_joined", lambda *args: log(("peer_joined", *args)))
    a.on("peer_left", lambda *args: log(("peer_left", *args)))
    a.on("peer_updated", lambda *args: log(("peer_updated", *args)))
    client = connect()
    async with client.join("r", profile={"name": "Grace"}) as b:
        await log.count(1)
        await b.set_profile({"name": "Hopper"})
        await log.count(2)
        peer = a.peers[client.id]
        assert peer.profile == {"name": "Hopper"}
    await log.count(3)
    assert [item[0] for item in log.items] == ["peer_joined", "peer_updated", "peer_left"]
    assert log.items[2][1:] == (peer, "left")
    assert not a.peers
    with pytest.raises(NotInRoom):
        await peer.send("too late")
    with pytest.raises(NotInRoom):
        await b.send("too late")


async def test_what_was_sent_before_leaving_arrives(connect: Connect) -> None:
    _, b, to_b, _ = await pair(connect)
    got: Log[Message[Any]] = Log()

    @b.on("message")
    async def slow(message: Message[Any]) -> None:
        await asyncio.sleep(0.001)
        got(message)

    for n in range(100):
        await to_b.send(n)
    await to_b.room.leave()
    await got.count(100)
    assert [m.data for m in got.items] == list(range(100))


async def test_room_send_reaches_everyone_or_those_named(connect: Connect) -> None:
    rooms = [await connect().join("r", p2p="never") for _ in range(4)]
    logs: list[Log[Any]] = [Log() for _ in rooms]
    for room, log in zip(rooms, logs, strict=True):
        room.on("message", data_into(log))
    await eventually(lambda: all(len(room.peers) == 3 for room in rooms))
    await rooms[0].send("all")
    await rooms[0].send("one", to=rooms[0].peers[rooms[2].id])
    await rooms[0].send("two", to=[rooms[0].peers[rooms[1].id], rooms[0].peers[rooms[3].id]])
    await rooms[0].flush()
    assert [log.items for log in logs] == [[], ["all", "two"], ["all", "one"], ["all", "two"]]


async def test_when_full_skip_names_who_was_left_out(connect: Connect) -> None:
    a, _, to_b, _ = await pair(connect)
    skipped: list[Peer] = []
    for _ in range(100):
        skipped = await a.send(bytes(10_000), when_full="skip")
        if skipped:
            break
    assert skipped == [to_b]


async def test_unknown_events_and_options_are_named(connect: Connect) -> None:
    client = connect()
    room = await client.join("r")
    with pytest.raises(ValueError, match="peer_joined"):
        room.on("peerjoined", print)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="datagram"):
        room.channel("x", lane="fast")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="latest"):
        room.channel("x", latest=True)
    with pytest.raises(ValueError, match="already"):
        await client.join("r")
    with pytest.raises(ValueError, match="control"):
        client.join("a\nb")
    with pytest.raises(ValueError, match="p2p"):
        client.join("b", p2p="maybe")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a room's name is a str, not int"):
        client.join(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a profile is a dict of JSON values, not list"):
        client.join("b", profile=["a"])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="4096"):
        await client.join("b", profile={"x": "y" * 5000})


async def test_ping_tells_time_and_path(connect: Connect) -> None:
    _, _, to_b, to_a = await pair(connect, "eager")
    seconds, _ = await to_b.ping(timeout=5)
    assert 0 < seconds < 5
    await direct(to_b, to_a)
    seconds, path = await to_b.ping(timeout=5)
    assert path == "direct"
    stats = to_b.stats()
    assert stats.attempts >= 1


async def test_one_program_in_two_rooms_has_two_links(connect: Connect) -> None:
    one, two = connect(), connect()
    rooms = [(await one.join(name), await two.join(name)) for name in ("r1", "r2")]
    logs: list[Log[Any]] = [Log(), Log()]
    for (_, room), log in zip(rooms, logs, strict=True):
        room.on("message", data_into(log))
    for n, (room, _) in enumerate(rooms):
        await (await room.wait_for_peer(timeout=5)).send(n)
    await logs[0].count(1)
    await logs[1].count(1)
    assert [log.items for log in logs] == [[0], [1]]


async def test_buffers_travel_as_their_bytes(connect: Connect) -> None:
    _, b, to_b, _ = await pair(connect)
    got: Log[Any] = Log()
    b.on("message", lambda m: got(m.data))
    for buffer in (bytearray(b"one"), memoryview(b"two"), array.array("H", [1, 2]), memoryview(b"t.r.e")[::2]):
        await to_b.send(buffer)
    await to_b.flush()
    assert got.items == [b"one", b"two", array.array("H", [1, 2]).tobytes(), b"tre"]


async def test_who_joins_right_behind_is_seen(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """A roster delta that is read together with the reply to `join` comes before that reply has been looked at."""
    client, other = connect(), connect()
    await client.connect()
    request = client._connection.request

    async def late(event: str, data: Any, **options: Any) -> Any:
        reply = await request(event, data, **options)
        if event == "join":
            await other.join("r", p2p="never")
            await asyncio.sleep(0.1)  # the delta is here, and this reply is still on its way to who asked
        return reply

    monkeypatch.setattr(client._connection, "request", late)
    room = await client.join("r", p2p="never")
    assert (await room.wait_for_peer(timeout=5)).id == other.id
    assert room._presence.before == frozenset()
    assert other.rooms["r"]._presence.before == {client.id}


async def test_messages_are_for_peers_or_their_ids(connect: Connect) -> None:
    a, b, to_b, _ = await pair(connect)
    got: Log[Any] = Log()
    b.on("message", lambda m: got(m.data))
    await a.send("by id", to=b.id)
    await a.send("by ids", to=[b.id, to_b])
    await got.count(3)
    assert got.items == ["by id", "by ids", "by ids"]
    with pytest.raises(NotInRoom, match="no peer 'nobody' in room 'lobby'"):
        await a.send("x", to="nobody")
    with pytest.raises(TypeError, match="peers or their ids, not int"):
        await a.send("x", to=[7])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="'wait' or 'skip'"):
        await a.send("x", when_full="drop")  # type: ignore[arg-type]


async def test_nobody_comes_and_nobody_answers(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    room = await connect().join("alone")
    with pytest.raises(TimeoutError, match=r"nobody else came into room 'alone' within 0\.01 s"):
        await room.wait_for_peer(timeout=0.01)
    with pytest.raises(TimeoutError, match=r"no peer ada came into room 'alone' within 0\.01 s"):
        await room.wait_for_peer("ada", timeout=0.01)
    _, _, to_b, _ = await pair(connect)
    monkeypatch.setattr(to_b._link.relay, "send", lambda *_: None)
    with pytest.raises(TimeoutError, match=r"did not answer a ping in 0\.01 s"):
        await to_b.ping(timeout=0.01)
