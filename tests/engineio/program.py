"""`python -m tests.engineio.program KIND`: a server that plays the application which the protocol suites talk to.

It prints its URL. The application is that of Socket.IO's own suite: whoever connects is sent the `auth` that it came
with, `message` comes back as `message-back`, and `message-with-ack` is acknowledged with its arguments.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import socketio
import uvloop
from aiohttp import web

from signalling.app import Signalling
from signalling.config import Config

PING_INTERVAL = 0.5
PING_TIMEOUT = 0.8
MAX_PAYLOAD = 1_000_000
GREETING = 2.0
"""Seconds that a connection may take to greet a namespace; our server looks once a second."""

CONFIG = Config(
    ping_interval=PING_INTERVAL,
    ping_timeout=PING_TIMEOUT,
    message_bytes=MAX_PAYLOAD,
    hello_timeout=GREETING,
    stun=False,
)


def play(sio: socketio.AsyncServer, namespace: str) -> None:
    """The application, in one namespace."""

    async def connect(sid: str, environ: dict[str, Any], auth: Any = None) -> None:
        # Later, since python-socketio accepts a client only when its handler is done.
        sio.start_background_task(sio.emit, "auth", auth or {}, to=sid, namespace=namespace)

    async def message(sid: str, *data: Any) -> None:
        await sio.emit("message-back", data, to=sid, namespace=namespace)

    async def message_with_ack(sid: str, *data: Any) -> tuple[Any, ...]:
        return data

    sio.on("connect", connect, namespace=namespace)
    sio.on("message", message, namespace=namespace)
    sio.on("message-with-ack", message_with_ack, namespace=namespace)


def stock_server() -> socketio.AsyncServer:
    """A server of python-socketio's own."""
    sio = socketio.AsyncServer(
        async_mode="aiohttp",
        ping_interval=PING_INTERVAL,
        ping_timeout=PING_TIMEOUT,
        max_http_buffer_size=MAX_PAYLOAD,
    )
    play(sio, "/")
    play(sio, "/custom")
    return sio


def stock() -> web.Application:
    """Bare python-socketio: the control."""
    app = web.Application()
    stock_server().attach(app)
    return app


def attached() -> web.Application:
    """Our server beside an application on somebody's python-socketio server."""
    sio, app = stock_server(), web.Application()
    Signalling(CONFIG).attach(sio, "/eitherway")
    sio.attach(app)
    return app


def serve() -> web.Application:
    """What `eitherway serve` serves, with the application beside it: the main namespace is ours."""
    signalling = Signalling(CONFIG)
    app = signalling.aiohttp_app()
    assert signalling._parts is not None
    play(signalling._parts.engine.sio, "/custom")
    return app


KINDS: dict[str, Callable[[], web.Application]] = {"serve": serve, "attached": attached, "stock": stock}


async def main(kind: str) -> None:
    """Serve until standard input ends."""
    runner = web.AppRunner(KINDS[kind](), shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as run:
        run.run(main(sys.argv[1]))
