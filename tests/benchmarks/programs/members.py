"""Idle members by the hundred: each a WebSocket of its own with the least Socket.IO that the server takes."""

import asyncio
import hashlib
import json
import time
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from signalling.protocol.ids import peer_id, to_text
from signalling.protocol.statements import Proof, Statement, sign_proof, sign_statement
from tests.benchmarks.programs.child import Benchmark, run


async def _join(session: aiohttp.ClientSession, url: str, room: str) -> aiohttp.ClientWebSocketResponse:
    """A member that has joined."""
    socket = await session.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket", compress=0, max_msg_size=0)
    await socket.receive_str()
    await socket.send_str('40{"protocol":1}')
    sid = json.loads((await socket.receive_str())[2:])["sid"]
    await socket.send_str(f"421{json.dumps(['join', _event(url, sid, room)])}")
    while True:
        answer = await socket.receive_str()
        if answer.startswith("431"):
            reply = json.loads(answer[3:])[0]
            if "error" in reply:
                raise RuntimeError(reply["error"])
            return socket


def _event(url: str, sid: str, room: str) -> dict[str, Any]:
    private = Ed25519PrivateKey.generate()
    key, incarnation = private.public_key().public_bytes_raw(), time.time_ns() // 1_000_000
    profile = '{"name":"an idle member"}'
    statement = Statement(room, key, incarnation, key, 1, hashlib.sha256(profile.encode()).digest())
    return {
        "room": room,
        "peer": peer_id(key),
        "key": to_text(key),
        "incarnation": incarnation,
        "connection": 1,
        "statement": to_text(sign_statement(statement, private.sign)),
        "proof": to_text(sign_proof(Proof(url, sid, room, incarnation, 1), private.sign)),
        "profile": profile,
    }


async def _stay(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Answer pings."""
    async for message in socket:
        if message.data == "2":
            await socket.send_str("3")


async def members(benchmark: Benchmark, url: str, count: int, in_a_room: int) -> None:
    """Join as so many members, so many in a room, tell, and stay."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        staying = []
        for number in range(count):
            socket = await _join(session, url, f"idle-{number // in_a_room}")
            staying.append(asyncio.ensure_future(_stay(socket)))
        benchmark.tell(joined=count)
        await benchmark.hear()


if __name__ == "__main__":
    run({"members": members})
