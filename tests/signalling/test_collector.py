"""What a server shows of itself in metrics, and that it is so."""

import pytest
import socketio

from signalling.app import Signalling
from signalling.config import Config
from tests.signalling.actor import Actor, until
from tests.signalling.conftest import Connect, Server, StartServer
from tests.signalling.http.reading import Api
from tests.signalling.raw import RawClient
from tests.signalling.test_slow_client import fill, stopped
from tests.signalling.webhooks.receivers import receiving
from tests.signalling.webhooks.servers import options, post


def value(server: Server, name: str, **labels: str) -> float:
    """One sample, as it is now."""
    found = server.signalling.registry.get_sample_value(f"eitherway_{name}", labels)
    assert found is not None, (name, labels)
    return found


def refusals(server: Server) -> dict[tuple[str, str], float]:
    """How many there were, by event and code."""
    return {
        (sample.labels["event"], sample.labels["code"]): sample.value
        for metric in server.signalling.registry.collect()
        for sample in metric.samples
        if sample.name == "eitherway_refusals_total" and sample.value
    }


async def test_clients_by_transport_and_by_what_they_are(server: Server, connect: Connect) -> None:
    peer, guest, watcher, _ = [await connect(server.url) for _ in range(4)]
    poller = await connect(server.url, "polling")
    await peer.join("lobby")
    await guest.call("join", {"room": "hall"})
    for actor in (peer, guest, watcher):
        await actor.call("watch", {"room": "lobby", "topics": ["**"]})
    await poller.join("lobby")
    for kind in ("peer", "guest", "watcher", "none"):
        assert value(server, "clients", transport="websocket", kind=kind) == 1, kind
    assert value(server, "clients", transport="polling", kind="peer") == 1
    assert value(server, "clients", transport="polling", kind="none") == 0
    assert value(server, "connections_total", transport="websocket") == 4
    assert value(server, "connections_total", transport="polling") == 1
    assert value(server, "rooms") == 2
    assert value(server, "watchers") == 3
    await poller.close()
    await until(lambda: value(server, "clients", transport="polling", kind="peer") == 0)
    assert value(server, "connections_total", transport="polling") == 1


async def test_who_upgrades_began_by_polling(server: Server, connect: Connect) -> None:
    actor = await connect(server.url, "polling", "websocket")
    await actor.join("lobby")
    assert value(server, "connections_total", transport="polling") == 1
    assert value(server, "clients", transport="websocket", kind="peer") == 1


async def test_members_and_joins(server: Server, connect: Connect) -> None:
    ada, bob = await connect(server.url), await connect(server.url)
    await ada.join("lobby")
    await bob.join("lobby")
    await bob.close()
    await until(lambda: value(server, "members", state="away") == 1)
    assert value(server, "members", state="here") == 1
    again = await connect(server.url, like=bob)
    again.connection = 2
    await again.join("lobby")
    guest = await connect(server.url)
    await guest.call("join", {"room": "lobby"})
    assert (value(server, "members", state="here"), value(server, "members", state="away")) == (3, 0)
    assert value(server, "joins_total", kind="peer", resumed="false") == 2
    assert value(server, "joins_total", kind="peer", resumed="true") == 1
    assert value(server, "joins_total", kind="guest", resumed="false") == 1


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_relays_and_signals(server: Server, connect: Connect, transport: str) -> None:
    ada, bob, cyd = [await connect(server.url, transport) for _ in range(3)]
    for actor in (ada, bob, cyd):
        await actor.join("lobby")
    await ada.relay("lobby", [bob.id, cyd.id], [b"12", b"345", b"6789"])
    await ada.relay("lobby", [bob.id, "nobody"], [b"12", b"x"])
    assert (await ada.next("refused"))["code"] == "unknown-peer"
    for kind in ("offer", "candidate", "candidate"):
        assert await ada.call("signal", {"room": "lobby", "to": bob.id, "kind": kind, "packet": b"x"}) == {}
    assert value(server, "relayed_packets_total") == 3
    assert value(server, "relayed_bytes_total") == 2 + 4 + 3 + 4 + 2
    assert value(server, "signals_total", kind="offer") == 1
    assert value(server, "signals_total", kind="candidate") == 2
    assert value(server, "signals_total", kind="answer") == 0
    assert value(server, "event_seconds_count", event="relay") == 2
    assert value(server, "event_seconds_bucket", event="relay", le="+Inf") == 2
    assert 0 < value(server, "event_seconds_sum", event="relay") < 2
    assert value(server, "event_seconds_count", event="signal") == 3
    assert refusals(server) == {("relay", "unknown-peer"): 1}


async def test_refusals_by_event_and_code(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(guests=False)
    ada = await connect(server.url)
    for event, data in (("juggle", {}), ("x" * 100, {}), ("join", {"room": "lobby"}), ("leave", {"room": "lobby"})):
        assert "error" in await ada.call(event, data)
    await ada.sio.emit("relay", {"room": "lobby", "n": 0, "to": [], "packets": [b""]})
    stranger = Actor(server.url)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await stranger.connect(auth={"protocol": 99})
    await stranger.close()
    async with Api(server.url) as api:
        assert (await api.call("GET", "/nothing"))[0] == 404
        assert (await api.call("GET", "/rooms", headers={"Via": "proxy"}))[0] == 403
    await ada.call("leave", {"room": "lobby"})  # the relay has been handled before
    assert refusals(server) == {
        ("other", "bad-request"): 2,
        ("join", "forbidden"): 1,
        ("leave", "not-in-room"): 2,
        ("relay", "bad-request"): 1,
        ("connect", "unsupported-protocol"): 1,
        ("http", "not-found"): 1,
        ("http", "forbidden"): 1,
    }


async def test_who_is_too_fast_is_counted(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(event_rate=0.001, event_burst=1)
    ada = await connect(server.url)
    for _ in range(3):
        await ada.call("leave", {"room": "lobby"})
    await ada.sio.emit("relay", {"room": "lobby", "n": 1, "to": ["a", "b"], "packets": [b"", b""]})
    await ada.next("refused")
    assert refusals(server) == {("leave", "not-in-room"): 1, ("leave", "rate-limited"): 2, ("relay", "rate-limited"): 2}


async def test_what_waits_for_a_slow_client_and_that_it_is_cut(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(slow_timeout=4.0, outbox_bytes=1_000_000)
    ada, bob = await connect(server.url), await connect(server.url)
    await ada.join("lobby")
    await bob.join("lobby")
    assert value(server, "queue_bytes") == 0
    async with RawClient(server.url) as one, RawClient(server.url) as other:
        await fill(ada, await stopped(one))
        largest = value(server, "queue_largest_bytes")
        assert 500_000 < largest <= value(server, "queue_bytes") < 2_500_000
        await fill(bob, await stopped(other))
        await connect(server.url)  # for which nothing waits
        assert 500_000 < value(server, "queue_largest_bytes") < 1_300_000
        assert value(server, "queue_bytes") > value(server, "queue_largest_bytes") + 500_000
        assert value(server, "slow_clients_cut_total") == 0
        assert refusals(server)["relay", "busy"] > 0
        await until(lambda: value(server, "slow_clients_cut_total") == 2)
    await until(lambda: value(server, "queue_bytes") == 0)


async def test_feeds_and_streams(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(max_streams=1)
    async with Api(server.url) as api:
        await api.post()
        await api.post(room="hall")
        async with api.events() as events:
            await events.next("watching")
            assert value(server, "streams") == 1
            assert value(server, "watchers") == 1
            assert (await api.call("GET", "/rooms/lobby/feed"))[0] == 429
        await until(lambda: value(server, "streams") == 0)
    assert value(server, "streams_refused_total") == 1
    assert value(server, "streams_cut_total") == 0
    assert value(server, "feeds") == 2
    assert value(server, "posts_total") == 2
    kept = [stored for feed in server.signalling._feeds for stored in feed.history.after(0, 10)]
    assert value(server, "posted_bytes_total") == sum(len(stored.data) for stored in kept) > 0
    assert value(server, "feed_bytes") > value(server, "posted_bytes_total")


async def test_webhooks(start_server: StartServer, connect: Connect) -> None:
    async with receiving() as well, receiving() as gone:
        gone.status = 410
        server = await start_server(**options(well.url, gone.url, webhook_events=("post",)))
        ada = await connect(server.url)
        await post(ada, 1)
        await until(lambda: value(server, "webhook_tries_total", outcome="delivered") == 1)
        await until(lambda: value(server, "webhook_endpoints", state="disabled") == 1)
        await post(ada, 2)
        await until(lambda: value(server, "webhook_tries_total", outcome="delivered") == 2)
    assert value(server, "webhook_endpoints", state="enabled") == 1
    assert value(server, "webhook_tries_total", outcome="failed") == 1
    assert value(server, "webhooks_total") == 3
    assert value(server, "webhooks_given_up_total") == 1
    assert value(server, "webhook_dead_letters") == 1
    assert value(server, "webhooks_dropped_total") == 1
    assert value(server, "webhook_backlog") == 0
    assert value(server, "webhook_store_failures_total") == 0


async def test_the_event_loop_is_looked_at(server: Server) -> None:
    await until(lambda: value(server, "loop_lag_seconds_count") > 0)
    assert value(server, "loop_lag_seconds_sum") >= 0


def test_before_a_server_has_been_adopted_there_is_nothing_to_read() -> None:
    (metric,) = Signalling(Config()).registry.collect()
    assert metric.name == "eitherway_time_to_direct_seconds"
