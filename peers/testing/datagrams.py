"""Where the datagrams of direct paths pass: between aioice and its sockets, for as long as a network is there.

The names used are aioice's: `StunProtocol`, an asyncio protocol, and the function that lists this machine's addresses.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from aioice import ice
from aioice.ice import StunProtocol

from peers.testing.wire import Wire

Ends = tuple[str, str]
"""Ids of the program whose socket it is, and of the peer that the direct path leads to."""


class Tap:
    """Puts wires between aioice and the sockets of direct paths.

    `ends_of(connection)` tells whose an ICE connection is, or None if it is nobody's that we know: it is then left
    alone. `make_wire(sender, receiver, deliver)` makes a wire.
    """

    def __init__(
        self,
        ends_of: Callable[[Any], Ends | None],
        make_wire: Callable[[str, str, Callable[[Any], None]], Wire],
    ) -> None:
        self._ends_of, self._make_wire = ends_of, make_wire
        self._sockets: WeakKeyDictionary[StunProtocol, _Socket] = WeakKeyDictionary()
        self._here: Counter[Ends] = Counter()
        """How many sockets are open here, by their ends."""
        self._made = StunProtocol.connection_made
        self._received = StunProtocol.datagram_received
        self._addresses = ice.get_host_addresses

    def install(self) -> None:
        """Take effect for sockets that are opened from now on."""
        tap = self

        def connection_made(protocol: StunProtocol, transport: asyncio.BaseTransport) -> None:
            tap._made(protocol, tap._wrapped(protocol, transport))

        def datagram_received(protocol: StunProtocol, data: bytes | str, addr: tuple[Any, ...]) -> None:
            socket = tap._sockets.get(protocol)
            if socket is None or tap._here[socket.peer, socket.owner]:
                tap._received(protocol, data, addr)  # it has passed the sender's wire
            else:
                socket.incoming.send((data, addr))

        def addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
            # Loopback is left out otherwise, so a machine that has nothing else would have no direct paths.
            return tap._addresses(use_ipv4, use_ipv6) or ["127.0.0.1"]

        StunProtocol.connection_made = connection_made  # type: ignore[method-assign, assignment]
        ice.get_host_addresses = addresses
        StunProtocol.datagram_received = datagram_received  # type: ignore[method-assign, assignment]

    def remove(self) -> None:
        """Undo it. Sockets that are open keep their wires."""
        ice.get_host_addresses = self._addresses
        StunProtocol.connection_made = self._made  # type: ignore[method-assign]
        StunProtocol.datagram_received = self._received  # type: ignore[method-assign]

    def changed(self) -> None:
        """The weather has changed."""
        for socket in list(self._sockets.values()):
            socket.outgoing.changed()
            socket.incoming.changed()

    def _wrapped(self, protocol: StunProtocol, transport: Any) -> Any:
        ends = self._ends_of(protocol.receiver)
        if ends is None:
            return transport
        owner, peer = ends
        outgoing = self._make_wire(owner, peer, lambda datagram: transport.sendto(*datagram))
        incoming = self._make_wire(peer, owner, lambda datagram: self._received(protocol, *datagram))
        socket = self._sockets[protocol] = _Socket(transport, ends, outgoing, incoming, self._closed)
        self._here[ends] += 1
        return socket

    def _closed(self, socket: "_Socket") -> None:
        self._here[socket.owner, socket.peer] -= 1


class _Socket:
    """An asyncio datagram transport with a wire at it each way."""

    def __init__(
        self, transport: Any, ends: Ends, outgoing: Wire, incoming: Wire, on_closed: Callable[["_Socket"], None]
    ) -> None:
        self._transport, self._on_closed = transport, on_closed
        self.owner, self.peer = ends
        self.outgoing, self.incoming = outgoing, incoming
        self._open = True

    def sendto(self, data: bytes, addr: Any = None) -> None:
        """Send a datagram."""
        self.outgoing.send((data, addr))

    def close(self) -> None:
        """Close the socket; what is on its wires does not arrive."""
        if self._open:
            self._open = False
            self.outgoing.close()
            self.incoming.close()
            self._on_closed(self)
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
