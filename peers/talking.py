"""What rooms and peers share: channels by their labels, of which the default one is what they themselves say."""

from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import Any, TypeVar, overload

from peers.channel import LANES, Channel, LaneName, Message
from peers.codec.payloads import MAX_LABEL
from peers.emitter import Emitter, Handler
from peers.link import Key

T = TypeVar("T")


def make_key(label: str, lane: str, latest: bool) -> Key:
    """A channel's label and lane, checked. Raises ValueError that says what is wrong."""
    if lane not in LANES:
        raise ValueError(f"a lane is one of {', '.join(LANES)}, not {lane!r}")
    if latest and lane != "datagram":
        raise ValueError("latest=True is for the datagram lane: the others deliver everything")
    if len(label.encode()) > MAX_LABEL:
        raise ValueError(f"a channel's label has at most {MAX_LABEL} bytes of UTF-8")
    return label, LANES[lane]


class Talking(Emitter):
    """What rooms and peers share: their `message` event is that of their default channel, and reading them reads it."""

    @overload
    def channel(self, label: str, *, lane: LaneName = "reliable", latest: bool = False) -> Channel[Any]: ...
    @overload
    def channel(
        self, label: str, type: type[T], *, lane: LaneName = "reliable", latest: bool = False
    ) -> Channel[T]: ...
    def channel(
        self, label: str, type: Any = None, *, lane: LaneName = "reliable", latest: bool = False
    ) -> Channel[Any]:
        """A labelled channel to and from this peer, or every peer of this room; the default one has an empty label.

        `type`: any msgspec type or dataclass that messages are to be. `latest` (datagram lane): of each peer only the
        newest datagram waits, older ones that arrive later are dropped. Raises ValueError.
        """
        return self._make_channel(make_key(label, lane, latest), type, latest)

    @abstractmethod
    def _make_channel(self, key: Key, into: Any, latest: bool) -> Channel[Any]:
        """The channel of this key."""

    def off(self, event: str, handler: Handler) -> None:
        """No longer call `handler` at such events."""
        if event == "message":
            self.channel("").off("message", handler)
        else:
            super().off(event, handler)

    def __aiter__(self) -> AsyncIterator[Message[Any]]:
        return self.channel("").__aiter__()

    def _register(self, event: str, handler: Handler | None, *, once: bool = False) -> Any:
        if event == "message":
            return self.channel("")._register(event, handler, once=once)
        return super()._register(event, handler, once=once)
