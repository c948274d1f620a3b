"""A server beside somebody else's: the same bounds on packets, readers and connections, whoever serves HTTP."""

from signalling.engine import asgi
from signalling.engine.asgi import AsgiWebSocket
from signalling.engine.packets import Packet
from signalling.engine.queue import FedQueue
from signalling.engine.server import Engine
from signalling.throttle import Connections
from tests.sabotage.switch import Patch, Switch, always, instead, nothing, of

ASGI = "signalling/test_asgi.py"
ATTACHED = "signalling/test_attach.py"


def attach_without_end(patch: Patch) -> None:
    was = Packet.add_attachment

    def add(self: Packet, attachment: object) -> bool:
        self._room = 10**12
        return was(self, attachment)

    patch.setattr(Packet, "add_attachment", add)


def hear_whoever_does_not_read(patch: Patch) -> None:
    patch.setattr(FedQueue, "unread", property(always(False)))


def let_all_go(patch: Patch) -> None:
    was = Engine.close

    async def close(self: Engine, sid: str) -> None:
        for eio_sid in self.sio.eio.sockets.keys() - {self._eio_sid(sid)}:
            await self.cut_off(eio_sid, "the server has shut down")
        await was(self, sid)

    patch.setattr(Engine, "close", close)


def count_by_what_is_said(patch: Patch) -> None:
    was = Connections.__init__
    patch.setattr(Connections, "__init__", lambda self, most, trust_forwarded: was(self, most, True))


def count_by_the_proxy(patch: Patch) -> None:
    was = Connections.__init__
    patch.setattr(Connections, "__init__", lambda self, most, trust_forwarded: was(self, most, False))


SWITCHES = (
    Switch(
        "packets-under-asgi",
        ("attached", "V7"),
        "under ASGI a text that is no packet is passed over",
        instead(asgi, "is_packet", always(True)),
        of(ASGI, "test_what_is_no_packet_ends_its_own_connection"),
        elsewhere=True,
    ),
    Switch(
        "attachments-under-asgi",
        ("attached", "V7", "P6"),
        "beside somebody's server attachments are collected without end",
        attach_without_end,
        of(ASGI, "test_attachments_are_bounded") + of(ATTACHED, "test_attachments_are_bounded_there_too"),
        elsewhere=True,
    ),
    Switch(
        "cut-off-under-asgi",
        ("attached", "P6"),
        "under ASGI a client that does not read keeps its connection",
        instead(AsgiWebSocket, "abort", nothing),
        of(ASGI, "test_who_stops_reading_costs_little_and_is_cut_off"),
        elsewhere=True,
    ),
    Switch(
        "unread-replies-under-asgi",
        ("attached", "P6"),
        "under ASGI a client that asks and never reads is heard without end",
        hear_whoever_does_not_read,
        of(ASGI, "test_who_asks_and_never_reads_is_not_heard_any_longer"),
        elsewhere=True,
    ),
    Switch(
        "connections-under-asgi",
        ("attached", "P6"),
        "under ASGI one address has any number of connections",
        instead(Connections, "over_limit", always(False)),
        of(ASGI, "test_connections_are_counted_by_the_address_in_the_scope"),
        elsewhere=True,
    ),
    Switch(
        "addresses-are-not-hearsay",
        ("attached", "P6"),
        "a client says itself by which address it is counted",
        count_by_what_is_said,
        of(ASGI, "test_connections_are_counted_by_the_address_in_the_scope"),
        elsewhere=True,
    ),
    Switch(
        "addresses-behind-a-proxy",
        ("attached",),
        "behind a trusted proxy all clients are one address",
        count_by_the_proxy,
        of(ASGI, "test_behind_a_proxy_they_are_counted_by_the_address_that_it_names"),
        elsewhere=True,
    ),
    Switch(
        "others-clients-stay",
        ("attached",),
        "closing ends the connections of somebody else's clients too",
        let_all_go,
        of(ATTACHED, "test_closing_lets_our_clients_go_and_nobody_else"),
    ),
)
