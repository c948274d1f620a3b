"""V3, V4 and K6: events in their order, relays acknowledged or refused."""

import asyncio
from typing import Any

import msgspec

from peers.paths import relay as relay_path
from signalling import namespace, relay
from signalling.engine.packets import Parts
from signalling.engine.queue import FedQueue
from signalling.namespace import SignallingNamespace
from signalling.outbox import Outbox
from signalling.protocol.events import Relay
from signalling.relay import Relays
from tests.sabotage.switch import Patch, Switch, instead, nothing, of

RELAY = "signalling/test_relay.py"
NAMESPACE = "signalling/test_namespace.py"
SLOW = "signalling/test_slow_client.py"
OUTBOX = "signalling/test_outbox.py"


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


def overtake_the_waiting(patch: Patch) -> None:
    was = SignallingNamespace.relay

    def relay(self: Any, sid: str, relay: Relay) -> Any:
        client = self._clients.get(sid)
        if client is None:
            return None
        waiting, client.waiting = client.waiting, 0
        try:
            return was(self, sid, relay)
        finally:
            client.waiting = waiting

    patch.setattr(SignallingNamespace, "relay", relay)


def overtake_the_queue(patch: Patch) -> None:
    was = FedQueue.pass_by

    def pass_by(self: FedQueue, parts: Parts) -> bool:
        waiting, self.bytes = self.bytes, 0
        try:
            return was(self, parts)
        finally:
            self.bytes += waiting

    patch.setattr(FedQueue, "pass_by", pass_by)


def fail_where_it_is_read(patch: Patch) -> None:
    was = SignallingNamespace.relay

    def relay(self: Any, sid: str, relay: Relay) -> Any:
        client = self._clients.get(sid)
        if client is None or client.waiting:
            return was(self, sid, relay)
        return self._relays.relay(client, relay)

    patch.setattr(SignallingNamespace, "relay", relay)


def wait_for_the_slowest(patch: Patch) -> None:
    was = SignallingNamespace._handle

    async def handle(self: Any, client: Any, event: str, data: object) -> Any:
        while any(other.outbox.waiting > 500_000 for other in self._clients.values()):
            await asyncio.sleep(0.01)
        return await was(self, client, event, data)

    patch.setattr(SignallingNamespace, "_handle", handle)


def drop_bodies(patch: Patch) -> None:
    was = Relays.relay

    def without(self: Relays, client: Any, event: Relay) -> None:
        was(self, client, msgspec.structs.replace(event, packets=event.packets[: len(event.to)]))

    patch.setattr(Relays, "relay", without)


SWITCHES = (
    Switch(
        "fifo",
        ("V3",),
        "events of one client are handled side by side",
        all_at_once,
        of(NAMESPACE, "test_events_wait_for_the_ones_before_them"),
    ),
    Switch(
        "relays-in-their-turn",
        ("V3",),
        "a relay is handled before the event that waits ahead of it",
        overtake_the_waiting,
        of("signalling/test_attach.py", "test_a_relay_right_behind_a_join_waits_for_it"),
    ),
    Switch(
        "nothing-overtakes-a-reply",
        ("V2", "V3"),
        "what is written past a client's queue overtakes what is in it",
        overtake_the_queue,
        of("signalling/test_websocket.py", "test_nothing_overtakes_what_is_in_the_queue"),
    ),
    Switch(
        "failures-stay-where-they-are",
        ("V3",),
        "a relay whose handler fails ends the connection that it came on",
        fail_where_it_is_read,
        of(NAMESPACE, "test_a_relay_that_fails_stops_nothing"),
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
        "body-for-all",
        ("K6",),
        "the server leaves out what is for all recipients",
        drop_bodies,
        of(RELAY, "test_each_recipient_gets_its_packet_and_the_body"),
    ),
)
