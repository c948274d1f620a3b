"""The Socket.IO connection to the signalling server: connect, ask, come back.

Every connection is a fresh `socketio.AsyncClient`; python-socketio's own reconnection is off, since we must know
which connection we are on (rule V1) and nothing may be sent before the rooms are joined again (rule V6).
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from peers.addresses import is_ours
from peers.backoff import Backoff
from peers.dialling import Dialler, Unreachable, refused
from peers.errors import ConnectionFailed, Refused
from peers.tokens import Token, fetch, keep_fresh
from signalling.protocol.events import Shutdown
from signalling.protocol.limits import PROTOCOL

log = logging.getLogger("eitherway.connection")

EVENTS: Final = ("roster", "signal", "relay", "relayed", "refused", "replaced", "room-closed", "post", "missed")
"""What the server sends, but for `shutdown`, which is the connection's own business."""

TRANSPORTS: Final = ("websocket", "polling")
ADDRESS_CHECK: Final = 0.5
"""Seconds between looks whether the address that a connection comes from is still this machine's."""
STEADY: Final = 5.0
"""Seconds that a connection lasts which is no reason to wait longer before the next: one that is lost again and again
is not to be had by trying ever so often."""
FATAL: Final = frozenset({"unsupported-protocol", "unauthorized", "forbidden"})
"""Refusals that no waiting mends."""


class Connection:
    """Keeps one connection to the server, for ever unless told otherwise.

    Parameters: the server's `url` (http or https, a path before `/socket.io` is kept); `token`, or an async function
    that returns a fresh one, for each connection and before one runs out; `transports`, tried in this order; `timeout`
    in seconds for one attempt to connect by one of them and for one reply; `reconnect`: whether to come back after a
    connection is lost; `namespace`: the Socket.IO namespace that the server's events are in.
    `on_event(name, data)` is called for what the server sends, `on_connected()` when there is a new connection,
    `on_disconnected(reason)` when it is gone, `on_closed(error)` when it is given up, `on_error(error)` when something
    else went wrong and is tried again.
    """

    def __init__(
        self,
        url: str,
        *,
        token: Token = None,
        transports: Sequence[str] = TRANSPORTS,
        timeout: float = 10.0,
        reconnect: bool = True,
        namespace: str = "/",
        on_event: Callable[[str, Any], None],
        on_connected: Callable[[], None],
        on_disconnected: Callable[[str], None],
        on_closed: Callable[[Exception], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"a server's URL looks like http://127.0.0.1:8080, not {url!r}")
        if parts.query or parts.fragment or parts.username is not None:
            raise ValueError("a server's URL has no user, query or fragment; what admits this client is its `token`")
        if isinstance(transports, str):
            transports = (transports,)
        unknown = [t for t in transports if t not in TRANSPORTS]
        if unknown or not transports:
            raise ValueError(f"transports are {' and '.join(TRANSPORTS)}, not {', '.join(unknown) or 'none'}")
        self.url = url
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self._dialler = Dialler(
            url,
            path=parts.path.strip("/"),
            namespace=namespace,
            transports=transports,
            timeout=timeout,
            listen=self._listen,
        )
        self._namespace = namespace
        self._token, self._timeout, self._reconnect = token, timeout, reconnect
        self._on_event, self._on_connected = on_event, on_connected
        self._on_disconnected, self._on_closed, self._on_error = on_disconnected, on_closed, on_error
        self.number = 0
        """This program's count of connections, in `join` and in every relay path (rule V1)."""
        self.transport: str | None = None
        self._sio: Any = None
        self._lost: asyncio.Future[str] | None = None
        self._task: asyncio.Task[None] | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._calls: set[asyncio.Future[Any]] = set()
        self._backoff = Backoff()
        self._come_back = 0.0
        self._closed = False
        self._opening = asyncio.Lock()

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._lost is not None and not self._lost.done()

    @property
    def headers(self) -> dict[str, str]:
        """HTTP headers of every request to the server."""
        return self._dialler.headers

    @property
    def sid(self) -> str:
        """The server's name for this connection; the proof at join binds it."""
        return str(self._sio.get_sid(self._namespace)) if self._sio is not None else ""

    async def open(self) -> None:
        """Connect for the first time, and keep connected from then on.

        Raises ConnectionFailed if the server cannot be reached, Refused if it does not want this client.
        """
        async with self._opening:  # who comes meanwhile uses the same connection
            self._check_open()
            if self._task is None:
                try:
                    await self._dial()
                except Unreachable as failure:
                    raise ConnectionFailed(str(failure)) from None
                self._task = asyncio.create_task(self._keep())

    async def request(self, event: str, data: Any, *, timeout: float | None = None) -> Any:
        """Send an event and wait for the server's reply.

        Raises Refused with the server's code; ConnectionFailed if the connection is lost meanwhile, so that no call
        outlives the connection it was made on (rule V6), or if no reply comes within `timeout` seconds.
        """
        if not self.connected:
            raise ConnectionFailed(f"not connected to {self.url}; it is tried again by itself")
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._calls.add(reply)

        def acknowledged(*args: Any) -> None:
            if not reply.done():
                reply.set_result(args[0] if args else None)

        try:
            await self._sio.emit(event, data, callback=acknowledged, namespace=self._namespace)
            # Not wait_for: on Python 3.11 it loses the cancellation of a task whose reply comes in the same turn.
            async with asyncio.timeout(timeout or self._timeout):
                result = await reply
        except TimeoutError:
            raise ConnectionFailed(
                f"{self.url} did not answer {event!r} in {timeout or self._timeout:g} s: "
                f"is it an eitherway server, with its events in the namespace {self._namespace!r}?"
            ) from None
        finally:
            self._calls.discard(reply)
        if isinstance(result, dict) and isinstance(result.get("error"), dict):
            raise refused(result["error"])
        return result

    async def emit(self, event: str, data: Any) -> None:
        """Send an event that is not acknowledged, and wait until it is on its way: what is sent next can be batched."""
        sio = self._sio
        if sio is None or not self.connected:
            return
        await sio.emit(event, data, namespace=self._namespace)
        await sio.eio.queue.join()

    async def close(self) -> None:
        """Disconnect, and stay so."""
        self._closed = True
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self._hang_up("closed")
        if self._renewing is not None:
            await asyncio.wait([self._renewing], timeout=2)  # the application's function may do as it likes
        await self._dialler.close()

    # ---- one connection after another

    async def _keep(self) -> None:
        now = asyncio.get_running_loop().time
        while not self._closed:
            assert self._lost is not None
            since = now()
            reason = await self._until_lost(self._lost)
            lost = now()
            self._hang_up(reason)
            if not self._reconnect:
                return self._give_up(ConnectionFailed(f"the connection to {self.url} was lost: {reason}"))
            log.warning("lost the connection to %s (%s); trying again", self.url, reason)
            if lost - since >= STEADY:
                self._backoff.reset()
            nobody, spent = False, 0.0
            while True:
                await asyncio.sleep(self._pause(nobody, now() - lost) - spent)
                begun = now()
                nobody, spent = False, 0.0
                try:
                    await self._dial()
                    break
                except Refused as error:
                    if error.code in FATAL and not (error.code == "unauthorized" and callable(self._token)):
                        return self._give_up(error)
                    self._come_back = error.retry_after or 0.0
                    log.warning("%s refused the connection: %s", self.url, error)
                except Unreachable as failure:
                    if failure.nobody:  # who has hung on the line has waited meanwhile
                        nobody, spent = True, now() - begun
                    log.info("%s", failure)
                except ConnectionFailed as error:
                    log.info("%s", error)
                except Exception as error:  # the application's token function raised: it may do better next time
                    log.exception("no token for %s; trying again", self.url)
                    self._on_error(error)
        return None

    def _pause(self, nobody: bool, outage: float) -> float:
        """Seconds from one try to reach the server to the next."""
        asked, self._come_back = self._come_back, 0.0
        return self._backoff.after(asked) if asked else self._backoff.next(nobody=nobody, outage=outage)

    async def _until_lost(self, lost: asyncio.Future[str]) -> str:
        """Wait until the connection is lost, and say why. Its address may go before anybody tells."""
        websocket = getattr(self._sio.eio, "ws", None)
        address: Any = None if websocket is None else websocket.get_extra_info("sockname")
        while not lost.done():
            await asyncio.wait([lost], timeout=None if address is None else ADDRESS_CHECK)
            if address is not None and not lost.done() and not is_ours(address):
                lost.set_result("this machine's address is another one now")
        return lost.result()

    def _give_up(self, error: Exception) -> None:
        self._closed = True
        log.error("giving up on %s: %s", self.url, error)
        self._on_closed(error)

    async def _dial(self) -> None:
        """Have a connection. Raises Unreachable, Refused, ConnectionFailed (this client is closed)."""
        token = await fetch(self._token)
        made = await self._dialler.dial({"protocol": PROTOCOL} | ({} if token is None else {"token": token}))
        if self._closed:  # meanwhile: nobody would hang up
            self._dialler.discard(made.sio)
            await self._dialler.close()
            self._check_open()
        self._sio, self._lost, self.transport = made
        self.number += 1
        log.info("connected to %s by %s", self.url, self.transport)
        if callable(self._token):
            self._renewing = asyncio.create_task(keep_fresh(token, self._token, self._show, self._on_error))
        self._on_connected()

    async def _show(self, token: str) -> None:
        await self.request("auth", {"token": token})

    def _check_open(self) -> None:
        if self._closed:
            raise ConnectionFailed("this client is closed; make a new one")

    def _listen(self, sio: Any) -> asyncio.Future[str]:
        """Hear what a client is told that is about to connect. Raises ConnectionFailed if none is wanted any more."""
        self._check_open()
        lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        for name in EVENTS:
            sio.on(name, self._receiver(sio, name), self._namespace)
        sio.on("shutdown", self._shutdown, self._namespace)
        sio.on("disconnect", lambda why="": None if lost.done() else lost.set_result(str(why)), self._namespace)
        return lost

    def _receiver(self, sio: Any, name: str) -> Callable[..., None]:
        # Stock clients run each event as a task of its own: only a handler that does not wait keeps their order.
        def receive(data: Any = None, *_: Any) -> None:
            if sio is self._sio:
                self._on_event(name, data)

        return receive

    def _shutdown(self, data: Any = None, *_: Any) -> None:
        try:
            shutdown = msgspec.convert(data, Shutdown)
        except msgspec.ValidationError:
            return
        log.warning("%s is about to leave: %s", self.url, shutdown.reason)
        self._come_back = min(max(0.0, shutdown.reconnect_after), 60.0)

    def _hang_up(self, reason: str) -> None:
        sio, self._sio = self._sio, None
        if sio is None:
            return
        if self._renewing is not None:
            self._renewing.cancel()
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(reason)
        for call in list(self._calls):
            if not call.done():
                call.set_exception(ConnectionFailed(f"the connection to {self.url} was lost: {reason}"))
        self._on_disconnected(reason)
        self._dialler.discard(sio)
