"""The API, put together: an application of its own, so that all that is below its path answers alike."""

import re
import time
from typing import Final

from aiohttp import web

from signalling.config import Config
from signalling.feeds.feeds import Feeds
from signalling.http.api.bodies import Bodies
from signalling.http.api.cors import Cors
from signalling.http.api.documents import DocumentRoutes
from signalling.http.api.feed import FeedRoutes
from signalling.http.api.gate import Gate
from signalling.http.api.peers import PeerRoutes
from signalling.http.api.problems import Problems
from signalling.http.api.rooms import RoomRoutes
from signalling.http.api.route import Route
from signalling.http.api.tokens import TokenRoutes
from signalling.http.streams import Streams
from signalling.membership import Membership
from signalling.metrics import Metrics
from signalling.rooms.store import RoomStore
from signalling.tokens import Verifier
from signalling.webhooks.routes import WebhookRoutes
from signalling.webhooks.webhooks import Webhooks

PREFIX: Final = "/api/v1"


class Api:
    """The HTTP API of one server, and the streams that are open."""

    def __init__(
        self,
        config: Config,
        verifier: Verifier,
        store: RoomStore,
        membership: Membership,
        feeds: Feeds,
        webhooks: Webhooks,
        metrics: Metrics,
    ) -> None:
        self._config = config
        self.gate = gate = Gate(verifier, config, time.time)
        self.problems = Problems(metrics)
        self.streams = Streams(config, gate)
        bodies = Bodies(config.post_bytes)
        rooms = RoomRoutes(gate, store, membership, feeds)
        self.routes: list[Route] = [
            *rooms.routes(),
            *PeerRoutes(gate, store, membership, rooms).routes(),
            *FeedRoutes(gate, bodies, feeds, self.streams, config.reconnect_after).routes(),
            *WebhookRoutes(gate, bodies, webhooks).routes(),
        ]
        if (key := verifier.signing_key) is not None:
            self.routes += TokenRoutes(gate, bodies, config, key).routes()
        self.routes += DocumentRoutes(lambda: self.routes).routes()

    def add_to(self, app: web.Application) -> None:
        """Adds it to an application, below `/api/v1`."""
        api = web.Application(middlewares=[self.problems.say])
        Cors(self._config.origins).add_to(api)
        for route in self.routes:
            # aiohttp's own pattern takes no braces, which names of rooms may have.
            path = re.sub(r"\{(\w+)\}", r"{\1:[^/]+}", route.path)
            if route.method == "GET":
                api.router.add_get(path, route.handler, expect_handler=route.expect)
            else:
                api.router.add_route(route.method, path, route.handler, expect_handler=route.expect)
        app.add_subapp(PREFIX, api)
