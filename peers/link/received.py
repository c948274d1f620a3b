"""What arrived on a link, before anybody has looked at it."""

from peers.codec.frames import FrameType
from peers.link.outlets import Key
from peers.session.events import PathName


class Received:
    """A message or datagram, not yet decoded. `epoch` tells sessions apart: what is handled late finds another."""

    __slots__ = ("charge", "epoch", "key", "number", "path", "payload", "type")

    def __init__(
        self, key: Key, type: FrameType, payload: bytes, path: PathName, *, number: int, charge: int, epoch: int
    ) -> None:
        self.key, self.type, self.payload, self.path = key, type, payload, path
        self.number, self.charge, self.epoch = number, charge, epoch
