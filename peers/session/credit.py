"""What bounds a sender: the budget of all links together, and the credit of each channel (rule S4)."""

from collections import deque

from peers.codec.frames import FrameType, Lane
from peers.session.events import Outbound, PeerLied
from peers.session.rules import MIB, Rules


class Budget:
    """Bytes that wait in all links of one Client."""

    __slots__ = ("limit", "used")

    def __init__(self, limit: int = 64 * MIB) -> None:
        self.limit = limit
        self.used = 0

    def has_room(self, size: int) -> bool:
        """Whether so much more may wait. A message of any size may, where nothing else does."""
        return self.used + size <= self.limit or self.used == 0

    def take(self, size: int) -> None:
        """So much more waits."""
        self.used += size

    def give(self, size: int) -> None:
        """So much waits no longer."""
        self.used -= size


class SendChannel:
    """Our direction of a channel: what is queued, and how much of it the peer lets us send.

    Credit counts charged bytes from the channel's start: `handled` <= `used` <= `limit`, and `promised` is what `used`
    will be once everything queued has been sent.
    """

    __slots__ = (
        "closed",
        "closed_at",
        "datagrams",
        "handled",
        "label",
        "lane",
        "limit",
        "number",
        "offset",
        "promised",
        "queue",
        "ready",
        "starved",
        "used",
        "wanted",
    )

    def __init__(self, number: int, label: str, lane: Lane, rules: Rules) -> None:
        self.number = number
        self.label = label
        self.lane = lane
        self.limit = rules.first_credit
        self.used = self.handled = self.promised = 0
        self.queue: deque[Outbound] = deque()
        self.offset = 0
        """Where the next chunk of the first message begins."""
        self.ready = self.starved = False
        self.wanted: int | None = None
        """The smallest message that somebody waits to send."""
        self.closed = False
        self.closed_at: int | None = None
        """The number of its close, once the peer has acknowledged that."""
        self.datagrams = 0

    @property
    def finished(self) -> bool:
        """Closed, and the peer knows it and has handled everything."""
        return self.closed_at is not None and self.handled >= self.promised

    def grant(self, limit: int, handled: int, rules: Rules) -> bool:
        """The peer tells how much it has handled and how much it takes; whether anything is new.

        Raises PeerLied if it handled what was never sent, or its limit is absurd.
        """
        if handled > self.used:
            raise PeerLied(f"channel {self.number}: {handled} handled of {self.used} sent")
        if not handled <= limit <= handled + rules.credit_most:
            raise PeerLied(f"channel {self.number}: an absurd limit, {limit}, with {handled} handled")
        if limit <= self.limit and handled <= self.handled:
            return False
        if limit > self.limit:
            self.limit = limit
        if handled > self.handled:
            self.handled = handled
        return True


def charge_of(kind: FrameType, size: int, rules: Rules) -> int:
    """What a message of `size` bytes charges: its payload, and something for each frame. Opens and closes are free."""
    if kind > FrameType.VALUE:
        return 0
    if size <= rules.chunk:
        return size + rules.frame_charge
    return size + rules.frame_charge * -(-size // rules.chunk)
