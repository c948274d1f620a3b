"""What a server looks like at this moment, in metrics: read from its parts whenever somebody asks, and not before."""

from collections.abc import Iterable, Mapping
from itertools import accumulate, product
from typing import Final, get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from signalling.clients import Client, Clients
from signalling.feeds.feeds import Feeds
from signalling.http.streams import Streams
from signalling.membership import Membership
from signalling.metrics import BOUNDS, PATHS, Durations, Metrics
from signalling.posts import Posts
from signalling.protocol.events import SignalKind
from signalling.relay import Relays
from signalling.rooms.store import RoomStore
from signalling.signals import Signals
from signalling.webhooks.webhooks import Webhooks

_TRANSPORTS: Final = ("websocket", "polling")
_KINDS: Final = ("peer", "guest", "watcher", "none")

Values = Mapping[tuple[str, ...], float]
"""By the values of labels."""


class ServerCollector(Collector):
    """Reads the parts of one server. Collects in the thread of its event loop, as all that they do."""

    def __init__(
        self,
        metrics: Metrics,
        clients: Clients,
        store: RoomStore,
        membership: Membership,
        signals: Signals,
        relays: Relays,
        posts: Posts,
        feeds: Feeds,
        streams: Streams,
        webhooks: Webhooks,
    ) -> None:
        self._metrics = metrics
        self._clients = clients
        self._store = store
        self._membership = membership
        self._signals = signals
        self._relays = relays
        self._posts = posts
        self._feeds = feeds
        self._streams = streams
        self._webhooks = webhooks

    def collect(self) -> Iterable[Metric]:
        """Every metric but the times that peers report."""
        yield from self._of_clients()
        yield from self._of_rooms()
        yield from self._of_events()
        yield from self._of_feeds()
        yield from self._of_webhooks()

    def _of_clients(self) -> Iterable[Metric]:
        """In one round over all clients, of whom there may be thousands."""
        clients: dict[tuple[str, ...], int] = dict.fromkeys(product(_TRANSPORTS, _KINDS), 0)
        direct = turn = relay = waiting = largest = 0
        for client in self._clients.values():
            kind = self._kind(client)
            outbox = client.outbox
            clients[outbox.transport, kind] += 1
            size = outbox.bytes
            waiting += size
            if size > largest:
                largest = size
            if kind == "peer":
                links = client.links
                direct += links.direct
                turn += links.turn
                relay += links.relay
        yield _gauge(
            "clients",
            "Clients that are connected, by what they are in any room: `peer`, `guest`, `watcher` or `none`.",
            clients,
            ["transport", "kind"],
        )
        yield _counter(
            "connections",
            "Clients that were let in, by the transport that they began with.",
            {(transport,): self._metrics.connections[transport] for transport in _TRANSPORTS},
            ["transport"],
        )
        yield _gauge("queue_bytes", "What waits for all clients.", waiting)
        yield _gauge("queue_largest_bytes", "What waits for the client for which most waits.", largest)
        yield _gauge(
            "link_ends",
            "Ends of links by the path that they take now, as their peers report it.",
            dict(zip(product(PATHS), (direct, turn, relay), strict=True)),
            ["path"],
        )
        yield _counter("slow_clients_cut", "Clients that were cut off for reading too slowly.", self._metrics.slow)

    def _kind(self, client: Client) -> str:
        if client.is_member:
            return "peer"
        if client.seats:
            return "guest"
        return "watcher" if self._posts.is_watching(client) else "none"

    def _of_rooms(self) -> Iterable[Metric]:
        rosters = [roster for name in self._store.names() if (roster := self._store.find(name)) is not None]
        away = sum(entry.holder is None for roster in rosters for entry in roster)
        yield _gauge("rooms", "Rooms that have members.", len(rosters))
        yield _gauge(
            "members",
            "Members of all rooms, `here` or `away`.",
            {("here",): sum(map(len, rosters)) - away, ("away",): away},
            ["state"],
        )
        joins = self._membership.joins
        yield _counter(
            "joins",
            "Joins, by whether a member came back to its place.",
            {labels: joins[labels] for labels in product(("peer", "guest"), ("false", "true"))},
            ["kind", "resumed"],
        )

    def _of_events(self) -> Iterable[Metric]:
        metrics, passed_on = self._metrics, self._signals.passed_on
        yield _histogram(
            "event_seconds",
            "How long events of clients took, from their turn to their answer.",
            {(event,): durations for event, durations in metrics.handling.items()},
            ["event"],
        )
        yield _histogram("loop_lag_seconds", "How late the event loop was, looked at once a second.", {(): metrics.lag})
        yield _counter(
            "refusals",
            "Events and requests to the HTTP API (`http`) that were refused, by the code of the protocol.",
            metrics.refusals,
            ["event", "code"],
        )
        yield _counter(
            "signals",
            "Signals that were passed on.",
            {(kind,): passed_on[kind] for kind in get_args(SignalKind)},
            ["kind"],
        )
        yield _counter("relayed_packets", "Packets that were relayed, each to one member.", self._relays.packets)
        yield _counter("relayed_bytes", "Bytes of packets that were relayed.", self._relays.bytes)

    def _of_feeds(self) -> Iterable[Metric]:
        feeds, streams = self._feeds, self._streams
        each = list(feeds)
        yield _gauge("feeds", "Rooms that have a feed.", len(each))
        yield _gauge("feed_bytes", "What all feeds keep.", feeds.bytes)
        yield _gauge(
            "watchers", "Who watches feeds, by Socket.IO or by HTTP.", sum(feed.watcher_count for feed in each)
        )
        yield _counter("posts", "Posts that were taken.", feeds.posts)
        yield _counter("posted_bytes", "Bytes of the data of posts that were taken.", feeds.posted_bytes)
        yield _gauge("streams", "Streams and long-polls over HTTP that are held.", len(streams))
        yield _counter("streams_cut", "Streams and long-polls that were cut off for reading too slowly.", streams.cut)
        yield _counter(
            "streams_refused", "Streams and long-polls that were refused because there were too many.", streams.refused
        )

    def _of_webhooks(self) -> Iterable[Metric]:
        webhooks, counts = self._webhooks, self._webhooks.counts
        disabled = sum(endpoint.disabled for endpoint in webhooks.endpoints)
        yield _gauge(
            "webhook_endpoints",
            "Endpoints, `enabled` or `disabled`.",
            {("enabled",): len(webhooks.endpoints) - disabled, ("disabled",): disabled},
            ["state"],
        )
        yield _gauge("webhook_backlog", "Webhooks that wait, for all endpoints.", webhooks.backlog)
        yield _gauge("webhook_dead_letters", "Webhooks that were given up and are kept.", webhooks.dead_letters)
        yield _counter("webhooks", "Webhooks that were taken to be sent.", counts.accepted)
        yield _counter(
            "webhook_tries",
            "Requests to endpoints, by what came of them: `delivered` or `failed`.",
            {("delivered",): counts.delivered, ("failed",): counts.failed},
            ["outcome"],
        )
        yield _counter("webhooks_given_up", "Webhooks that became dead letters.", counts.dead)
        yield _counter("webhooks_dropped", "Webhooks that there was no room for.", counts.dropped)
        yield _counter(
            "webhook_store_failures", "How often the store of webhooks could not be written.", webhooks.store_failures
        )


def _gauge(name: str, text: str, values: float | Values, labels: list[str] | None = None) -> Metric:
    return _with(GaugeMetricFamily(f"eitherway_{name}", text, labels=labels), values)


def _counter(name: str, text: str, values: float | Values, labels: list[str] | None = None) -> Metric:
    return _with(CounterMetricFamily(f"eitherway_{name}", text, labels=labels), values)


def _with(family: GaugeMetricFamily | CounterMetricFamily, values: float | Values) -> Metric:
    for labels, value in (values if isinstance(values, Mapping) else {(): values}).items():
        family.add_metric(labels, value)
    return family


def _histogram(
    name: str, text: str, values: Mapping[tuple[str, ...], Durations], labels: list[str] | None = None
) -> Metric:
    family = HistogramMetricFamily(f"eitherway_{name}", text, labels=labels)
    for of, durations in values.items():
        buckets = zip([*map(str, BOUNDS), "+Inf"], accumulate(durations.counts), strict=True)
        family.add_metric(of, list(buckets), durations.sum)
    return family
