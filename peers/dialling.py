"""Ways to the server, tried: by which transport, why one fails, and how nothing of it remains."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, NamedTuple

import aiohttp
import engineio.payload
import socketio
import socketio.exceptions

from peers.engine import make_client
from peers.errors import Refused
from peers.tries import Line, first_of
from signalling.protocol.limits import MAX_POLL_PACKETS

log = logging.getLogger("eitherway.connection")


MAX_MESSAGE: Final = 16 * 1024 * 1024
"""Bytes in one WebSocket message."""
NO_SERVER: Final = frozenset({502, 503})
"""What a proxy answers whose server is not there."""


class Unreachable(Exception):
    """No connection by one transport, or by any; the text says why.

    `final`: another transport would meet the same. `nobody`: no server has had any work from it.
    """

    def __init__(self, why: str, *, final: bool = False, nobody: bool = False) -> None:
        super().__init__(why)
        self.final, self.nobody = final, nobody


class Made(NamedTuple):
    """A connection that has come about: its client, what tells why it is lost, and its transport."""

    sio: Any
    lost: asyncio.Future[str]
    transport: str


class Dialler:
    """Dials one server.

    `transports`: tried in this order, for `timeout` seconds each. `listen(sio)` is called for each client before it
    connects; it gives what tells why the connection is lost, or raises because none is wanted any more.
    """

    def __init__(
        self,
        url: str,
        *,
        path: str,
        namespace: str,
        transports: Sequence[str],
        timeout: float,
        listen: Callable[[socketio.AsyncClient], asyncio.Future[str]],
    ) -> None:
        self._url, self._path, self._namespace = url, path, namespace
        self._transports, self._timeout, self._listen = tuple(transports), timeout, listen
        self.headers: dict[str, str] = {}
        """HTTP headers of every request to the server."""
        self._closing: set[asyncio.Task[None]] = set()

    async def dial(self, auth: Any) -> Made:
        """A new connection. Raises Unreachable, Refused, and what `listen` raises."""
        return await first_of(lambda line: self._try(auth, line), self._forsake)

    def discard(self, sio: socketio.AsyncClient) -> None:
        """Close a client beside what comes next: one whose network is gone takes its time."""
        self._beside(discard(sio))

    async def close(self) -> None:
        """Until nothing remains of what was discarded."""
        if self._closing:
            await asyncio.wait(self._closing)

    async def _try(self, auth: Any, line: Line) -> Made:
        """Try the transports in turn, each on a client of its own."""
        failures: list[str] = []
        nobody = False
        for transport in self._transports:
            try:
                return await self._connect(transport, auth, line)
            except Unreachable as failure:
                failures.append(f"by {transport}: {failure}")
                nobody = nobody or failure.nobody
                if failure.final:
                    break
        raise Unreachable(f"cannot reach a signalling server at {self._url} {'; '.join(failures)}", nobody=nobody)

    async def _connect(self, transport: str, auth: Any, line: Line) -> Made:
        opened: list[aiohttp.ClientWebSocketResponse] = []

        def open_websocket(*arguments: Any, **options: Any) -> aiohttp.ClientWebSocketResponse:
            opened.append(aiohttp.ClientWebSocketResponse(*arguments, **options))
            return opened[-1]

        http = aiohttp.ClientSession(
            headers=self.headers,
            connector=aiohttp.TCPConnector(socket_factory=line.make_socket),
            ws_response_class=open_websocket,  # type: ignore[arg-type]
        )
        sio = make_client(
            reconnection=False,
            handle_sigint=False,
            request_timeout=self._timeout,
            http_session=http,
            websocket_extra_options={"max_msg_size": MAX_MESSAGE, "compress": 0},
        )
        try:
            lost = self._listen(sio)
        except BaseException:
            await http.close()
            raise
        try:
            await dial(
                sio,
                self._url,
                self._path,
                transport,
                namespace=self._namespace,
                auth=auth,
                timeout=self._timeout,
                line=line,
            )
        except BaseException:
            # engine.io forgets a WebSocket that is given up before its first packet has come.
            for websocket in opened:
                await websocket.close()
            raise
        return Made(sio, lost, transport)

    def _forsake(self, task: asyncio.Task[Made]) -> None:
        """Another try was faster, or failed: nothing is to remain of this one."""

        async def end() -> None:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled() and task.exception() is None:
                await discard(task.result().sio)

        self._beside(end())

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name="discard a connection")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def dial(
    sio: socketio.AsyncClient,
    url: str,
    path: str,
    transport: str,
    *,
    namespace: str,
    auth: Any,
    timeout: float,
    line: Line,
) -> None:
    """Connect a client whose sockets are of `line`, within `timeout` seconds. If that fails it is discarded.

    Raises Unreachable, Refused.
    """
    if transport == "polling":
        _read_large_polls()
    refusal: list[Any] = []
    sio.on("connect_error", lambda data=None: refusal.append(data), namespace)
    last_look = asyncio.get_running_loop().call_later(timeout, line.look)  # before the sockets are closed
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
        raise _unreachable(error, timeout, line) from None
    except BaseException:
        await discard(sio)
        raise
    finally:
        last_look.cancel()


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


def _unreachable(error: BaseException, timeout: float, line: Line) -> Unreachable:
    """What kept us from connecting. python-socketio says "Connection error" to everything; its causes know more."""
    silent = Unreachable(f"no answer in {timeout:g} s", final=not line.answered, nobody=not line.answered)
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None and len(causes) < 8:
        causes.append(cause)
    for cause in causes:
        match cause:
            case TimeoutError():
                return silent
            case aiohttp.ClientConnectorDNSError():
                return Unreachable(f"the host {cause.host!r} is not known", final=True, nobody=True)
            case aiohttp.ClientSSLError():
                return Unreachable(f"TLS failed: {cause.strerror or cause}", final=True)
            case aiohttp.ClientConnectorError():
                what = os.strerror(cause.errno) if cause.errno else str(cause)
                return Unreachable(f"{what}. Is `eitherway serve` running there?", final=True, nobody=True)
            case aiohttp.WSServerHandshakeError():
                return Unreachable(
                    f"it answered {cause.status}: is that a signalling server, and the path right?",
                    nobody=cause.status in NO_SERVER,
                )
    # What engine.io makes of a poll that was not answered in time.
    return silent if str(error) == "Connection refused by the server" else Unreachable(str(error))


def _read_large_polls() -> None:
    """Let python-engineio read a poll of more than 16 packets; it drops them silently otherwise (rule V5)."""
    payload = engineio.payload.Payload
    payload.max_decode_packets = max(payload.max_decode_packets, MAX_POLL_PACKETS)
