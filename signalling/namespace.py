"""The Socket.IO namespace: leads each event of each client, one after another, to what handles it (V3, V7)."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import msgspec
import socketio
from socketio.exceptions import ConnectionRefusedError as Refusal

from signalling.admission import check_handshake
from signalling.clients import Client, Clients
from signalling.config import Config
from signalling.engine.packets import Speller
from signalling.engine.server import Engine
from signalling.guests import asks_as_guest
from signalling.logs import Line
from signalling.membership import Membership
from signalling.metrics import Metrics
from signalling.outbox import Outbox
from signalling.posts import Posts
from signalling.protocol.errors import ProtocolError
from signalling.protocol.events import (
    Auth,
    Authorized,
    Join,
    JoinAsGuest,
    Leave,
    Post,
    Profile,
    Relay,
    Report,
    Signal,
    Unwatch,
    Watch,
    Wire,
)
from signalling.relay import Relays
from signalling.reports import Reports
from signalling.signals import Signals
from signalling.throttle import TokenBucket
from signalling.tokens import Verifier

log = logging.getLogger(__name__)

_WAITERS: Final = 64
"""Events of one client that may wait for the one before them."""

Reply = dict[str, Any]
_Event = TypeVar("_Event", bound=Wire)


class SignallingNamespace(socketio.AsyncNamespace):  # type: ignore[misc]
    """Our events on somebody's python-socketio server. `before_connect` is awaited when a client connects, and
    may raise ProtocolError.
    """

    def __init__(
        self,
        namespace: str,
        config: Config,
        engine: Engine,
        clients: Clients,
        speller: Speller,
        verifier: Verifier,
        membership: Membership,
        signals: Signals,
        relays: Relays,
        posts: Posts,
        reports: Reports,
        before_connect: Callable[[], Awaitable[None]],
        metrics: Metrics,
    ) -> None:
        super().__init__(namespace)
        self._config = config
        self._engine = engine
        self._clients = clients
        self._speller = speller
        self._verifier = verifier
        self._membership = membership
        self._signals = signals
        self._relays = relays
        self._posts = posts
        self._reports = reports
        self._before_connect = before_connect
        self._metrics = metrics
        self._relaying = metrics.handling["relay"]

    async def trigger_event(self, event: str, *args: Any) -> Reply | None:
        """What python-socketio calls for everything that happens. The reply becomes the acknowledgement.

        A client may send events called `connect` and `disconnect`, which arrive here like the real ones (V7).
        """
        sid = args[0]
        client = self._clients.get(sid)
        if event == "connect" and client is None:
            await self._connect(sid, args[2] if len(args) > 2 else None)
            return None
        if event == "disconnect" and not self._engine.is_connected(sid):
            if client is not None:
                await self._disconnect(client, str(args[1]) if len(args) > 1 else "")
            return None
        if client is None:
            return self._refuse(
                event, ProtocolError("unauthorized", "this connection has not greeted the signalling server")
            )
        return await self._in_order(client, event, args[1] if len(args) > 1 else None)

    def relay(self, sid: str, relay: Relay) -> Awaitable[object] | None:
        """What the engine calls for the `relay` events that it puts together itself, which is most of them. One that
        need not wait is handled at once; what is returned otherwise handles it after those before it.
        """
        client = self._clients.get(sid)
        if client is None:
            return None
        if client.waiting:
            return self._in_order(client, "relay", relay)
        begun = time.perf_counter()
        try:
            if client.events.take(1, time.monotonic()):
                self._relays.rate_limited(client, relay)
            else:
                self._relays.relay(client, relay)
        except ProtocolError as error:
            self._metrics.refused("relay", error.code)
            log.debug(Line("a relay that asks for no answer", sid=sid, error=str(error)))
        except Exception:
            self._metrics.refused("relay", "internal")
            log.exception(Line("handler failed", event="relay", sid=sid))
        self._relaying.add(time.perf_counter() - begun)
        return None

    async def _connect(self, sid: str, auth: object) -> None:
        begun = time.perf_counter()
        try:
            await self._before_connect()
            token = check_handshake(auth)
            if self._membership.closing:
                raise ProtocolError(
                    "shutting-down", "the server is about to leave", retry_after=self._config.reconnect_after
                )
            if self._engine.over_limit(sid):
                raise ProtocolError("rate-limited", "too many connections from this address", retry_after=10.0)
            queue = self._engine.queue(sid)
            access = self._verifier.access(token, time.time())
        except LookupError:
            raise Refusal("connect again", {"code": "internal", "message": "connect again"}) from None
        except ProtocolError as error:
            self._metrics.refused("connect", error.code)
            log.info(Line("connection refused", sid=sid, code=error.code, reason=error.message))
            raise Refusal(error.message, error.to_wire()) from None
        now = time.monotonic()
        self._metrics.connections[self._engine.first_transport(sid)] += 1
        self._clients[sid] = Client(
            sid,
            host=self._engine.host(sid),
            outbox=Outbox(queue, self._speller, self._config.outbox_bytes, time.monotonic),
            events=TokenBucket(self._config.event_rate, self._config.event_burst, now),
            relay_bytes=TokenBucket(self._config.relay_rate, self._config.relay_burst, now),
            access=access,
        )
        log.debug(Line("admitted", sid=sid, user=access.user))
        self._engine.greeted(sid)
        self._metrics.took("connect", time.perf_counter() - begun)

    async def _disconnect(self, client: Client, reason: str) -> None:
        if client.lock.locked():
            # Whoever ends the connections of all, one after another, does not wait for a handler that hangs.
            self.server.start_background_task(self._gone, client, reason)
        else:
            await self._gone(client, reason)

    async def _gone(self, client: Client, reason: str) -> None:
        # After the events that came before it, so that none of them makes the client a member again.
        async with client.lock:
            del self._clients[client.sid]
            client.outbox.close()
            self._relays.gone(client)
            self._posts.gone(client)
            await self._membership.gone(client, reason)

    async def _in_order(self, client: Client, event: str, data: object) -> Reply | None:
        """Handles one event after those before it. asyncio's lock lets waiters in first come, first served."""
        retry_after = client.events.take(1, time.monotonic())
        if client.waiting >= _WAITERS:
            return self._too_fast(client, event, data, self._relays.refuse)
        client.waiting += 1
        try:
            async with client.lock:
                if client.sid not in self._clients:
                    return None
                if retry_after:
                    return self._too_fast(client, event, data, self._relays.rate_limited, retry_after)
                return await self._handle(client, event, data)
        finally:
            client.waiting -= 1

    async def _handle(self, client: Client, event: str, data: object) -> Reply | None:
        begun = time.perf_counter()
        try:
            reply: Wire | None = None
            match event:
                case "relay":
                    self._relays.relay(client, _read(data, Relay))
                    return None
                case "signal":
                    self._signals.signal(client, _read(data, Signal))
                case "join":
                    join = _read(data, JoinAsGuest) if asks_as_guest(data) else _read(data, Join)
                    reply = await self._membership.join(client, join)
                case "leave":
                    await self._membership.leave(client, _read(data, Leave))
                case "profile":
                    await self._membership.profile(client, _read(data, Profile))
                case "auth":
                    reply = await self._renew(client, _read(data, Auth))
                case "post":
                    reply = await self._posts.post(client, _read(data, Post))
                case "watch":
                    reply = self._posts.watch(client, _read(data, Watch))
                case "unwatch":
                    self._posts.unwatch(client, _read(data, Unwatch))
                case "report":
                    self._reports.report(client, _read(data, Report))
                case _:
                    raise ProtocolError("bad-request", f"there is no event {event[:40]!r}")
        except ProtocolError as error:
            return self._refuse(event, error)
        except Exception:
            log.exception(Line("handler failed", event=event, sid=client.sid, user=client.access.user))
            return self._refuse(event, ProtocolError("internal", "the server failed; its log says why"))
        finally:
            self._metrics.took(event, time.perf_counter() - begun)
        return {} if reply is None else msgspec.to_builtins(reply)

    async def _renew(self, client: Client, auth: Auth) -> Authorized:
        access = self._verifier.access(auth.token, time.time())
        self._posts.check(client, access)
        return await self._membership.renew(client, access)

    def _too_fast(
        self,
        client: Client,
        event: str,
        data: object,
        refuse: Callable[[Client, Relay], None],
        retry_after: float = 0.1,
    ) -> Reply | None:
        if event != "relay":
            error = ProtocolError("rate-limited", "too many events", retry_after=round(retry_after, 3))
            return self._refuse(event, error)
        try:
            refuse(client, _read(data, Relay))
        except ProtocolError as malformed:
            return self._refuse(event, malformed)
        return None

    def _refuse(self, event: str, error: ProtocolError) -> Reply:
        self._metrics.refused(event, error.code)
        return _error(error)


def _read(data: object, kind: type[_Event]) -> _Event:
    try:
        return msgspec.convert(data, kind, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise ProtocolError("bad-request", str(error)) from None


def _error(error: ProtocolError) -> Reply:
    return {"error": error.to_wire()}
