"""The receiving side of a link's channels: which number is which channel, and what has been listened to and handled."""

import asyncio
from collections.abc import Callable

from peers.codec.frames import Lane
from peers.link.outlets import DEFAULT, Key
from peers.link.received import Received
from peers.session.events import ChannelOpened, DatagramReceived, MessageReceived
from peers.session.link_core import LinkCore


class Inlets:
    """Passes on what arrives. `on_message(received)`; `on_channel(key, open)`: the peer opened its direction of a
    channel, or sends no more on it; `changed()`: there is something for the link to do."""

    def __init__(
        self,
        core: LinkCore,
        *,
        on_message: Callable[[Received], None],
        on_channel: Callable[[Key, bool], None],
        changed: Callable[[], None],
    ) -> None:
        self._core, self._on_message, self._on_channel, self._changed = core, on_message, on_channel, changed
        self._loop = asyncio.get_running_loop()
        self._keys: dict[int, Key] = {0: DEFAULT}
        self._listening: set[Key] = set()
        self._epoch = 0

    def renew(self) -> None:
        """Another session: its channels have other numbers, and what is listened to is told to it."""
        self._epoch += 1
        self._keys = {0: DEFAULT}
        if DEFAULT in self._listening:
            self._core.session.listen(0, self._loop.time())

    def listen(self, key: Key) -> None:
        """Somebody listens on this channel from now on: the peer gets credit for whole messages."""
        self._listening.add(key)
        for number, other in self._keys.items():
            if other == key and key[1] is not Lane.DATAGRAM:
                self._core.session.listen(number, self._loop.time())
                self._changed()

    def handled(self, received: Received) -> None:
        """The application has handled a message; its credit goes back to the peer."""
        if received.epoch == self._epoch and received.charge:
            self._core.session.handled(received.number, received.charge, self._loop.time())
            self._changed()

    def message(self, event: MessageReceived) -> None:
        """A message of the reliable or the bulk lane."""
        if (key := self._keys.get(event.channel)) is not None:
            self._on_message(
                Received(
                    key,
                    event.type,
                    event.payload,
                    event.path,
                    number=event.channel,
                    charge=event.charge,
                    epoch=self._epoch,
                )
            )

    def datagram(self, event: DatagramReceived) -> None:
        """A datagram. Its number tells older ones; nothing is charged for it."""
        if (key := self._keys.get(event.channel)) is not None:
            self._on_message(
                Received(key, event.type, event.payload, event.path, number=event.number, charge=0, epoch=self._epoch)
            )

    def opened(self, event: ChannelOpened) -> None:
        """The peer opened its direction of a channel."""
        key = (event.label, Lane(event.lane))
        self._keys[event.channel] = key
        if key in self._listening and key[1] is not Lane.DATAGRAM:
            self._core.session.listen(event.channel, self._loop.time())
        self._on_channel(key, True)

    def closed(self, number: int) -> None:
        """The peer sends no more on a channel. What it sent may still wait to be handled."""
        if (key := self._keys.get(number)) is not None:
            self._on_channel(key, False)
