"""Somebody's FastAPI application under uvicorn, with its own events and routes; ours beside them.

`python -m tests.signalling.asgi_program PORT [name=value ...]`: the rest are options of uvicorn's. Options of the
signalling server come from the environment.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psutil
import socketio
import uvicorn
from fastapi import FastAPI

from signalling import Config, Signalling

sio = socketio.AsyncServer(async_mode="asgi", ping_interval=7, ping_timeout=7)
signalling = Signalling(Config.from_env().changed(stun=False))
signalling.attach(sio)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    await signalling.start()
    yield
    await signalling.close()


api = FastAPI(lifespan=lifespan)


@api.get("/orders/{number}")
async def order(number: int) -> dict[str, int]:
    """A route of its own."""
    return {"order": number}


@api.get("/costs")
async def costs() -> dict[str, int]:
    """What the process holds: tasks, bytes of memory, and engine.io's sessions."""
    memory = psutil.Process().memory_info().rss
    return {"tasks": len(asyncio.all_tasks()), "memory": memory, "sessions": len(sio.eio.sockets)}


async def chat(sid: str, data: Any) -> dict[str, Any]:
    """An event of its own."""
    await sio.emit("chatted", data, skip_sid=sid)
    return {"heard": data}


sio.on("chat", chat)


if __name__ == "__main__":
    options = {name: json.loads(value) for name, value in (option.split("=", 1) for option in sys.argv[2:])}
    uvicorn.run(
        socketio.ASGIApp(sio, api),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        **{"ws_per_message_deflate": False, "timeout_graceful_shutdown": 3, "log_level": "warning", **options},
    )
