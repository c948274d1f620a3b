"""The one place in peers that knows private names of python-socketio and python-engineio: a client that reads quickly.

Stock clients spend two tasks and a timer on every WebSocket frame, and parse the text of a `relay` event anew for each
packet, though it is the same for all packets from one peer in one room. Here frames are handled where they are read,
in the order of the wire. Versions are bounded in pyproject.toml; where the names are gone, clients are stock.
"""

import asyncio
import functools
import inspect
import logging
from typing import Any, Final, NamedTuple

import engineio
import engineio.packet
import msgspec
import socketio
import socketio.packet
from aiohttp import ClientResponse, ClientWebSocketResponse, ServerDisconnectedError

from signalling.protocol.writing import gather_writes

log = logging.getLogger("eitherway.connection")

_RELAYS: Final = {'51-["relay",': ("packet",), '52-["relay",': ("packet", "body")}
"""How the text of a `relay` event begins, and what its attachments are."""
_BEGINNING: Final = len('51-["relay",')
_LONGEST: Final = 2_048
"""Characters in a text that is worth remembering; a longer one is no server's of ours."""
_TEXTS: Final = 256
"""Texts of `relay` events that are remembered: one for each peer that sends, in each room."""
_TURNS: Final = 16
"""Turns of the event loop within which `connect` returns for sure once it has been told that it may."""
_REST: Final = 3
"""Turns of the event loop between two packets, for those who handle and answer what has come. Reading on at once, or
after one turn, lets acknowledgements wait: it cost a third of the rate of small messages, though no CPU."""
_DISCONNECT: Final = str(socketio.packet.DISCONNECT)


def make_client(**options: Any) -> socketio.AsyncClient:
    """A client for one connection: its `reconnection` is to be off, and its handlers are not to wait."""
    return (_Client if FITS else socketio.AsyncClient)(**options)


class _Silence:
    """Hangs up when nothing has been heard for `limit` seconds: one timer watches, however much is heard."""

    def __init__(self, ws: ClientWebSocketResponse, limit: float) -> None:
        self._ws, self._limit = ws, limit
        self._loop = asyncio.get_running_loop()
        self._hanging_up: asyncio.Task[bool] | None = None
        self.heard = self._loop.time()
        self._timer = self._loop.call_at(self.heard + limit, self._watch)

    def _watch(self) -> None:
        due = self.heard + self._limit
        if due > self._loop.time():
            self._timer = self._loop.call_at(due, self._watch)
            return
        log.warning("the server has said nothing for %g s", self._limit)
        self._hanging_up = self._loop.create_task(self._ws.close())  # which ends a `receive` at once

    def end(self) -> None:
        """Nobody listens any more."""
        self._timer.cancel()
        if self._hanging_up is not None:
            self._hanging_up.cancel()


class _Engine(engineio.AsyncClient):  # type: ignore[misc]
    """engine.io's client, reading a WebSocket without a task or a timer for each frame. Polling is as it was."""

    write_loop_task: asyncio.Task[None] | None

    async def _send_request(self, *arguments: Any, **options: Any) -> Any:
        """What a session's request is refused with is read by nobody, and would hold its connection."""
        response = await super()._send_request(*arguments, **options)
        if self.state == "connected" and isinstance(response, ClientResponse) and not response.ok:
            response.release()
        return response

    async def _write_loop(self) -> None:
        if self.current_transport != "websocket":
            await super()._write_loop()
            return
        try:
            await self._write()
        except (OSError, ServerDisconnectedError, asyncio.CancelledError) as error:
            log.info("cannot write to the WebSocket to the server: %r", error)
        self.write_loop_task = None

    async def _write(self) -> None:
        """Write what is in the queue, until there is None in it."""
        queue = self.queue
        while self.state == "connected" or not queue.empty():  # a goodbye is in the queue when the state has changed
            packet = await queue.get()
            if packet is not None:
                await (self.ws.send_bytes if packet.binary else self.ws.send_str)(packet.encode())
            queue.task_done()
            if packet is None:
                break

    async def _read_loop_websocket(self) -> None:
        silence = _Silence(self.ws, self.ping_interval + self.ping_timeout)
        gather_writes(self.ws)
        try:
            last = await self._read(silence)
            if last is not None:
                await self._receive_packet(last)
            elif self.write_loop_task:
                await self.queue.put(None)
            await self._end_writing()
            await super()._read_loop_websocket()  # without a writer it reads nothing: it only tells of the end
        finally:
            silence.end()

    async def _read(self, silence: _Silence) -> engineio.packet.Packet | None:
        """Read until the server says that it closes, in the packet returned, or the connection is of no more use."""
        ws: ClientWebSocketResponse = self.ws
        handle = self.handlers["message"]
        now = asyncio.get_running_loop().time
        try:
            while self.state == "connected" and self.write_loop_task:
                data = (await ws.receive()).data
                silence.heard = now()
                if isinstance(data, bytes):
                    await handle(data)
                    for _ in range(_REST):
                        await asyncio.sleep(0)
                elif not isinstance(data, str):
                    log.info("the WebSocket to the server is closed")
                    break
                elif data[:1] == "4" and data[1:2].isdecimal() and data[1] != _DISCONNECT:
                    await handle(data[1:])
                else:
                    packet = engineio.packet.Packet(encoded_packet=data)
                    if packet.packet_type == engineio.packet.CLOSE:
                        return packet
                    # A message here is a goodbye: it is handled in a task, as always, which waits for this loop's end.
                    await self._receive_packet(packet)
        except Exception as error:  # whatever the socket, or engine.io's parser, trips over
            log.info("cannot read from the WebSocket to the server: %r", error)
        return None

    async def _end_writing(self) -> None:
        """Until the writer has ended: by itself, or it is stuck, as on a network that is gone."""
        if self.write_loop_task:
            _, stuck = await asyncio.wait([self.write_loop_task], timeout=self.request_timeout)
            for task in stuck:
                task.cancel()
        self.write_loop_task = None


class _Relay(NamedTuple):
    """The text of a `relay` event, understood: the attachments that follow, by name, complete its data."""

    data: dict[str, Any]
    names: tuple[str, ...]


@functools.lru_cache(maxsize=_TEXTS)
def _read_relay(text: str) -> _Relay | None:
    """None if this isn't what a `relay` event looks like."""
    names = _RELAYS[text[:_BEGINNING]]
    try:
        _, data = msgspec.json.decode(text[len("51-") :], type=tuple[str, dict[str, Any]])
    except (msgspec.MsgspecError, RecursionError):
        return None
    for number, name in enumerate(names):
        if data.pop(name, None) != {"_placeholder": True, "num": number}:
            return None
    if any(isinstance(value, dict | list) for value in data.values()):
        return None
    return _Relay(data, names)


class _Client(socketio.AsyncClient):  # type: ignore[misc]
    """python-socketio's client, with a short way for `relay` events; everything else goes the long one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._relay: _Relay | None = None
        self._parts: list[str | bytes] = []
        """The text of a `relay` event and the attachments it has so far."""

    def _engineio_client_class(self) -> type[engineio.AsyncClient]:
        return _Engine

    async def _handle_connect(self, namespace: str | None, data: Any) -> None:
        await super()._handle_connect(namespace, data)
        for _ in range(_TURNS):  # a goodbye that is read before `connect` has returned would go unheard
            if self.connected:
                break
            await asyncio.sleep(0)

    async def _handle_eio_message(self, data: Any) -> None:
        try:
            if not self._take(data):
                parts, self._parts, self._relay = [*self._parts, data], [], None
                for part in parts:
                    await super()._handle_eio_message(part)
        except Exception:  # a packet that makes no sense, or a handler's error: either ends where it began
            self._binary_packet = None
            log.exception("a packet from the server could not be handled")

    def _take(self, data: Any) -> bool:
        """Whether this belongs to a `relay` event like all others. If not, what came before it doesn't either."""
        if self._relay is not None:
            if not isinstance(data, bytes):
                return False
            self._parts.append(data)
            if len(self._parts) > len(self._relay.names):
                event = {**self._relay.data, **dict(zip(self._relay.names, self._parts[1:], strict=True))}
                self._relay, self._parts = None, []
                self.handlers["/"]["relay"](event)
        elif self._binary_packet is None and isinstance(data, str) and data[:_BEGINNING] in _RELAYS:
            if len(data) > _LONGEST or (relay := _read_relay(data)) is None:
                return False
            self._relay, self._parts = relay, [data]
        else:
            return False
        return True


def fits(engine: type, client: type) -> bool:
    """Whether these classes of engine.io and Socket.IO have the methods that are overridden or called here."""
    return (
        inspect.iscoroutinefunction(getattr(engine, "_read_loop_websocket", None))
        and inspect.iscoroutinefunction(getattr(engine, "_write_loop", None))
        and inspect.iscoroutinefunction(getattr(engine, "_receive_packet", None))
        and inspect.iscoroutinefunction(getattr(engine, "_send_request", None))
        and inspect.iscoroutinefunction(getattr(client, "_handle_eio_message", None))
        and inspect.iscoroutinefunction(getattr(client, "_handle_connect", None))
        and callable(getattr(client, "_engineio_client_class", None))
    )


FITS: Final = fits(engineio.AsyncClient, socketio.AsyncClient)
"""Whether the installed versions are such as this module knows."""
