"""What both sides write in one turn of the event loop goes out together, in order, and never later than it must."""

import asyncio
import socket
from typing import Any

import aiohttp
from aiohttp import web

from signalling.protocol import writing
from signalling.protocol.writing import AT_ONCE, TURNS, Batch, Gathered, gather_writes


class Wire:
    """A transport that notes each call."""

    def __init__(self) -> None:
        self.calls: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.calls.append(data)

    def writelines(self, data: list[bytes]) -> None:
        self.calls.append(b"".join(data))

    def is_closing(self) -> bool:
        return False


def gathered() -> tuple[Any, Wire]:
    wire = Wire()
    return Gathered(wire), wire  # type: ignore[arg-type]


async def test_frames_of_one_turn_are_written_together_at_its_end() -> None:
    transport, wire = gathered()
    transport.write(b"\x81text")
    transport.write(b"\x82bytes")
    assert wire.calls == []
    await asyncio.sleep(0)
    transport.write(b"\x81alone")
    await asyncio.sleep(0)
    assert wire.calls == [b"\x81text\x82bytes", b"\x81alone"]


async def test_a_control_frame_goes_at_once_behind_what_was_written_before() -> None:
    transport, wire = gathered()
    transport.write(b"\x81text")
    transport.write(b"\x88close")
    assert wire.calls == [b"\x81text\x88close"]
    await asyncio.sleep(0)
    assert len(wire.calls) == 1


async def test_much_goes_at_once() -> None:
    transport, wire = gathered()
    frame = b"\x82" + bytes(AT_ONCE // 2)
    for _ in range(5):
        transport.write(frame)
    assert wire.calls == [frame * 2] * 2
    await asyncio.sleep(0)
    assert wire.calls[2:] == [frame]


async def test_whoever_writes_to_one_that_does_not_read_is_told_to_wait() -> None:
    class Writer(asyncio.Protocol):
        paused = False

        def pause_writing(self) -> None:
            self.paused = True

    loop = asyncio.get_running_loop()
    here, there = socket.socketpair()
    with there:
        transport, protocol = await loop.create_connection(Writer, sock=here)
        gathered = Gathered(transport)
        for _ in range(100):
            if protocol.paused:
                break
            gathered.write(b"\x82" + bytes(60_000))
            gathered.write(b"\x82" + bytes(60_000))
            await asyncio.sleep(0)
        assert protocol.paused
        transport.abort()
        await asyncio.sleep(0)


async def test_both_sides_of_a_websocket_take_it(monkeypatch: Any) -> None:
    made: list[Gathered] = []

    class Noted(Gathered):
        def __init__(self, transport: Any) -> None:
            super().__init__(transport)
            made.append(self)

    monkeypatch.setattr(writing, "Gathered", Noted)

    async def serve(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        gather_writes(ws)
        await ws.send_str(await ws.receive_str())
        await ws.send_bytes(await ws.receive_bytes())
        await ws.receive()  # until the client closes, which is answered
        return ws

    app = web.Application()
    app.router.add_get("/", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with aiohttp.ClientSession() as session:
            ws = await session.ws_connect(f"http://127.0.0.1:{runner.addresses[0][1]}/")
            gather_writes(ws)
            await ws.send_str("text")
            await ws.send_bytes(bytes(70_000))
            assert await ws.receive_str() == "text"
            assert await ws.receive_bytes() == bytes(70_000)
            assert await ws.close()
            assert ws.close_code == aiohttp.WSCloseCode.OK
    finally:
        await runner.cleanup()
    assert len(made) == 2


async def test_what_many_are_written_waits_for_what_follows_soon() -> None:
    """Each connection is written to once, though the events come in turns of their own."""
    batch = Batch()
    first, second = gathered(), gathered()
    for event in (b"\x81one", b"\x81two", b"\x81three"):
        for transport, _ in (first, second):
            transport.write_shared(event, batch)
        await asyncio.sleep(0)
    second[0].write(b"\x82own")
    assert first[1].calls == second[1].calls == []
    for _ in range(TURNS):
        await asyncio.sleep(0)
    assert first[1].calls == [b"\x81one\x81two\x81three"]
    assert second[1].calls == [b"\x81one\x81two\x81three\x82own"]
    first[0].write_shared(b"\x81again", batch)
    for _ in range(TURNS + 2):
        await asyncio.sleep(0)
    assert first[1].calls[1:] == [b"\x81again"]


async def test_what_many_are_written_is_bounded_and_keeps_its_place() -> None:
    batch = Batch()
    transport, wire = gathered()
    frame = b"\x82" + bytes(AT_ONCE // 2)
    transport.write(b"\x81own")
    for _ in range(2):
        transport.write_shared(frame, batch)
    assert wire.calls == [b"\x81own" + frame * 2]
    transport.write_shared(frame, batch)
    transport.write(b"\x88close")
    assert wire.calls[1:] == [frame + b"\x88close"]
    for _ in range(TURNS + 2):
        await asyncio.sleep(0)
    assert len(wire.calls) == 2


def test_frames() -> None:
    for size, head in ((0, b"\x81\x00"), (125, b"\x81\x7d"), (126, b"\x81\x7e\x00\x7e"), (65_535, b"\x81\x7e\xff\xff")):
        assert writing.frame(writing.TEXT, b"x" * size) == head + b"x" * size
    assert writing.frame(writing.BINARY, b"x" * 65_536)[:10] == b"\x82\x7f" + (65_536).to_bytes(8, "big")
