"""One way to the server, tried: why it fails, and how nothing of it remains."""

import asyncio
import contextlib
import logging
import os
from typing import Any

import aiohttp
import engineio.payload
import socketio
import socketio.exceptions

from peers.errors import Refused
from signalling.protocol.limits import MAX_POLL_PACKETS

log = logging.getLogger("eitherway.connection")


class Unreachable(Exception):
    """No connection by one transport; the text says why. `final`: another transport would meet the same."""

    def __init__(self, why: str, *, final: bool = False) -> None:
        super().__init__(why)
        self.final = final


async def dial(
    sio: socketio.AsyncClient, url: str, path: str, transport: str, *, namespace: str, auth: Any, timeout: float
) -> None:
    """Connect a client, within `timeout` seconds. If that fails it is discarded. Raises Unreachable, Refused."""
    if transport == "polling":
        _read_large_polls()
    refusal: list[Any] = []
    sio.on("connect_error", lambda data=None: refusal.append(data), namespace)
    try:
        # The client's own timeouts leave out a server that is silent before the WebSocket is one.
        async with asyncio.timeout(timeout):
            await sio.connect(
                url,
                auth=auth,
                transports=[transport],
                namespaces=[namespace],
                socketio_path=f"{path}/socket.io" if path else "socket.io",
                wait_timeout=timeout,
            )
    except (socketio.exceptions.ConnectionError, aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        await discard(sio)
        if refusal and isinstance(refusal[0], dict) and isinstance(refusal[0].get("data"), dict):
            raise refused(refusal[0]["data"]) from None
        raise _unreachable(error, timeout) from None
    except BaseException:
        await discard(sio)
        raise


async def discard(sio: Any) -> None:
    """Close a client whatever state it is in, so that neither its tasks nor its sockets remain."""
    eio = sio.eio
    websocket, http = getattr(eio, "ws", None), eio.http
    cancelled = False
    try:
        async with asyncio.timeout(2):
            await sio.disconnect()
    except Exception as error:
        log.debug("closing a connection: %r", error)
    except asyncio.CancelledError:
        # One of the engine's own tasks was cancelled; or this one, and then the rest is still to be given back.
        task = asyncio.current_task()
        cancelled = task is not None and task.cancelling() > 0
    tasks = [t for t in (eio.read_loop_task, eio.write_loop_task) if t is not None and not t.done()]
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=2)
    if websocket is not None and not websocket.closed:
        with contextlib.suppress(Exception):
            await asyncio.wait_for(websocket.close(), 2)
    if http is not None and not http.closed:
        await http.close()
    if cancelled:
        raise asyncio.CancelledError


def refused(error: dict[str, Any]) -> Refused:
    """The exception for an error of the server's."""
    retry_after = error.get("retry_after")
    statement = error.get("statement")
    return Refused(
        str(error.get("code", "internal")),
        str(error.get("message", "the server refused")),
        retry_after=float(retry_after) if isinstance(retry_after, int | float) else None,
        statement=statement if isinstance(statement, str) else None,
    )


def _unreachable(error: BaseException, timeout: float) -> Unreachable:
    """What kept us from connecting. python-socketio says "Connection error" to everything; its causes know more."""
    silent = Unreachable(f"no answer in {timeout:g} s")
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None and len(causes) < 8:
        causes.append(cause)
    for cause in causes:
        match cause:
            case TimeoutError():
                return silent
            case aiohttp.ClientConnectorDNSError():
                return Unreachable(f"the host {cause.host!r} is not known", final=True)
            case aiohttp.ClientSSLError():
                return Unreachable(f"TLS failed: {cause.strerror or cause}", final=True)
            case aiohttp.ClientConnectorError():
                what = os.strerror(cause.errno) if cause.errno else str(cause)
                return Unreachable(f"{what}. Is `eitherway serve` running there?", final=True)
            case aiohttp.WSServerHandshakeError():
                return Unreachable(f"it answered {cause.status}: is that a signalling server, and the path right?")
    # What engine.io makes of a poll that was not answered in time.
    return silent if str(error) == "Connection refused by the server" else Unreachable(str(error))


def _read_large_polls() -> None:
    """Let python-engineio read a poll of more than 16 packets; it drops them silently otherwise (rule V5)."""
    payload = engineio.payload.Payload
    payload.max_decode_packets = max(payload.max_decode_packets, MAX_POLL_PACKETS)
