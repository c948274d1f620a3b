"""P6: what bounds the server, beside the rules."""

from typing import Any

from peers.attempts import Quota
from signalling.engine import queue, websocket
from signalling.engine.queue import FedQueue
from signalling.namespace import SignallingNamespace
from signalling.outbox import Outbox
from signalling.throttle import Connections, TokenBucket
from tests.sabotage.switch import Patch, Switch, always, instead, nothing, of

RELAY = "signalling/test_relay.py"
SLOW = "signalling/test_slow_client.py"
OUTBOX = "signalling/test_outbox.py"
CONNECTION = "peers/test_connection.py"


def take_everything(self: Outbox, parts: Any) -> bool:
    size = sum(map(len, parts)) + 256
    self._events.append((parts, size))
    self.waiting += size
    self._queue.wake()
    return True


def take_any_number(patch: Patch) -> None:
    was = SignallingNamespace.relay

    def relay(self: Any, sid: str, relay: Any) -> Any:
        client = self._clients.get(sid)
        if client is None:
            return None
        events, client.events = client.events, TokenBucket(1e9, 1e9, 0.0)
        try:
            return was(self, sid, relay)
        finally:
            client.events = events

    patch.setattr(SignallingNamespace, "relay", relay)


def feed_always(self: FedQueue) -> None:
    self._feed()


SWITCHES = (
    Switch(
        "outbox",
        ("P6",),
        "what waits for a client that does not read has no limit",
        instead(Outbox, "push", take_everything),
        of(OUTBOX, "test_what_finds_no_room_is_refused_and_what_was_taken_gives_room")
        + of(SLOW, "test_senders_are_told_busy_and_others_do_not_notice"),
    ),
    Switch(
        "urgent-bounded",
        ("P6",),
        "refusals for a client that does not read wait without end",
        instead(Outbox, "push_urgent", lambda self, parts: self._urgent.append((parts, 0))),
        of(OUTBOX, "test_endless_refusals_make_a_client_slow_for_good"),
    ),
    Switch(
        "fed-queue",
        ("P6",),
        "the engine's queue is fed whether it is empty or not",
        instead(FedQueue, "wake", feed_always),
        of(OUTBOX, "test_the_queue_takes_more_only_when_everything_is_written"),
    ),
    Switch(
        "kernel-buffer",
        ("P6",),
        "the kernel may hold megabytes for a client",
        instead(websocket, "_limit_unsent", nothing),
        of("signalling/test_websocket.py", "test_the_kernel_holds_little_unsent"),
    ),
    Switch(
        "cut-off-the-slow",
        ("P6",),
        "a client that never reads again is kept",
        instead(Outbox, "full_for", always(0.0)),
        of(SLOW, "test_a_client_that_stays_full_is_cut_off"),
    ),
    Switch(
        "unread-replies",
        ("P6",),
        "a client that reads no replies may ask on",
        instead(queue, "UNREAD_BYTES", 10**12),
        of(SLOW, "test_a_client_that_asks_much_and_reads_nothing_is_not_listened_to"),
    ),
    Switch(
        "rates",
        ("P6",),
        "a client may do as much as it likes",
        instead(TokenBucket, "take", always(0.0)),
        of(RELAY, "test_too_many_bytes_a_second")
        + of("signalling/test_limits.py", "test_a_flood_is_refused_and_others_do_not_notice"),
    ),
    Switch(
        "relays-are-counted",
        ("P6", "V3"),
        "relays are no events, and a client may send as many as it likes",
        take_any_number,
        of("signalling/test_limits.py", "test_a_flood_is_refused_and_others_do_not_notice"),
    ),
    Switch(
        "waits-where-it-is-counted",
        ("P6",),
        "what is for a client that does not read is written all the same",
        instead(websocket.WebSocket, "writable", property(lambda self: self._gathered is not None and self.open)),
        of(
            "signalling/test_websocket.py",
            "test_what_is_for_a_client_that_does_not_read_waits_where_it_is_counted",
        ),
    ),
    Switch(
        "connections-of-an-address",
        ("P6",),
        "an address may open connections without end",
        instead(Connections, "over_limit", always(False)),
        of("signalling/test_limits.py", "test_connections_from_one_address"),
    ),
    Switch(
        "quota",
        ("P6",),
        "a client makes direct paths without end",
        lambda patch: patch.setattr(Quota, "left", property(always(32), nothing), raising=False),
        of(CONNECTION, "test_a_client_holds_so_many_direct_paths_and_no_more"),
    ),
)
