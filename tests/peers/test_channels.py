"""Channels: labelled, typed, on every lane, and each with a credit of its own."""

import asyncio
import dataclasses
from typing import Any

import pytest

from peers import Message, NotInRoom
from tests.peers.pairs import P2P, Connect, data_into, direct, pair
from tests.waiting import Log, eventually


@dataclasses.dataclass
class Pose:
    x: float
    y: float


@pytest.mark.parametrize("lane", ["reliable", "bulk", "datagram"])
@pytest.mark.parametrize("p2p", ["never", "eager"])
async def test_typed_channels_on_every_lane(connect: Connect, lane: Any, p2p: P2P) -> None:
    a, b, to_b, to_a = await pair(connect, p2p)
    if p2p == "eager":
        await direct(to_b, to_a)
    there = b.channel("pose", Pose, lane=lane)
    here = a.channel("pose", Pose, lane=lane)

    async def read() -> Pose:
        async for message in there:
            return message.data
        raise AssertionError

    reading = asyncio.ensure_future(read())
    while not reading.done():  # a datagram sent before its channel is open there is dropped, as it may be
        await here.send(Pose(1.0, 2.0))
        await asyncio.wait([reading], timeout=0.1)
    assert reading.result() == Pose(1.0, 2.0)


async def test_latest_keeps_only_the_newest(connect: Connect) -> None:
    _, b, to_b, to_a = await pair(connect)
    there = to_a.channel("pose", lane="datagram", latest=True)
    here = to_b.channel("pose", lane="datagram", latest=True)
    await here.send(0)
    await to_b.flush()
    stream = aiter(there)
    first = asyncio.ensure_future(anext(stream))
    while not first.done():
        await here.send(0)
        await asyncio.wait([first], timeout=0.05)
    for number in range(1, 30):
        await here.send(number)
    got: Log[Message[Any]] = Log()
    b.on("message", got)
    await to_b.send("after")
    await got.count(1)
    assert (await anext(stream)).data == 29
    await stream.aclose()  # type: ignore[attr-defined]


async def test_messages_wait_until_somebody_listens(connect: Connect) -> None:
    _, b, to_b, _ = await pair(connect)
    for number in range(20):
        await to_b.send(number)
    await to_b.channel("other").send("x")
    seen = []
    async for message in b:
        seen.append(message.data)
        if len(seen) == 10:
            break
    got: Log[Message[Any]] = Log()
    b.on("message", got)
    await got.count(10)
    assert seen + [m.data for m in got.items] == list(range(20))


async def test_an_unread_channel_stops_its_sender_and_nobody_else(connect: Connect) -> None:
    _, b, to_b, to_a = await pair(connect)
    unread = to_b.channel("unread")

    async def fill() -> None:
        for _ in range(1000):
            await unread.send(bytes(1000))

    filling = asyncio.ensure_future(fill())
    got: Log[Message[Any]] = Log()
    b.on("message", got)
    await to_b.send("through")
    await got.count(1)
    assert not filling.done()
    count = 0
    async for message in to_a.channel("unread"):
        count += 1
        assert len(message.data) == 1000
        if count == 1000:
            break
    await filling


async def test_a_handler_that_waits_for_an_answer_on_another_channel(connect: Connect) -> None:
    """With the first channel's backlog full there is no deadlock."""
    _, b, to_b, to_a = await pair(connect)
    answers: asyncio.Queue[Any] = asyncio.Queue()
    done: Log[Any] = Log()

    @to_a.on("message")
    async def ask_back(message: Message[Any]) -> None:
        await to_a.channel("question").send(message.data["n"])
        assert await answers.get() == message.data["n"] * 2
        done(message.data["n"])

    to_a.channel("answer").on("message", lambda m: answers.put_nowait(m.data))
    question = to_b.channel("question")

    @question.on("message")
    async def answer(message: Message[Any]) -> None:
        await to_b.channel("answer").send(message.data * 2)

    for n in range(60):
        await to_b.send({"n": n, "fill": bytes(60_000)})
    await to_b.flush()
    assert done.items == list(range(60))


async def test_handlers_of_a_channel_run_one_after_another(connect: Connect) -> None:
    _, b, to_b, _ = await pair(connect)
    order: list[Any] = []

    @b.on("message")
    async def slow(message: Message[Any]) -> None:
        order.append(("begin", message.data))
        await asyncio.sleep(0.01 if message.data % 2 else 0)
        order.append(("end", message.data))

    for n in range(6):
        await to_b.send(n)
    await to_b.flush()
    assert order == [(what, n) for n in range(6) for what in ("begin", "end")]


async def test_a_closed_channel_ends_its_readers(connect: Connect) -> None:
    _, _, to_b, to_a = await pair(connect)
    channel = to_b.channel("file", lane="bulk")
    for n in range(5):
        await channel.send(n)
    channel.close()
    with pytest.raises(NotInRoom):
        await channel.send(6)
    assert [m.data async for m in to_a.channel("file", lane="bulk")] == [0, 1, 2, 3, 4]


async def test_one_peer_without_a_channel_to_spare_does_not_keep_a_message_from_the_others(connect: Connect) -> None:
    rooms = [await connect().join("r", p2p="never") for _ in range(3)]
    await eventually(lambda: all(len(room.peers) == 2 for room in rooms))
    logs: list[Log[Any]] = [Log(), Log()]
    for room, log in zip(rooms[1:], logs, strict=True):
        room.channel("last").on("message", data_into(log))
    full = rooms[0].peers[rooms[1].id]
    for n in range(63):
        await full.channel(f"c{n}").send(n)
    with pytest.raises(ValueError, match="64 channels"):
        await rooms[0].channel("last").send("x")
    await logs[1].count(1)
    assert (logs[0].items, logs[1].items) == ([], ["x"])


async def test_what_does_not_fit_a_channels_type_is_told_and_left_out(connect: Connect) -> None:
    a, b, to_b, _ = await pair(connect)
    errors: Log[BaseException] = Log()
    b.client.on("error", errors)
    got: Log[Any] = Log()
    b.channel("numbers", int).on("message", lambda m: got(m.data))
    channel = a.channel("numbers")
    for data in (1, "two", 3):
        await channel.send(data)
    await to_b.flush()
    assert got.items == [1, 3]
    (error,) = await errors.count(1)
    assert "a message of Ada on channel 'numbers' does not fit its type" in str(error)
