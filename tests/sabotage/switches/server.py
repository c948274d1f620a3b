"""V3 to V7, and what bounds the server."""

import asyncio
from typing import Any

import socketio.packet

from peers import connection
from peers.attempts import Quota
from peers.connection import Connection
from peers.paths import relay as relay_path
from peers.presence import Presence
from signalling import namespace, relay
from signalling.engine import packets, polling, queue, server, websocket
from signalling.engine.queue import FedQueue
from signalling.engine.server import Engine
from signalling.namespace import SignallingNamespace
from signalling.outbox import Outbox
from signalling.relay import Relays
from signalling.throttle import Connections, TokenBucket
from tests.sabotage.switch import Patch, Switch, always, instead, nothing, of

RELAY = "signalling/test_relay.py"
NAMESPACE = "signalling/test_namespace.py"
SLOW = "signalling/test_slow_client.py"
OUTBOX = "signalling/test_outbox.py"
POLLING = "signalling/test_polling.py"
BAD_INPUT = "signalling/test_bad_input.py"
BROKEN = "test_a_packet_that_is_none_ends_its_senders_connection"
CONNECTION = "peers/test_connection.py"


class NoLock:
    """A lock that everybody has at once."""

    async def __aenter__(self) -> None:
        """At once."""

    async def __aexit__(self, *_: object) -> None:
        """At once."""


def all_at_once(patch: Patch) -> None:
    was = SignallingNamespace._in_order

    async def in_order(self: Any, client: Any, event: str, data: object) -> Any:
        client.lock = NoLock()
        return await was(self, client, event, data)

    patch.setattr(SignallingNamespace, "_in_order", in_order)


def wait_for_the_slowest(patch: Patch) -> None:
    was = SignallingNamespace._handle

    async def handle(self: Any, client: Any, event: str, data: object) -> Any:
        while any(other.outbox.waiting > 500_000 for other in self._clients.values()):
            await asyncio.sleep(0.01)
        return await was(self, client, event, data)

    patch.setattr(SignallingNamespace, "_handle", handle)


def forget_the_calls(patch: Patch) -> None:
    was = Connection._hang_up

    def hang_up(self: Connection, reason: str) -> None:
        self._calls.clear()
        was(self, reason)

    patch.setattr(Connection, "_hang_up", hang_up)


def relay_from_the_start(self: Presence, id: str) -> None:
    member = self._roster.member(id)
    theirs = member.connection if member is not None and not member.away else None
    self._audience._relay(id, self._connection.number, theirs)


def take_everything(self: Outbox, parts: Any) -> bool:
    size = sum(map(len, parts)) + 256
    self._events.append((parts, size))
    self.waiting += size
    self._queue.wake()
    return True


def connect_again(patch: Patch) -> None:
    was = SignallingNamespace.trigger_event

    async def trigger(self: Any, event: str, *args: Any) -> Any:
        if event == "connect":
            await self._connect(args[0], args[-1])
            return None
        return await was(self, event, *args)

    patch.setattr(SignallingNamespace, "trigger_event", trigger)


def feed_always(self: FedQueue) -> None:
    self._feed()


SWITCHES = (
    Switch(
        "fifo",
        ("V3",),
        "events of one client are handled side by side",
        all_at_once,
        of(NAMESPACE, "test_events_wait_for_the_ones_before_them"),
    ),
    Switch(
        "64-waiters",
        ("V3", "P6"),
        "events of one client wait without end",
        instead(namespace, "_WAITERS", 10**9),
        of(NAMESPACE, "test_events_wait_for_the_ones_before_them"),
    ),
    Switch(
        "no-handler-waits",
        ("V3", "P6"),
        "handlers wait for whoever does not read",
        wait_for_the_slowest,
        of(SLOW, "test_senders_are_told_busy_and_others_do_not_notice"),
    ),
    Switch(
        "relayed-by-bytes",
        ("V4",),
        "relays are acknowledged by time alone",
        instead(relay, "RELAYED_EVERY_BYTES", 10**12),
        of(RELAY, "test_relays_are_acknowledged_every_64_kilobytes"),
    ),
    Switch(
        "relayed-in-time",
        ("V4",),
        "an acknowledgement of a relay takes its time",
        instead(relay, "_TELL_AFTER", 0.5),
        of(RELAY, "test_relays_are_acknowledged_within_50_milliseconds"),
    ),
    Switch(
        "relays-acknowledged",
        ("V4", "P6"),
        "relays are not acknowledged",
        instead(Outbox, "push_relayed", nothing),
        of(RELAY, "test_a_packet_reaches_the_peer_it_is_for")
        + of("paths/test_relay.py", "TestRelayPath::test_what_waits_is_told_and_so_is_that_there_is_room_again"),
    ),
    Switch(
        "refused",
        ("V4", "P2"),
        "nobody is told what was not passed on",
        instead(Relays, "_refuse", nothing),
        of(
            RELAY,
            "test_what_cannot_be_passed_on_is_refused_by_number_and_name",
            "test_a_stranger_to_the_room_relays_nothing",
            "test_a_packet_that_is_too_large",
            "test_too_many_bytes_a_second",
        )
        + of("paths/test_relay.py", "test_what_the_server_refuses_comes_back_with_its_reason"),
    ),
    Switch(
        "refused-before-relayed",
        ("V4",),
        "a refusal waits behind what others send, and comes after the acknowledgement that covers it",
        instead(Outbox, "push_urgent", lambda self, parts: self.push(parts)),
        of(OUTBOX, "test_events_keep_their_order_behind_the_urgent_ones"),
    ),
    Switch(
        "refusals-are-heard",
        ("V4", "S6"),
        "a client takes no notice of refusals",
        instead(relay_path.Relays, "refused", nothing),
        of("paths/test_relay.py", "test_what_the_server_refuses_comes_back_with_its_reason"),
    ),
    Switch(
        "acknowledgements-are-heard",
        ("V4", "S7"),
        "a client takes no notice of the server's acknowledgements",
        instead(relay_path.Relays, "relayed", nothing),
        of(
            "paths/test_relay.py",
            "TestRelayPath::test_what_waits_is_told_and_so_is_that_there_is_room_again",
            "test_what_the_server_refuses_comes_back_with_its_reason",
        ),
    ),
    Switch(
        "polls-in",
        ("V5", "P2"),
        "a polling request of more than 16 packets is dropped",
        instead(server, "MAX_POLL_PACKETS", 16),
        of(POLLING, "test_many_events_at_once_from_a_polling_client"),
    ),
    Switch(
        "polls-out",
        ("V5", "P2"),
        "a poll brings more packets than a stock client reads",
        instead(queue, "POLL_PACKETS", 10**6),
        of(POLLING, "test_one_poll_brings_no_more_than_any_client_can_read")
        + of(OUTBOX, "test_one_poll_takes_no_more_than_a_stock_client_can_read"),
    ),
    Switch(
        "large-polls-are-read",
        ("V5", "P2"),
        "our client drops a poll of more than 16 packets",
        instead(connection, "_read_large_polls", nothing),
        of(CONNECTION, "test_a_polling_client_reads_large_polls"),
    ),
    Switch(
        "polls-that-cannot-be-parsed",
        ("V5", "P2"),
        "a polling request that cannot be parsed is dropped in silence",
        instead(polling, "guard", nothing),
        of(POLLING, "test_a_request_that_cannot_be_parsed_ends_the_connection[300 packets]"),
    ),
    Switch(
        "whole-bodies",
        ("V5", "P2"),
        "of a polling request that comes in pieces the first is taken for all",
        instead(polling, "_WholeBody", lambda content: content),
        of(POLLING, "test_a_request_that_comes_in_pieces_is_read_whole"),
    ),
    Switch(
        "calls-end-with-the-connection",
        ("V6",),
        "a question outlives the connection that it was asked on",
        forget_the_calls,
        of(CONNECTION, "test_a_question_ends_with_its_connection"),
    ),
    Switch(
        "nothing-before-join",
        ("V6", "V1"),
        "a client relays on a new connection before it has joined on it",
        instead(Presence, "_tell_relay", relay_from_the_start),
        of(CONNECTION, "test_nothing_is_sent_on_a_new_connection_before_it_has_joined"),
    ),
    Switch(
        "connect-and-disconnect",
        ("V7",),
        "an event called `disconnect` is taken for the real thing",
        instead(Engine, "is_connected", always(False)),
        of(BAD_INPUT, "test_a_member_that_emits_connect_and_disconnect_stays_one"),
    ),
    Switch(
        "attachments",
        ("V7", "P6"),
        "a packet may announce attachments without end",
        instead(packets, "MAX_ATTACHMENTS", 10**12),
        of(BAD_INPUT, f"{BROKEN}[too many attachments]", f"{BROKEN}[a billion attachments]"),
    ),
    Switch(
        "attached-bytes",
        ("V7", "P6"),
        "a packet's attachments may have any size",
        instead(packets, "MAX_ATTACHED_BYTES", 10**15),
        of(BAD_INPUT, "test_attachments_without_end", f"{BROKEN}[large attachments]")
        + of("signalling/test_attach.py", "test_attachments_are_bounded_there_too"),
    ),
    Switch(
        "our-packet-class",
        ("V7", "P6"),
        "a server that we are attached to parses packets as ever",
        instead(server, "Packet", socketio.packet.Packet),
        of("signalling/test_attach.py", "test_attachments_are_bounded_there_too"),
    ),
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
        "connections-of-an-address",
        ("P6",),
        "an address may open connections without end",
        instead(Connections, "over_limit", always(False)),
        of("signalling/test_limits.py", "test_connections_from_one_address"),
    ),
    Switch(
        "connect-again",
        ("V7",),
        "an event called `connect` is taken for the real thing",
        connect_again,
        of(BAD_INPUT, "test_a_member_that_emits_connect_and_disconnect_stays_one"),
    ),
    Switch(
        "quota",
        ("P6",),
        "a client makes direct paths without end",
        lambda patch: patch.setattr(Quota, "left", property(always(32), nothing), raising=False),
        of(CONNECTION, "test_a_client_holds_so_many_direct_paths_and_no_more"),
    ),
)
