"""A small relay that speaks the wire of iroh 1 clients over WebSocket, so that iroh can be run beside us in a lab.

    iroh_relay.py HOST PORT

It forwards datagrams between endpoints by their ids and answers what clients probe. It checks no signature, as nobody
here lies, and is no relay for anything but a laboratory. Imports nothing of ours.
"""

import asyncio
import os
import sys
from typing import Final

from aiohttp import WSMsgType, web

# Types of frames, the first byte of each message; an id of 32 bytes follows where somebody is named.
CHALLENGE: Final = 0
CLIENT_AUTH: Final = 1
CONFIRMS_AUTH: Final = 2
CLIENT_DATAGRAMS: Final = (4, 5)
"""One datagram, or several of one size; what arrives has a type greater by `TO_RELAY`."""
TO_RELAY: Final = 2
PING: Final = 9
PONG: Final = 10
ID: Final = slice(1, 33)

clients: dict[bytes, web.WebSocketResponse] = {}


async def relay(request: web.Request) -> web.WebSocketResponse:
    """One client, for as long as it is connected."""
    offered = [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if name.strip()]
    socket = web.WebSocketResponse(protocols=offered, max_msg_size=1 << 22, compress=False)
    await socket.prepare(request)
    await socket.send_bytes(bytes([CHALLENGE]) + os.urandom(16))
    hello = await socket.receive()
    if hello.type is not WSMsgType.BINARY or hello.data[0] != CLIENT_AUTH:
        return socket
    key = bytes(hello.data[ID])
    await socket.send_bytes(bytes([CONFIRMS_AUTH]))
    clients[key] = socket
    try:
        async for message in socket:
            if message.type is not WSMsgType.BINARY:
                continue
            data: bytes = message.data
            if data[0] in CLIENT_DATAGRAMS:
                to = clients.get(data[ID])
                if to is not None and not to.closed:
                    await to.send_bytes(bytes([data[0] + TO_RELAY]) + key + data[ID.stop :])
            elif data[0] == PING:
                await socket.send_bytes(bytes([PONG]) + data[1:])
    finally:
        if clients.get(key) is socket:
            del clients[key]
    return socket


async def probed(request: web.Request) -> web.Response:
    """How far away is it?"""
    return web.Response(text="ok", headers={"Access-Control-Allow-Origin": "*"})


async def captive(request: web.Request) -> web.Response:
    """Is this the internet, or the page of a hotel?"""
    challenge = request.headers.get("X-Iroh-Challenge")
    return web.Response(status=204, headers={"X-Iroh-Response": f"response {challenge}"} if challenge else None)


async def main() -> None:
    app = web.Application()
    app.add_routes([web.get("/relay", relay), web.get("/ping", probed), web.get("/generate_204", captive)])
    app.router.add_get("/", probed)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, sys.argv[1], int(sys.argv[2])).start()
    print("serves", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
