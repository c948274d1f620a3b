"""Idle members by the hundred: each a WebSocket of its own with the least Socket.IO that the server takes."""

import asyncio
import json

import aiohttp

from tests.benchmarks.joining import join_fields
from tests.benchmarks.programs.child import Benchmark, run


async def _join(session: aiohttp.ClientSession, url: str, room: str) -> aiohttp.ClientWebSocketResponse:
    """A member that has joined."""
    socket = await session.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket", compress=0, max_msg_size=0)
    await socket.receive_str()
    await socket.send_str('40{"protocol":1}')
    sid = json.loads((await socket.receive_str())[2:])["sid"]
    await socket.send_str(f"421{json.dumps(['join', join_fields(url, sid, room)])}")
    while True:
        answer = await socket.receive_str()
        if answer.startswith("431"):
            reply = json.loads(answer[3:])[0]
            if "error" in reply:
                raise RuntimeError(reply["error"])
            return socket


async def _stay(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Answer pings."""
    async for message in socket:
        if message.data == "2":
            await socket.send_str("3")


async def members(benchmark: Benchmark, url: str, count: int, in_a_room: int) -> None:
    """Join as so many members, so many in a room, tell, and stay until told; then tell how many still are there."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        staying = []
        for number in range(count):
            socket = await _join(session, url, f"idle-{number // in_a_room}")
            staying.append(asyncio.ensure_future(_stay(socket)))
        benchmark.tell(joined=count)
        await benchmark.hear()
        benchmark.tell(left=sum(not one.done() for one in staying))


if __name__ == "__main__":
    run({"members": members})
