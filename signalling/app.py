"""The signalling server, put together: on a server of its own, or beside what else somebody's server does."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final, NamedTuple

import socketio
from aiohttp import web
from prometheus_client import ProcessCollector

from signalling.announcer import Announcer
from signalling.clients import Clients
from signalling.collector import ServerCollector
from signalling.config import Config
from signalling.engine.packets import Speller
from signalling.engine.server import Engine, make_server
from signalling.feeds.feeds import FeedLimits, Feeds
from signalling.feeds.history import Bounds
from signalling.http.api.routes import Api
from signalling.http.health import add_health
from signalling.http.metrics import add_metrics
from signalling.http.page import add_page
from signalling.ice import is_turn
from signalling.logs import Line
from signalling.membership import Membership
from signalling.metrics import Metrics
from signalling.namespace import SignallingNamespace
from signalling.posts import Posts
from signalling.protocol.errors import ProtocolError
from signalling.protocol.events import Shutdown
from signalling.relay import Relays
from signalling.reports import Reports
from signalling.rooms.memory import MemoryStore
from signalling.signals import Signals
from signalling.stun import StunResponder
from signalling.throttle import Connections
from signalling.tokens import Verifier
from signalling.webhooks.database import StoreError
from signalling.webhooks.webhooks import Webhooks

log = logging.getLogger(__name__)

_SWEEP_EVERY: Final = 1.0
_GOODBYE: Final = 1.0
"""Seconds for clients to answer the closing of their connection."""


class _Parts(NamedTuple):
    """What there is once a python-socketio server has been adopted."""

    engine: Engine
    membership: Membership
    speller: Speller
    api: Api


class Signalling:
    """One signalling server. Use `aiohttp_app`, or `attach` to a python-socketio server that you run.

    Raises ValueError for keys for tokens that cannot be read or are too short, and for options of webhooks that make no
    sense.
    """

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or Config()
        self._verifier = Verifier.of(self.config)
        self.stun_port: int | None = None
        self._metrics = Metrics()
        self.registry = self._metrics.registry
        """All metrics of this server, for prometheus-client. To be read in the thread of the server's event loop."""
        self._clients: Clients = {}
        self._feeds = Feeds(_feed_limits(self.config), time.monotonic, time.time, _later)
        self.webhooks = Webhooks(self.config, self._feeds)
        self._feeds.listener = self.webhooks
        self._parts: _Parts | None = None
        self._stun = StunResponder()
        self._sweeper: asyncio.Task[None] | None = None

    def aiohttp_app(self) -> web.Application:
        """A web application with the whole server in it. It starts and closes it by itself."""
        sio = make_server(self.config)
        api = self._adopt(sio, "/", own=True).api
        app = web.Application()
        sio.attach(app)
        api.add_to(app)
        add_health(app, lambda: self.closing, lambda: self.unready)
        ProcessCollector(registry=self.registry)
        add_metrics(app, api.gate, api.problems, self.registry)
        add_page(app)

        async def start(_: web.Application) -> None:
            await self.start()

        async def close(_: web.Application) -> None:
            await self.close()

        app.on_startup.append(start)
        app.on_shutdown.append(close)
        return app

    def attach(self, sio: socketio.AsyncServer, namespace: str = "/") -> None:
        """Adds the Socket.IO part to a server that you run, before its first client connects.

        It starts when somebody connects; call `close` before your server stops. Raises ValueError if the server
        cannot be used.
        """
        self._adopt(sio, namespace, own=False)

    @property
    def closing(self) -> bool:
        """Whether `close` has been called."""
        return self._parts is not None and self._parts.membership.closing

    @property
    def unready(self) -> str | None:
        """Why no clients should be sent here now; None: it is ready."""
        if self.closing:
            return "closing"
        if self._sweeper is None:
            return "not started"
        return "webhooks cannot be stored" if self.webhooks.store_error is not None else None

    async def start(self) -> None:
        """Begins to look after clients. Does nothing the second time. Raises StoreError if webhooks cannot be kept."""
        await self.webhooks.start()
        if self._sweeper is not None or self._parts is None:
            return
        self._sweeper = asyncio.ensure_future(self._sweep(self._parts))
        self._verifier.warn_if_open()
        if any(map(is_turn, self.config.ice_servers)) and not self.config.turn_secret:
            log.warning("TURN servers are named without --turn-secret: peers get no credential, and leave them out")
        if self.config.stun:
            try:
                self.stun_port = await self._stun.start(self.config.host, self.config.stun_port)
            except OSError as error:
                log.warning(
                    "no STUN responder: cannot listen on UDP %s:%d (%s); peers behind NATs may stay on the relay",
                    self.config.host,
                    self.config.stun_port,
                    error.strerror or error,
                )

    async def _before_connect(self) -> None:
        """Whoever has attached this server may not have started it. Raises ProtocolError if that cannot be done."""
        try:
            await self.start()
        except StoreError as error:
            log.error("nobody is let in: cannot keep webhooks in %s", error)
            raise ProtocolError("internal", "the server cannot start; its log says why", retry_after=10.0) from None

    async def close(self) -> None:
        """Takes no more joins, tells clients, waits until they have read what was theirs, and lets them go.

        Done within 10 seconds. Does nothing the second time. Call it before aiohttp's own clean-up, which begins by
        hearing no client any longer; the application made by `aiohttp_app` does so then, if nobody has before.
        """
        if self._parts is None or self.closing:
            return
        engine, membership, speller, api = self._parts
        membership.closing = True
        log.info(Line("closing", clients=len(self._clients)))
        await asyncio.gather(self._drain(engine, speller), api.streams.close(self.config.drain_timeout))
        await membership.close()
        await asyncio.gather(self.webhooks.close(), engine.stop())
        self._stun.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)

    def _adopt(self, sio: socketio.AsyncServer, namespace: str, *, own: bool) -> _Parts:
        if self._parts is not None:
            raise RuntimeError("a Signalling serves one server: make another one")
        config, clients, metrics = self.config, self._clients, self._metrics
        speller, store = Speller(namespace), MemoryStore()
        connections = Connections(config.max_connections, config.trust_forwarded)
        engine = Engine(sio, namespace, own=own, connections=connections, clock=time.monotonic)
        announcer = Announcer(store, clients, speller)
        announcer.listeners.append(self.webhooks.changed)
        membership = Membership(config, store, clients, announcer, speller, lambda: self.stun_port)
        signals = Signals(store, clients, announcer, speller)
        relays = Relays(store, clients, announcer, speller, metrics)
        posts = Posts(self._feeds, speller)
        sio.register_namespace(
            SignallingNamespace(
                namespace,
                config,
                engine,
                clients,
                speller,
                self._verifier,
                membership,
                signals,
                relays,
                posts,
                Reports(config, metrics),
                self._before_connect,
                metrics,
            )
        )
        api = Api(config, self._verifier, store, membership, self._feeds, self.webhooks, metrics)
        self.registry.register(
            ServerCollector(
                *(metrics, clients, store, membership, signals, relays, posts, self._feeds, api.streams, self.webhooks)
            )
        )
        self._parts = _Parts(engine, membership, speller, api)
        return self._parts

    async def _drain(self, engine: Engine, speller: Speller) -> None:
        event = Shutdown(reason="the server is shutting down", reconnect_after=self.config.reconnect_after)
        for client in self._clients.values():
            client.outbox.push_urgent(speller.event("shutdown", event))
        await _until(lambda: all(client.outbox.empty for client in self._clients.values()), self.config.drain_timeout)
        for sid in list(self._clients):
            await engine.close(sid)
        await _until(lambda: not engine.has_open_sockets(), _GOODBYE)

    async def _sweep(self, parts: _Parts) -> None:
        """Once a second: whoever is silent or too slow goes."""
        while True:
            due = time.monotonic() + _SWEEP_EVERY
            await asyncio.sleep(_SWEEP_EVERY)
            self._metrics.lag.add(max(0.0, time.monotonic() - due))
            try:
                await self._sweep_once(parts.engine, parts.api)
            except Exception:
                log.exception("sweep failed")

    async def _sweep_once(self, engine: Engine, api: Api) -> None:
        self._feeds.expire()
        api.streams.sweep()
        await engine.sweep(self.config.hello_timeout)
        for client in list(self._clients.values()):
            slow = client.outbox.full_for() > self.config.slow_timeout
            expired = client.access.expires is not None and client.access.expires <= time.time()
            if not (slow or expired) or not engine.is_connected(client.sid):
                continue  # one whose connection has ended waits for a handler of its own, and is not ended again
            if slow:
                self._metrics.slow += 1
                await engine.cut(client.sid, "too slow: it does not read what others send it")
            else:
                # It comes back with a fresh token, or is told then that it needs one.
                log.info(Line("token expired", sid=client.sid, user=client.access.user))
                await engine.close(client.sid)


def _later(seconds: float, call: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, call)


async def _until(condition: Callable[[], bool], seconds: float) -> None:
    """Waits for a condition, for so long at most. It looks again and again: once in a server's life that is cheap."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.02)


def _feed_limits(config: Config) -> FeedLimits:
    return FeedLimits(
        post=config.post_bytes,
        room=Bounds(posts=config.history_posts, bytes=config.history_bytes, age=config.history_age),
        rooms=config.max_feeds,
        bytes=config.feeds_bytes,
    )
