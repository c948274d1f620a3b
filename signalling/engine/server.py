"""A python-socketio server, our own or somebody else's, with the parts replaced that the rules V5 and V7 ask for."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qs

import engineio.payload
import socketio
import socketio.packet

from signalling.config import Config
from signalling.engine import polling
from signalling.engine.asgi import AsgiWebSocket
from signalling.engine.packets import FastPacket, Packet, PacketRefused
from signalling.engine.queue import FedQueue, Transport
from signalling.engine.websocket import WebSocket
from signalling.logs import Line
from signalling.origins import allows
from signalling.protocol.events import Relay
from signalling.protocol.limits import MAX_POLL_PACKETS
from signalling.throttle import Connections

log = logging.getLogger(__name__)

_CLOSING: Final = 5.0
"""Seconds that a closed client has to answer before its TCP connection is cut."""


def make_server(config: Config) -> socketio.AsyncServer:
    """Our own server. Its handlers run one after another for each client, in the order of arrival (rule V3)."""
    quiet = logging.getLogger("signalling.engine.socketio")
    quiet.setLevel(logging.ERROR)  # below that it tells what is in every packet
    return socketio.AsyncServer(
        async_mode="aiohttp",
        async_handlers=False,
        serializer=FastPacket,
        cors_allowed_origins=(lambda origin: allows(config.origins, origin)) if config.origins else "*",
        cors_credentials=False,
        http_compression=False,
        monitor_clients=False,  # Engine.sweep does
        max_http_buffer_size=config.message_bytes,
        ping_interval=config.ping_interval,
        ping_timeout=config.ping_timeout,
        logger=quiet,
        engineio_logger=quiet,
    )


class Engine:
    """One namespace of a python-socketio server, by the ids of its clients (sids)."""

    def __init__(
        self,
        sio: socketio.AsyncServer,
        namespace: str,
        *,
        own: bool,
        connections: Connections,
        clock: Callable[[], float],
    ) -> None:
        """Adopts the server. Raises ValueError if it cannot be used."""
        self.sio = sio
        self.namespace = namespace
        self._own = own
        self._connections = connections
        self._clock = clock
        self._tasks: set[asyncio.Task[Any]] = set()
        if not own:
            if sio.packet_class is not socketio.packet.Packet:
                raise ValueError('attach() needs a server with serializer="default", which every client speaks')
            if "connect" in sio.handlers.get(namespace, {}):
                raise ValueError(f"the server has a connect handler in {namespace!r}: attach to another namespace")
            sio.packet_class = Packet
        # Process-wide, there is no other way: python-engineio drops longer polls silently (rule V5).
        engineio.payload.Payload.max_decode_packets = MAX_POLL_PACKETS
        eio = sio.eio
        eio.create_queue = FedQueue
        if own:
            eio.start_background_task = self._start_task
        eio._ok = polling.say_ok(eio._ok)
        # A copy: the original is shared by all servers.
        eio._async = {**eio._async, "translate_request": polling.name_transports(eio._async["translate_request"])}
        if eio.async_mode == "aiohttp":
            eio._async["websocket"] = partial(WebSocket, self)
        elif eio.async_mode == "asgi":
            eio._async["websocket"] = AsgiWebSocket
        if own:
            eio._async["create_route"] = polling.create_route
        eio.on("connect", self._on_connect)
        eio.on("message", self._on_message)
        eio.on("disconnect", self._on_disconnect)

    def is_connected(self, sid: str) -> bool:
        """Whether this client is connected, as python-socketio sees it: not while it connects or disconnects."""
        return bool(self.sio.manager.is_connected(sid, self.namespace))

    def queue(self, sid: str) -> FedQueue:
        """The queue that leads to a client. Raises LookupError if it connected before we adopted the server."""
        queue = self._socket(sid).queue
        if not isinstance(queue, FedQueue):
            raise LookupError(sid)
        return queue

    def host(self, sid: str) -> str:
        """The Host header of a client's first request."""
        return str(self.sio.get_environ(sid, self.namespace).get("HTTP_HOST", ""))

    def first_transport(self, sid: str) -> Transport:
        """What a client's first request was for; it may have changed to a WebSocket since."""
        query = self.sio.get_environ(sid, self.namespace).get("QUERY_STRING", "")
        return "websocket" if parse_qs(query).get("transport") == ["websocket"] else "polling"

    def greeted(self, sid: str) -> None:
        """This client has been admitted to the namespace."""
        self._connections.greeted(self._eio_sid(sid))

    def over_limit(self, sid: str) -> bool:
        """Whether more connections come from this client's address than are allowed."""
        return self._connections.over_limit(self._eio_sid(sid))

    def takes_relays(self, eio_sid: str) -> bool:
        """Whether this engine.io client is in our namespace."""
        return self.sio.manager.sid_from_eio_sid(eio_sid, self.namespace) is not None

    def relay(self, eio_sid: str, relay: Relay) -> Awaitable[object] | None:
        """Has our namespace handle a `relay` event, which is past python-socketio; what it returns is to be awaited."""
        sid = self.sio.manager.sid_from_eio_sid(eio_sid, self.namespace)
        if sid is None:
            return None
        turn: Awaitable[object] | None = self.sio.namespace_handlers[self.namespace].relay(sid, relay)
        return turn

    async def cut(self, sid: str, reason: str) -> None:
        """Ends a client's connection now. What waits for it is lost."""
        await self.cut_off(self._eio_sid(sid), reason)

    async def cut_off(self, eio_sid: str, reason: str) -> None:
        """Ends an engine.io client's connection now."""
        socket = self.sio.eio.sockets.get(eio_sid)
        if socket is None or socket.closing or socket.closed:
            return
        sid = self.sio.manager.sid_from_eio_sid(eio_sid, self.namespace)
        log.warning(Line("client cut off", sid=sid, connection=eio_sid, reason=reason))
        if isinstance(socket.queue, FedQueue) and socket.queue.websocket is not None:
            socket.queue.websocket.abort()
        await socket.close(wait=False, abort=True, reason=reason)

    async def close(self, sid: str) -> None:
        """Lets a client go, after what waits in its engine's queue; a client of ours connects again elsewhere."""
        if not self._own:
            await self.sio.disconnect(sid, namespace=self.namespace)
            return
        try:
            socket = self._socket(sid)
        except KeyError:
            return
        await socket.close(wait=False)

    async def sweep(self, hello_timeout: float) -> None:
        """Closes connections to our own server that answer no ping or never greeted the namespace. Call it often.

        engine.io's own task, which we don't start, goes round once in a ping timeout.
        """
        if not self._own:
            return
        for eio_sid, socket in list(self.sio.eio.sockets.items()):
            if socket.closed:
                self.sio.eio.sockets.pop(eio_sid, None)
            elif not socket.closing:
                await socket.check_ping_timeout()
        for eio_sid in self._connections.silent(self._clock() - hello_timeout):
            await self.cut_off(eio_sid, "it never greeted the server")

    def has_open_sockets(self) -> bool:
        """Whether any client of our own server still holds its TCP connection open."""
        return self._own and any(
            socket.queue.websocket is not None and socket.queue.websocket.open
            for socket in self.sio.eio.sockets.values()
        )

    async def stop(self) -> None:
        """Cuts off whoever is still connected to our own server, and ends its tasks."""
        if not self._own:
            return
        for eio_sid in list(self.sio.eio.sockets):
            await self.cut_off(eio_sid, "the server has shut down")
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _on_connect(self, eio_sid: str, environ: dict[str, Any]) -> str | None:
        if not self._connections.opened(eio_sid, environ, self._clock()):
            return "too many connections from this address"  # anything but None is the reason of a refusal
        socket = self.sio.eio.sockets[eio_sid]
        polling.guard(socket, partial(self.cut_off, eio_sid))
        # engine.io rounds it down to whole seconds.
        socket.queue.first().data["pingInterval"] = int(self.sio.eio.ping_interval * 1000)
        await self.sio._handle_eio_connect(eio_sid, environ)
        return None

    async def _on_message(self, eio_sid: str, data: object) -> None:
        socket = self.sio.eio.sockets.get(eio_sid)
        if socket is None or socket.closed:
            return  # python-socketio would connect it again, and never forget it
        try:
            await self.sio._handle_eio_message(eio_sid, data)
        except Exception as error:
            # Our namespace answers for its own handlers, so this is what python-socketio made of a client's bytes.
            if not self._own and not isinstance(error, PacketRefused):
                raise
            log.debug("a packet that python-socketio could not take", exc_info=True)
            await self.cut_off(eio_sid, f"bad packet: {error}")

    async def _on_disconnect(self, eio_sid: str, reason: str) -> None:
        socket = self.sio.eio.sockets.get(eio_sid)
        if socket is not None and isinstance(socket.queue, FedQueue):
            if socket.queue.websocket is not None:
                socket.queue.websocket.abort_later(_CLOSING)
            # Soon, so that the closing packet which engine.io may be about to send goes first.
            asyncio.get_running_loop().call_soon(socket.queue.close)
        self._connections.closed(eio_sid)
        self.sio._binary_packet.pop(eio_sid, None)
        await self.sio._handle_eio_disconnect(eio_sid, reason)

    def _start_task(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.ensure_future(target(*args, **kwargs))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _eio_sid(self, sid: str) -> str:
        return str(self.sio.manager.eio_sid_from_sid(sid, self.namespace))

    def _socket(self, sid: str) -> Any:
        """Raises KeyError if there is none."""
        return self.sio.eio.sockets[self._eio_sid(sid)]
