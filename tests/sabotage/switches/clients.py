"""V5, V6 and V7: polls, the end of a connection, and what Socket.IO lets a client do."""

from typing import Any

import socketio.packet
from aiohttp import WSMsgType

from peers import connection, dialling
from peers.connection import Connection
from peers.presence import Presence
from signalling.engine import packets, polling, queue, server, websocket
from signalling.engine.server import Engine
from signalling.namespace import SignallingNamespace
from tests.sabotage.switch import Patch, Switch, always, instead, nothing, of

OUTBOX = "signalling/test_outbox.py"
BY_POLLING = "peers/test_polling.py"
POLLING = "signalling/test_polling.py"
BAD_INPUT = "signalling/test_bad_input.py"
BROKEN = "test_a_packet_that_is_none_ends_its_senders_connection"
CONNECTION = "peers/test_connection.py"


def forget_the_calls(patch: Patch) -> None:
    was = Connection._hang_up

    def hang_up(self: Connection, reason: str) -> None:
        self._calls.clear()
        was(self, reason)

    patch.setattr(Connection, "_hang_up", hang_up)


def relay_from_the_start(self: Presence, id: str) -> None:
    member = self._roster.member(id)
    theirs = member.connection if member is not None and not member.away else None
    self._audience.relay(id, self._connection.number, theirs)


def connect_again(patch: Patch) -> None:
    was = SignallingNamespace.trigger_event

    async def trigger(self: Any, event: str, *args: Any) -> Any:
        if event == "connect":
            await self._connect(args[0], args[-1])
            return None
        return await was(self, event, *args)

    patch.setattr(SignallingNamespace, "trigger_event", trigger)


SWITCHES = (
    Switch(
        "address-change",
        ("P3", "V6"),
        "a connection from an address that is gone is found dead when something times out",
        instead(connection, "ADDRESS_CHECK", None),
        of("peers/test_addresses.py", "test_a_client_whose_address_is_gone_connects_anew_at_once"),
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
        instead(dialling, "_read_large_polls", nothing),
        of(BY_POLLING, "test_a_polling_client_reads_large_polls"),
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
        "control-frames",
        ("V7",),
        "a WebSocket's pings and its end are taken for packets",
        instead(websocket, "_DATA", frozenset(WSMsgType)),
        of("signalling/test_websocket.py", "test_control_frames_that_come_with_relays_are_no_packets"),
    ),
    Switch(
        "connect-again",
        ("V7",),
        "an event called `connect` is taken for the real thing",
        connect_again,
        of(BAD_INPUT, "test_a_member_that_emits_connect_and_disconnect_stays_one"),
    ),
)
